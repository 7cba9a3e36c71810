"""A plane of which some rows are in memory at a time: of a file with regions, or of an array."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from imgconv.images.bands import BAND

Read = Callable[[slice, slice], np.ndarray]


@dataclass(eq=False)
class LargePlane:
    """`read` gives rows and columns (h, w, C); `together` rows are stored as one."""

    shape: tuple[int, int, int]
    dtype: np.dtype[Any]
    read: Read
    together: int = 1
    _held: dict[int, np.ndarray] = field(default_factory=dict)

    @staticmethod
    def of(pixels: np.ndarray) -> LargePlane:
        """An array (H, W, C)."""
        height, width, channels = pixels.shape
        return LargePlane(
            (height, width, channels), pixels.dtype, lambda rows, columns: pixels[rows, columns]
        )

    def channels(self, places: tuple[int, ...]) -> LargePlane:
        """Some of its channels."""
        shape = (*self.shape[:2], len(places))

        def read(rows: slice, columns: slice) -> np.ndarray:
            return self.read(rows, columns)[..., places]

        return replace(self, shape=shape, read=read, _held={})

    def through(self, change: Callable[[np.ndarray], np.ndarray]) -> LargePlane:
        """Of the same shape and type, each pixel changed."""

        def read(rows: slice, columns: slice) -> np.ndarray:
            return change(self.read(rows, columns))

        return replace(self, read=read, _held={})

    def rows(self, top: int, bottom: int) -> np.ndarray:
        """(bottom - top, W, C); what the next rows may need again is kept."""
        step, bottom = self._step, min(bottom, self.shape[0])
        wanted = range(top // step, -(-bottom // step))
        self._held = {
            n: self._held[n] if n in self._held else self._read(n * step, (n + 1) * step)
            for n in wanted
        }
        parts = list(self._held.values())
        joined = parts[0] if len(parts) == 1 else np.concatenate(parts)
        first = wanted.start * step
        return joined[top - first : bottom - first]

    def sampled(self, step: int) -> np.ndarray:
        """Every `step`th row and column from the first on, (h, w, C)."""
        found: list[np.ndarray] = []
        for top, bottom in self.spans():
            first = -(-top // step) * step
            if first < bottom:
                found.append(self.rows(top, bottom)[first - top :: step, ::step].copy())
        return np.concatenate(found)

    def spans(self) -> Iterator[tuple[int, int]]:
        """First and last row of bands that are read without reading anything twice."""
        for top in range(0, self.shape[0], self._step):
            yield top, min(top + self._step, self.shape[0])

    @property
    def _step(self) -> int:
        row = self.shape[1] * self.shape[2] * self.dtype.itemsize
        return max(1, BAND // row // self.together) * self.together

    def _read(self, top: int, bottom: int) -> np.ndarray:
        return self.read(slice(top, min(bottom, self.shape[0])), slice(0, self.shape[1]))
