"""Where pixels lie, when they are some rows of a plane: sums that run down its columns, and tiles
of FFTs, are begun anew at rows that are counted from the plane's first one."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple


class Place(NamedTuple):
    """The row of the plane that is the first here; whether all of the plane is finite (None: what
    is here is all, or known to be as finite as all)."""

    row: int = 0
    finite: bool | None = None


WHOLE = Place()
_place: ContextVar[Place] = ContextVar("place", default=WHOLE)


def place() -> Place:
    """Of the pixels that are being worked on."""
    return _place.get()


@contextmanager
def at(row: int, finite: bool | None = None) -> Iterator[None]:
    """Within it, pixels are rows of a plane from this one on."""
    token = _place.set(Place(row, finite))
    try:
        yield
    finally:
        _place.reset(token)


def segments(height: int, size: int) -> list[tuple[int, int]]:
    """(begin, end) of `height` rows here, cut where a row of the plane is a multiple of `size`."""
    first = -place().row % size or size
    cuts = [0, *range(first, height, size), height]
    return list(itertools.pairwise(cuts))
