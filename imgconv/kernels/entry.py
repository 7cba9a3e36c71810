"""What the compiler makes of a kernel, and the cache keeps."""

from __future__ import annotations

from typing import NamedTuple


class Entry(NamedTuple):
    """Machine code of one kernel: an object file, its function and the words of its signature."""

    symbol: str
    signature: str
    object: bytes
