"""Part of a TIFF page: only the strips or tiles that it touches are read and decoded."""

from __future__ import annotations

from typing import Any

import numpy as np

OLD_JPEG = 6  # its strips share tables that stand anywhere in the file


def can_read(page: Any) -> bool:
    """Whether the page is one plane whose every strip or tile has its place in the file."""
    plain = page.imagedepth == 1 and page.compression != OLD_JPEG and not page.is_subsampled
    return plain and len(page.dataoffsets) == np.prod(page.chunked)


def read(page: Any, rows: slice, columns: slice) -> np.ndarray:
    """The samples (H', W', C) of these rows and columns of tifffile's `page`."""
    high, wide = rows.stop - rows.start, columns.stop - columns.start
    frames, _, _, _, contiguous = page.shaped
    out = np.zeros((frames, high, wide, contiguous), page.dtype)
    file = page.parent.filehandle
    for index in find_segments(page, rows, columns):
        file.seek(page.dataoffsets[index])
        data = file.read(page.databytecounts[index])
        tables = {} if page.jpegtables is None else {"jpegtables": page.jpegtables}
        segment, (frame, _, y, x, _), shape = page.decode(data, index, **tables)
        if segment is None:  # a tile that was never written
            continue
        _paste(out[frame], segment[0, : shape[1], : shape[2]], y - rows.start, x - columns.start)
    return np.moveaxis(out, 0, 2).reshape(high, wide, frames * contiguous)


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
