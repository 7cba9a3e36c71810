"""A plane's PNG stream: blocks of rows filtered and deflated side by side, joined as one.

A block ends in a full flush, so the blocks are one valid zlib stream although none knows of the
others. They are of one size whatever the threads, so the same image gives the same file.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import numpy as np

from imgconv import kernels
from imgconv.kernels import bands

BLOCK = 1 << 20  # bytes of pixels; what a block cannot refer back to costs 0.1 % of the file
SAMPLE = 1 << 16  # bytes of a block that are tried both ways
LEVEL = 2  # of ISA-L, 0 to 3
SMALL_LEVEL = 4  # of libdeflate, 1 to 12
ADLER = 65521  # RFC 1950


def zlib_stream(plane: np.ndarray) -> Iterator[bytes]:
    """The parts of the zlib stream (RFC 1950) of a plane (H, W, C), uint8 or uint16."""
    rows = plane.reshape(len(plane), -1)
    step = max(1, BLOCK // rows.strides[0])
    starts = range(0, len(rows), step)
    deflated = [b""] * len(starts)
    sums = [(1, 0)] * len(starts)

    def work(begin: int, end: int) -> None:
        for n in range(begin, end):
            filtered = _filtered(rows, starts[n], min(starts[n] + step, len(rows)), plane.shape[2])
            deflated[n] = _deflated(filtered.data, n == len(starts) - 1, len(starts) == 1)
            sums[n] = zlib.adler32(filtered.data), filtered.size

    bands.run(work, len(starts), smallest=1)
    yield b"\x78\x5e" + deflated[0]
    yield from deflated[1:]
    yield _combined(sums).to_bytes(4, "big")


def _filtered(rows: np.ndarray, begin: int, end: int, channels: int) -> np.ndarray:
    """Rows begin..end as PNG keeps them: big-endian, filtered, the filter's number first."""
    height, samples = end - begin, rows.shape[1]
    padded = np.zeros((height + 1, channels + samples), rows.dtype.newbyteorder(">"))
    top = max(begin - 1, 0)
    padded[top - begin + 1 :, channels:] = rows[top:end]
    pixel, line = channels * rows.itemsize, samples * rows.itemsize
    out = np.empty((height, 1 + line), np.uint8)
    kernels.png_filter_rows(padded.view(np.uint8), out, height, line, pixel)
    return out


def _deflated(filtered: memoryview, last: bool, alone: bool) -> bytes:
    """A raw deflate stream, ended (last) or flushed to a byte boundary.

    In the noise of a camera's photo short matches cost more than they save; there zlib, looking
    for runs alone, is slower but 4 % smaller than at its best. A sample decides.
    """
    sample = filtered.cast("B")[:SAMPLE]
    runs, matches = len(_runs(sample, True)), len(_matches(sample, True, alone))
    if runs < (1.0 if alone else 0.93) * matches:
        return _runs(filtered, last)
    return _matches(filtered, last, alone)


def _runs(data: memoryview, last: bool) -> bytes:
    stream = zlib.compressobj(1, zlib.DEFLATED, -15, 9, zlib.Z_RLE)
    return stream.compress(data) + stream.flush(zlib.Z_FINISH if last else zlib.Z_FULL_FLUSH)


def _matches(data: memoryview, last: bool, alone: bool) -> bytes:
    """By ISA-L, the fastest; by libdeflate, the smallest, where it is the whole stream."""
    if alone:
        import imagecodecs

        return bytes(imagecodecs.deflate_encode(data.tobytes(), SMALL_LEVEL, raw=True))
    from isal import isal_zlib

    stream = isal_zlib.compressobj(LEVEL, isal_zlib.DEFLATED, -15, 9)
    end = isal_zlib.Z_FINISH if last else isal_zlib.Z_FULL_FLUSH
    return stream.compress(data) + stream.flush(end)


def _combined(sums: list[tuple[int, int]]) -> int:
    """The Adler-32 of the whole from (Adler-32, length) of its parts, as zlib combines them."""
    low, high = 1, 0
    for adler, length in sums:
        part_low, part_high = adler & 0xFFFF, adler >> 16
        high = (high + part_high + length * (low - 1)) % ADLER
        low = (low + part_low - 1) % ADLER
    return high << 16 | low
