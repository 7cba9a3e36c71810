"""`python -m imgconv` and the `imgconv` command."""

from __future__ import annotations

import gc
import os
import sys


def run() -> None:
    # NumPy's BLAS would start a thread a CPU when it is imported; the loops here are our own.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # Importing makes objects that stay: looking for cycles among them took 20 ms of every command.
    gc.set_threshold(100_000, 50, 50)
    try:
        from imgconv.cli import main

        code = main()
    except KeyboardInterrupt:  # before a command could care for it
        code = 130
    leave(code)


def leave(code: int) -> None:
    """End at once: tearing down the interpreter and its libraries takes longer than a filter."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except BrokenPipeError:
        code = code or 141
    os._exit(code)


if __name__ == "__main__":
    run()
