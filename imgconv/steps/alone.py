"""One process at a time works in a folder."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

LOCK = ".imgconv-run.lock"  # in the folder itself: whoever can write there can lock
PAUSE = 0.05  # seconds


@contextmanager
def alone(folder: str, patience: float) -> Iterator[None]:
    """The block is run by one process at a time. Raises TimeoutError after `patience` seconds.

    The folder itself is locked: nothing is left in it, and nothing has to be removed that others
    may be waiting for. Windows and some network file systems lock files alone; there a file is.
    """
    descriptor = _open(folder)
    if descriptor is None:
        from filelock import FileLock

        with FileLock(Path(folder) / LOCK, timeout=patience):
            yield
        return
    try:
        _wait(descriptor, patience)
        yield
    finally:
        os.close(descriptor)


def _open(folder: str) -> int | None:
    """The folder, open, where the system locks folders."""
    if fcntl is None:
        return None
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:  # one may write into it without reading it
        return None
    try:
        _lock(descriptor)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def _wait(descriptor: int, patience: float) -> None:
    end = time.monotonic() + patience
    while not _lock(descriptor):
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(PAUSE)


def _lock(descriptor: int) -> bool:
    """Whether it is ours now. Raises OSError where it cannot be locked at all."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
