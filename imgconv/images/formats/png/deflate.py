"""A plane's PNG stream: blocks of rows filtered and deflated side by side, joined as one.

A block ends in a full flush, so the blocks are one valid zlib stream although none knows of the
others. They are of one size whatever the threads, so the same image gives the same file.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from imgconv import kernels, threads

BLOCK = 1 << 20  # bytes of pixels; what a block cannot refer back to costs 0.1 % of the file
SAMPLE = 1 << 15  # bytes of a block that are tried every way
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
            filtered = _filter(rows, starts[n], min(starts[n] + step, len(rows)), plane.shape[2])
            deflated[n] = _deflate(filtered.data, n == len(starts) - 1, len(starts) == 1)
            sums[n] = zlib.adler32(filtered.data), filtered.size

    threads.run(work, len(starts), smallest=1)
    yield b"\x78\x5e" + deflated[0]
    yield from deflated[1:]
    yield _combine(sums).to_bytes(4, "big")


def _filter(rows: np.ndarray, begin: int, end: int, channels: int) -> np.ndarray:
    """Rows begin..end as PNG keeps them: big-endian, filtered, the filter's number first."""
    height, samples = end - begin, rows.shape[1]
    padded = np.zeros((height + 1, channels + samples), rows.dtype.newbyteorder(">"))
    top = max(begin - 1, 0)
    padded[top - begin + 1 :, channels:] = rows[top:end]
    pixel, line = channels * rows.itemsize, samples * rows.itemsize
    out = np.empty((height, 1 + line), np.uint8)
    kernels.png_filter_rows(padded.view(np.uint8), out, height, line, pixel)
    return out


def _deflate(filtered: memoryview, last: bool, alone: bool) -> bytes:
    """A raw deflate stream, ended (last) or flushed to a byte boundary.

    Alone it may be libdeflate's, the smallest. Of several, ISA-L's are made five times as fast
    as zlib's, but on photos they are up to 4 % larger, and in the noise of a camera matches
    cost more than they save, so that zlib looking for runs alone does best. A sample decides.
    """
    methods = (_libdeflate, _runs) if alone else (_isal, _matches, _runs)
    sample = filtered.cast("B")[:SAMPLE]
    sizes = {method: len(method(sample, True)) for method in methods}
    return min(methods, key=lambda method: sizes[method])(filtered, last)


def _libdeflate(data: memoryview, last: bool) -> bytes:
    import imagecodecs

    return bytes(imagecodecs.deflate_encode(data.tobytes(), SMALL_LEVEL, raw=True))


def _isal(data: memoryview, last: bool) -> bytes:
    from isal import isal_zlib

    return _whole(isal_zlib.compressobj(LEVEL, isal_zlib.DEFLATED, -15, 9), data, last)


def _matches(data: memoryview, last: bool) -> bytes:
    return _whole(zlib.compressobj(1, zlib.DEFLATED, -15, 9), data, last)


def _runs(data: memoryview, last: bool) -> bytes:
    return _whole(zlib.compressobj(1, zlib.DEFLATED, -15, 9, zlib.Z_RLE), data, last)


def _whole(stream: Any, data: memoryview, last: bool) -> bytes:
    return stream.compress(data) + stream.flush(zlib.Z_FINISH if last else zlib.Z_FULL_FLUSH)


def _combine(sums: list[tuple[int, int]]) -> int:
    """The Adler-32 of the whole from (Adler-32, length) of its parts, as zlib combines them."""
    low, high = 1, 0
    for adler, length in sums:
        part_low, part_high = adler & 0xFFFF, adler >> 16
        high = (high + part_high + length * (low - 1)) % ADLER
        low = (low + part_low - 1) % ADLER
    return high << 16 | low
