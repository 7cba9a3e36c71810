"""Rows of numbers that wait in a file, for they would take too much memory."""

from __future__ import annotations

from typing import IO

import numpy as np


class RowFile:
    """Rows (h, W) of one type in a file that is open; they are added from top to bottom and read
    in any order, each time as an array of its own."""

    def __init__(self, file: IO[bytes], width: int, dtype: type[np.generic] = np.float32) -> None:
        self.file, self.width, self.dtype = file, width, np.dtype(dtype)
        self.height = 0

    def add(self, rows: np.ndarray) -> None:
        self.file.seek(self.height * self._row)
        self.file.write(np.ascontiguousarray(rows, self.dtype).data)
        self.height += len(rows)

    def rows(self, top: int, bottom: int) -> np.ndarray:
        """(bottom - top, W)"""
        self.file.seek(top * self._row)
        data = bytearray(self.file.read((bottom - top) * self._row))
        return np.frombuffer(data, self.dtype).reshape(-1, self.width)

    @property
    def _row(self) -> int:
        return self.width * self.dtype.itemsize
