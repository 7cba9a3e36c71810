"""The mean over the eight orientations of an image, each cleaned on its own.

A network is not quite the same function of an image and of its mirror image; what differs is error,
and the mean has less of it (Timofte, Rothe and Van Gool, CVPR 2016). Eight times the work.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np

from imgconv import doing
from imgconv.tasks.large_plane import LargePlane
from imgconv.tasks.tile_file import SIDE, TileFile

from .run import Cleaner


@dataclass(frozen=True, eq=False)
class Orientations:
    """A cleaner of the mean of what `cleaner` finds; the facts are those of the upright image."""

    cleaner: Cleaner

    @property
    def sums(self) -> bool:
        return getattr(self.cleaner, "sums", False)

    @property
    def imports(self) -> tuple[str, ...]:
        """What it imports when it works."""
        return tuple(getattr(self.cleaner, "imports", ()))

    def __call__(self, colours: np.ndarray, top: float) -> tuple[np.ndarray, dict[str, Any]]:
        removed, facts = self.cleaner(colours, top)
        for one in ORIENTATIONS[1:]:
            turned = np.ascontiguousarray(one.turn(colours))
            removed += one.turn_back(self.cleaner(turned, top)[0])
        removed /= 8
        return removed, facts


@dataclass(frozen=True)
class Orientation:
    """Rows from the bottom up, columns from right to left, and then rows as columns."""

    up: bool
    left: bool
    swapped: bool

    def turn(self, pixels: np.ndarray) -> np.ndarray:
        """A view (H', W', C) of pixels (H, W, C)."""
        mirrored = self._mirror(pixels)
        return mirrored.swapaxes(0, 1) if self.swapped else mirrored

    def turn_back(self, pixels: np.ndarray) -> np.ndarray:
        """A view (H, W, C) of pixels (H', W', C)."""
        return self._mirror(pixels.swapaxes(0, 1) if self.swapped else pixels)

    def _mirror(self, pixels: np.ndarray) -> np.ndarray:
        return pixels[:: -1 if self.up else 1, :: -1 if self.left else 1]

    def place(self, shape: tuple[int, ...], rows: slice, columns: slice) -> tuple[slice, slice]:
        """Rows and columns of an image (H, W, C) that are these of it when turned."""
        rows, columns = (columns, rows) if self.swapped else (rows, columns)
        if self.up:
            rows = slice(shape[0] - rows.stop, shape[0] - rows.start)
        if self.left:
            columns = slice(shape[1] - columns.stop, shape[1] - columns.start)
        return rows, columns

    def turn_plane(self, plane: LargePlane) -> LargePlane:
        """A plane whose columns are read as easily as its rows."""
        height, width, channels = plane.shape
        shape = (width, height, channels) if self.swapped else plane.shape

        def read(rows: slice, columns: slice) -> np.ndarray:
            seen = plane.read(*self.place(plane.shape, rows, columns))
            return np.ascontiguousarray(self.turn(seen))  # sums depend on the order in memory

        return replace(plane, shape=shape, read=read, _held={})


ORIENTATIONS = [Orientation(*each) for each in product((False, True), repeat=3)]  # upright first


def turn_each(
    removed: Callable[..., Iterator[np.ndarray]],
    plane: LargePlane,
    top: float,
    tell: Callable[[dict[str, Any]], None],
) -> Iterator[np.ndarray]:
    """The mean of what a function takes out of a large plane (H, W, C) in its orientations, band
    by band: the plane and the sum wait in files."""
    with tempfile.TemporaryFile() as first, tempfile.TemporaryFile() as second:
        held = TileFile(first, plane.shape, plane.dtype)
        for begin, end in plane.spans():
            held.add(slice(begin, end), slice(0, plane.shape[1]), plane.rows(begin, end))
        upright = replace(plane, read=held.read, together=SIDE, _held={})
        total = TileFile(second, plane.shape, np.float32)
        for one in doing.count("orientation", ORIENTATIONS, len(ORIENTATIONS)):
            turned, begin = one.turn_plane(upright), 0
            for band in removed(turned, top, tell):
                rows, begin = slice(begin, begin + len(band)), begin + len(band)
                place = one.place(plane.shape, rows, slice(0, turned.shape[1]))
                total.add(*place, one.turn_back(band))
            tell = _say_nothing
        for begin, end in upright.spans():
            yield total.read(slice(begin, end), slice(0, plane.shape[1])) / 8


def _say_nothing(_: dict[str, Any]) -> None:
    pass
