"""`python -m imgconv` and the `imgconv` command."""

from __future__ import annotations

import gc
import os
import signal
import sys
import warnings
from typing import NoReturn

from .later import wait_for_use


def run() -> None:
    end_at_once()
    guard()
    # NumPy's BLAS would start a thread a CPU when it is imported; the loops here are our own.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # Importing makes objects that stay: looking for cycles among them took 20 ms of every command.
    gc.set_threshold(100_000, 50, 50)
    if not sys.warnoptions:  # NumPy's and others' are not meant for who types commands
        warnings.simplefilter("ignore")
    wait_for_use()
    try:
        from imgconv import doing
        from imgconv.cli import main

        doing.alone = True
        code = main()
    except KeyboardInterrupt:  # before a command could care for it
        code = 130
    leave(code)


def end_at_once() -> None:
    """Until a command begins, an interrupt loses nothing: no import can keep it for itself."""
    for name in ("SIGTERM", "SIGHUP", "SIGINT"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _end)


def _end(number: int, frame: object) -> NoReturn:
    os._exit(130)


def guard() -> None:
    """Streams that the caller has closed (>&-) go nowhere: the next file that is opened would get
    their number, and whatever is printed to it. Python knows them as None."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free


def leave(code: int) -> None:
    """End at once: tearing down the interpreter and its libraries takes longer than a filter."""
    for stream in filter(None, (sys.stdout, sys.stderr)):
        try:
            stream.flush()
        except BrokenPipeError:
            code = code or 141
        except OSError:  # a full disk: what was lost has been said, where that was possible
            code = code or 1
    os._exit(code)


if __name__ == "__main__":
    run()
