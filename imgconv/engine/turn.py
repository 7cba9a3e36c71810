"""One network at a time in a process, on all threads.

A batch reads, measures and writes several images at once; the networks of these jobs take turns.
That takes the memory of one image, and a network alone on all threads is done sooner than several
side by side.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from imgconv import threads

_lock = threading.RLock()


@contextmanager
def turn() -> Iterator[None]:
    """Waits for the other threads' networks; within it this one has all threads."""
    with _lock, threads.use_all_threads():
        yield
