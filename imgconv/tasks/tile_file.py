"""A plane that waits in a file, in tiles, so that its columns are as near as its rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, Any

import numpy as np

SIDE = 256  # rows and columns of a tile


class TileFile:
    """A plane (H, W, C) in a file that is open; zeros at first."""

    def __init__(self, file: IO[bytes], shape: tuple[int, int, int], dtype: Any) -> None:
        self.file, self.shape, self.dtype = file, shape, np.dtype(dtype)
        self.size = SIDE * SIDE * shape[2] * self.dtype.itemsize  # of a tile, in bytes
        self.across = -(-shape[1] // SIDE)
        file.truncate(-(-shape[0] // SIDE) * self.across * self.size)

    def read(self, rows: slice, columns: slice) -> np.ndarray:
        """(h, w, C)"""
        height, width = rows.stop - rows.start, columns.stop - columns.start
        found = np.empty((height, width, self.shape[2]), self.dtype)
        for _, strip, inside, place in self._strips(rows, columns):
            found[inside] = strip[place]
        return found

    def add(self, rows: slice, columns: slice, values: np.ndarray) -> None:
        """Values (h, w, C) more at this place."""
        for offset, strip, inside, place in self._strips(rows, columns):
            strip[place] += values[inside]
            tiles = strip.reshape(SIDE, -1, SIDE, self.shape[2]).swapaxes(0, 1)
            self.file.seek(offset)
            self.file.write(np.ascontiguousarray(tiles).data)

    def _strips(
        self, rows: slice, columns: slice
    ) -> Iterator[tuple[int, np.ndarray, slice, tuple[slice, slice]]]:
        """Of each row of tiles that a place touches: where in the file it begins, its pixels
        (SIDE, w, C), which rows of the place these have, and which of them are of the place."""
        first, last = columns.start // SIDE, -(-columns.stop // SIDE)
        left = first * SIDE
        for down in range(rows.start // SIDE, -(-rows.stop // SIDE)):
            offset = (down * self.across + first) * self.size
            self.file.seek(offset)
            data = bytearray(self.file.read((last - first) * self.size))
            tiles = np.frombuffer(data, self.dtype).reshape(-1, SIDE, SIDE, self.shape[2])
            strip = tiles.swapaxes(0, 1).reshape(SIDE, -1, self.shape[2])
            top, bottom = max(rows.start, down * SIDE), min(rows.stop, (down + 1) * SIDE)
            place = (
                slice(top - down * SIDE, bottom - down * SIDE),
                slice(columns.start - left, columns.stop - left),
            )
            yield offset, strip, slice(top - rows.start, bottom - rows.start), place
