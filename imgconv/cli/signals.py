"""SIGTERM and SIGHUP end a command as Ctrl-C does: files under way are cleaned up, exit code 130.

Python drops a KeyboardInterrupt that is raised within some of its own callbacks (those of weak
references, which the import of a module leaves), and libraries some within theirs. So each is
noted, and one that was dropped comes again.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

SOON = 0.01  # seconds after which a dropped interrupt comes again

_heard = False


@contextmanager
def interruptible() -> Iterator[None]:
    """Within the block, a signal that asks the process to end raises KeyboardInterrupt."""
    global _heard
    if threading.current_thread() is not threading.main_thread():  # used as a library
        yield
        return
    names = ("SIGTERM", "SIGHUP", "SIGINT")
    wanted = [getattr(signal, name) for name in names if hasattr(signal, name)]
    # A signal that the parent ignores (nohup, a background job's SIGINT) stays ignored.
    heard = [s for s in wanted if signal.getsignal(s) is not signal.SIG_IGN]
    _heard = False
    before = {number: signal.signal(number, _interrupt) for number in heard}
    hook, sys.unraisablehook = sys.unraisablehook, _raise_again
    try:
        yield
    finally:
        sys.unraisablehook = hook
        for number, handler in before.items():
            signal.signal(number, handler)


def check_interrupt() -> None:
    """Raise the KeyboardInterrupt that a library has kept for itself."""
    if _heard:
        raise KeyboardInterrupt


def _interrupt(number: int, frame: Any) -> None:
    global _heard
    _heard = True
    raise KeyboardInterrupt


def _raise_again(dropped: Any) -> None:
    """What Python does with an exception that nobody can catch; an interrupt comes again."""
    if issubclass(dropped.exc_type, KeyboardInterrupt) and hasattr(signal, "setitimer"):
        signal.signal(signal.SIGALRM, _interrupt)
        signal.setitimer(signal.ITIMER_REAL, SOON)
    else:
        sys.__unraisablehook__(dropped)
