"""GeoTIFF's three tags that say where pixels lie (OGC 19-008r4), after resampling."""

from __future__ import annotations

import struct
from typing import Any

SCALE, TIEPOINT, MATRIX, KEYS = 33550, 33922, 34264, 34735
RASTER_TYPE, PIXEL_IS_POINT = 1025, 2
Tag = tuple[int, int, int, Any]  # code, type, count, bytes


def scale(tags: tuple[Tag, ...], order: str, fy: float, fx: float) -> tuple[Tag, ...]:
    """TIFF tags of an image of which fy times the rows and fx times the columns were made."""
    point = _is_point(tags, order)
    return tuple(_scale(tag, order, fy, fx, point) for tag in tags)


def _scale(tag: Tag, order: str, fy: float, fx: float, point: bool) -> Tag:
    code, kind, count, content = tag
    if code not in (SCALE, TIEPOINT, MATRIX) or kind != 12 or len(content) != 8 * count:
        return tag
    values = list(struct.unpack(f"{order}{count}d", content))
    if code == SCALE and count >= 2:
        values[:2] = values[0] / fx, values[1] / fy
    elif code == TIEPOINT:
        for at in range(0, count - 5, 6):
            values[at] = _place(values[at], fx, point)
            values[at + 1] = _place(values[at + 1], fy, point)
    elif code == MATRIX and count == 16:
        for row in range(0, 12, 4):
            shift = [(0.5 / f - 0.5) if point else 0.0 for f in (fx, fy)]
            values[row + 3] += values[row] * shift[0] + values[row + 1] * shift[1]
            values[row] /= fx
            values[row + 1] /= fy
    return code, kind, count, struct.pack(f"{order}{count}d", *values)


def _place(old: float, factor: float, point: bool) -> float:
    """Where a place counted in pixels lies; of points, 0 is the middle of the first pixel."""
    return (old + 0.5) * factor - 0.5 if point else old * factor


def _is_point(tags: tuple[Tag, ...], order: str) -> bool:
    keys = next((content for code, kind, _, content in tags if code == KEYS and kind == 3), b"")
    numbers = struct.unpack(f"{order}{len(keys) // 2}H", keys[: len(keys) // 2 * 2])
    rows = zip(*[iter(numbers)] * 4, strict=False)
    return any(row[0] == RASTER_TYPE and row[3] == PIXEL_IS_POINT for row in rows)
