"""The pixels of a PNG file row by row: inflated by ISA-L, twice as fast as zlib, and restored here.

For rows in order, of 8 or 16 bit without a palette: what is large. libpng does all others.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from imgconv import kernels
from imgconv.images.formats.content import Content

LARGE = 4 << 20  # bytes of pixels, from which on it is worth it
BLOCK = 1 << 20  # bytes at a time, which stay in the cache
PIECE = 1 << 16  # bytes of the stream at a time
Bytes = bytes | memoryview


@dataclass(frozen=True)
class Rows:
    """The rows of a plane (H, W, C), in the IDAT chunks whose content lies at these places.

    Its methods raise ValueError where the file is damaged.
    """

    data: memoryview | Content
    idat: Sequence[slice]
    shape: tuple[int, int, int]
    dtype: np.dtype[Any]

    @property
    def line(self) -> int:
        """Bytes of a row."""
        return self.shape[1] * self.pixel

    @property
    def pixel(self) -> int:
        """Bytes of a pixel."""
        return self.shape[2] * self.dtype.itemsize

    def blocks(self) -> Iterator[np.ndarray]:
        """(h, W, C), one after the other."""
        above = np.zeros(self.line, np.uint8)
        for kept in self._kept():
            rows = np.empty((len(kept), self.line), np.uint8)
            self._restore(kept, above, rows)
            above = rows[-1].copy()
            yield self._samples(rows)

    def whole(self) -> np.ndarray:
        """(H, W, C)"""
        out, y = np.empty((self.shape[0], self.line), np.uint8), 0
        above = np.zeros(self.line, np.uint8)
        for kept in self._kept():
            rows = out[y : y + len(kept)]
            self._restore(kept, above, rows)
            above, y = rows[-1], y + len(kept)
        return self._samples(out)

    def _samples(self, rows: np.ndarray) -> np.ndarray:
        """PNG's samples of two bytes have the higher one first."""
        shape = (len(rows), *self.shape[1:])
        pixels = rows.view(self.dtype.newbyteorder(">")).reshape(shape)
        if pixels.dtype.isnative:
            return pixels
        return pixels.byteswap(inplace=True).view(self.dtype)

    def _restore(self, kept: np.ndarray, above: np.ndarray, rows: np.ndarray) -> None:
        if kept[:, 0].max() > 4:
            raise ValueError("a filter that there is not")
        kernels.png_restore_rows(kept, above, rows, len(rows), self.line, self.pixel)

    def _kept(self) -> Iterator[np.ndarray]:
        """Filtered rows (h, 1 + line), as many as make a block."""
        size = 1 + self.line
        left, step = size * self.shape[0], size * max(1, BLOCK // size)
        parts: list[bytes] = []
        held = 0
        for part in itertools.chain(_inflate(map(self._content, self.idat)), (b"",)):
            parts.append(part)
            held += len(part)
            if held > left:
                raise ValueError("more rows than the header says")
            while held >= step or 0 < held == left:
                data, count = b"".join(parts), min(step, held)
                yield np.frombuffer(data, np.uint8, count).reshape(-1, size)
                parts, held, left = [data[count:]], held - count, left - count
        if left:
            raise ValueError("fewer rows than the header says")

    def _content(self, part: slice) -> Bytes:
        """A chunk's content, once its checksum is seen to be right."""
        from isal import isal_zlib

        chunk = self.data[part.start - 4 : part.stop + 4]  # its type is in the checksum
        if isal_zlib.crc32(chunk[:-4]) != int.from_bytes(chunk[-4:], "big"):
            raise ValueError("a wrong checksum")
        return chunk[4:-4]


def _inflate(parts: Iterable[Bytes]) -> Iterator[bytes]:
    """What a zlib stream in parts holds, piece by piece; its checksum is compared at the end."""
    from isal import isal_zlib

    stream = isal_zlib.decompressobj()
    try:
        for part in parts:
            for at in range(0, len(part), PIECE):
                piece: Bytes = part[at : at + PIECE]
                while piece:
                    yield stream.decompress(piece, BLOCK)
                    piece = stream.unconsumed_tail
        yield stream.flush()
    except isal_zlib.error as error:  # type: ignore[misc]  # its types call it a variable
        raise ValueError(str(error)) from error
    if not stream.eof:
        raise ValueError("the stream ends too early")


class InOrder:
    """Regions of a plane that is decoded from top to bottom: to go back is to begin anew."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self._begin()

    def _begin(self) -> None:
        self.blocks = self.rows.blocks()
        self.held: deque[tuple[int, np.ndarray]] = deque()  # row, rows from there on
        self.next = self.last = 0  # the row after those decoded; where the last region began

    def region(self, rows: slice, columns: slice, plane: int) -> np.ndarray:
        """(H', W', C); rows from where the last region began on are still held."""
        if rows.start >= rows.stop:
            return np.empty((0, *self.rows.shape[1:]), self.rows.dtype)[:, columns]
        if self.next and rows.start < self.held[0][0]:
            self._begin()
        while self.next < rows.stop:
            block = next(self.blocks, None)
            if block is None:  # it has failed before
                raise ValueError("its rows cannot be read")
            self.held.append((self.next, block))
            self.next += len(block)
        while self.held[0][0] + len(self.held[0][1]) <= min(self.last, rows.start):
            self.held.popleft()
        self.last = rows.start
        return np.concatenate([
            block[max(0, rows.start - top) : rows.stop - top, columns]
            for top, block in self.held
            if top < rows.stop and top + len(block) > rows.start
        ])  # fmt: skip
