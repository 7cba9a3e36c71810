"""Batches made while the network learns from the last one."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def ahead(endless: Iterator[T], count: int = 3) -> Iterator[T]:
    """The same items, of which one thread makes up to `count` ahead; its errors come out here."""
    with ThreadPoolExecutor(1) as pool:
        ready = deque(pool.submit(next, endless) for _ in range(count))
        while True:
            yield ready.popleft().result()
            ready.append(pool.submit(next, endless))
