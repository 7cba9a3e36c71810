"""SIGTERM and SIGHUP end a batch as Ctrl-C does: files under way are cleaned up, exit code 130."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def interruptible() -> Iterator[None]:
    """Within the block, a signal that asks the process to end raises KeyboardInterrupt."""
    if threading.current_thread() is not threading.main_thread():  # used as a library
        yield
        return
    names = ("SIGTERM", "SIGHUP", "SIGINT")
    wanted = [getattr(signal, name) for name in names if hasattr(signal, name)]
    # A signal that the parent ignores (nohup, a background job's SIGINT) stays ignored.
    heard = [s for s in wanted if signal.getsignal(s) is not signal.SIG_IGN]
    before = {number: signal.signal(number, _interrupt) for number in heard}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupt(number: int, frame: Any) -> None:
    raise KeyboardInterrupt
