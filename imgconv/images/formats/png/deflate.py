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
from imgconv.images.bands import Plane, bands_of, in_bands_of, likeness_of

BLOCK = 1 << 20  # bytes of pixels; what a block cannot refer back to costs 0.1 % of the file
TOGETHER = 16  # blocks at least, whose pixels are in memory
SAMPLE = 1 << 15  # bytes of a block that are tried every way
LEVEL = 2  # of ISA-L, 0 to 3
SMALL_LEVEL = 4  # of libdeflate, 1 to 12
ADLER = 65521  # RFC 1950


def zlib_stream(plane: Plane) -> Iterator[bytes]:
    """The parts of the zlib stream (RFC 1950) of a plane (H, W, C), uint8 or uint16."""
    like = likeness_of(plane)
    height, channels = len(like), like.shape[2]
    step = max(1, BLOCK // max(1, like[0].size * like.itemsize))
    blocks, sums = -(-height // step), list[tuple[int, int]]()
    above = np.zeros((1, like[0].size), like.dtype)
    yield b"\x78\x5e"
    for band in in_bands_of(bands_of(plane), step * max(TOGETHER, 4 * threads.count())):
        rows = band.reshape(len(band), -1)
        last = len(sums) * step + len(band) == height
        for deflated, adler, size in _deflate_blocks(
            rows, above, step, channels, last, blocks == 1
        ):
            yield deflated
            sums.append((adler, size))
        above = rows[-1:].copy()
    yield _combine(sums).to_bytes(4, "big")


def _deflate_blocks(
    rows: np.ndarray, above: np.ndarray, step: int, channels: int, last: bool, alone: bool
) -> list[tuple[bytes, int, int]]:
    """Each block of `step` rows: deflated, and Adler-32 and size of what was."""
    starts = range(0, len(rows), step)
    made = [(b"", 1, 0)] * len(starts)

    def work(begin: int, end: int) -> None:
        for n in range(begin, end):
            y, before = starts[n], rows[starts[n] - 1 : starts[n]] if n else above
            filtered = _filter(rows[y : y + step], before, channels)
            ends = last and n == len(starts) - 1
            deflated = _deflate(filtered.data, ends, alone)
            made[n] = deflated, zlib.adler32(filtered.data), filtered.size

    threads.run(work, len(starts), smallest=1)
    return made


def _filter(rows: np.ndarray, above: np.ndarray, channels: int) -> np.ndarray:
    """Rows as PNG keeps them: big-endian, filtered, the filter's number first."""
    height, samples = rows.shape
    padded = np.zeros((height + 1, channels + samples), rows.dtype.newbyteorder(">"))
    padded[0, channels:], padded[1:, channels:] = above, rows
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
