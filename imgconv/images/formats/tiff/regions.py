"""Part of a TIFF page: only the strips or tiles that it touches are read and decoded."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any

import numpy as np

from imgconv import threads

OLD_JPEG = 6  # its strips share tables that stand anywhere in the file


def can_read(page: Any) -> bool:
    """Whether the page is one plane whose every strip or tile has its place in the file."""
    key = page.keyframe  # a page that is like an earlier one knows no more than its offsets
    plain = key.imagedepth == 1 and key.compression != OLD_JPEG and not key.is_subsampled
    return bool(plain and len(page.dataoffsets) == np.prod(key.chunked))


def read(page: Any, rows: slice, columns: slice) -> np.ndarray:
    """The samples (H', W', C) of these rows and columns of tifffile's `page`."""
    high, wide = rows.stop - rows.start, columns.stop - columns.start
    key = page.keyframe
    frames, _, _, _, contiguous = key.shaped
    out = np.full((frames, high, wide, contiguous), key.nodata, key.dtype)
    tables = {} if page.jpegtables is None else {"jpegtables": page.jpegtables}

    def decode(segment: tuple[bytes, int]) -> None:
        found, (frame, _, y, x, _), shape = key.decode(*segment, **tables)
        if found is not None:  # else a tile that was never written
            part = found[0, : shape[1], : shape[2]]
            _paste(out[frame], part, y - rows.start, x - columns.start)

    _for_each(decode, _stored(page, find_segments(key, rows, columns)))
    return np.moveaxis(out, 0, 2).reshape(high, wide, frames * contiguous)


def _stored(page: Any, numbers: list[int]) -> Iterator[tuple[bytes, int]]:
    """The bytes of strips or tiles."""
    file = page.parent.filehandle
    for number in numbers:
        if not page.databytecounts[number]:  # one that was never written
            continue
        file.seek(page.dataoffsets[number])
        yield file.read(page.databytecounts[number]), number


def _for_each(
    decode: Callable[[tuple[bytes, int]], None], segments: Iterator[tuple[bytes, int]]
) -> None:
    """On all threads, a few at a time: what is stored of a large region is never all in memory."""
    workers = threads.count()
    if workers == 1:
        deque(map(decode, segments), maxlen=0)
        return
    with ThreadPoolExecutor(workers, "imgconv-decode") as pool:
        while some := list(islice(segments, 4 * workers)):
            deque(pool.map(decode, some), maxlen=0)


def find_segments(page: Any, rows: slice, columns: slice) -> list[int]:
    """The numbers of the strips or tiles that hold any of it."""
    frames, _, length, width, _ = page.shaped
    tall, broad = page.rowsperstrip, width
    if page.is_tiled:
        tall, broad = page.tilelength, page.tilewidth
    down, across = -(-length // tall), -(-width // broad)
    ys = range(rows.start // tall, min(down, -(-rows.stop // tall)))
    xs = range(columns.start // broad, min(across, -(-columns.stop // broad)))
    return [(frame * down + y) * across + x for frame in range(frames) for y in ys for x in xs]


def _paste(out: np.ndarray, segment: np.ndarray, y: int, x: int) -> None:
    """The part of a segment (h, w, C) at y, x that lies within `out` (H, W, C)."""
    top, left = max(y, 0), max(x, 0)
    bottom, right = min(y + segment.shape[0], len(out)), min(x + segment.shape[1], out.shape[1])
    if top < bottom and left < right:
        out[top:bottom, left:right] = segment[top - y : bottom - y, left - x : right - x]
