"""Rows of a value that is made from top to bottom: those that somebody still needs."""

from __future__ import annotations

import numpy as np


class Ring:
    """The last rows of an array along one axis, in a place for so many of them that is used again.

    room: an array whose length along `axis` is the number of rows it holds. Row i lies at i modulo
    that number. What is written at once must not cross the end: that is seen to by whoever plans.
    """

    def __init__(self, room: np.ndarray, axis: int) -> None:
        self.room, self.axis, self.count = room, axis, room.shape[axis]

    def place(self, begin: int, end: int) -> np.ndarray:
        """Where rows begin ... end are to be written; no copy."""
        first = begin % self.count
        assert first + end - begin <= self.count
        return self._part(first, first + end - begin)

    def rows(self, begin: int, end: int) -> np.ndarray:
        """Rows begin ... end: no copy where they lie together."""
        first = begin % self.count
        over = first + end - begin - self.count
        if over <= 0:
            return self._part(first, first + end - begin)
        parts = self._part(first, self.count), self._part(0, over)
        return np.concatenate(parts, axis=self.axis)

    def _part(self, begin: int, end: int) -> np.ndarray:
        return self.room[(slice(None),) * self.axis + (slice(begin, end),)]
