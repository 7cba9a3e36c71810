"""Memory that files processed at once share: large ones wait for each other."""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FALLBACK = 4 << 30  # bytes, where the system does not say how much it has
_free = threading.Condition()
_used = 0


@contextmanager
def share(needed: int) -> Iterator[None]:
    """Hold `needed` bytes of the budget in the block; alone, a file may take more than all."""
    global _used
    with _free:
        _free.wait_for(lambda: _used == 0 or _used + needed <= budget())
        _used += needed
    try:
        yield
    finally:
        with _free:
            _used -= needed
            _free.notify_all()


@functools.cache
def budget() -> int:
    """Half of the memory this process may use: the machine's, or its control group's."""
    try:
        installed = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        installed = FALLBACK
    try:
        granted = int(Path("/sys/fs/cgroup/memory.max").read_text())
    except (OSError, ValueError):  # no control group, or "max"
        granted = installed
    return min(installed, granted) // 2
