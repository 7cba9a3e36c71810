"""Before and after for a page that shows many images: a detail of each, pixel for pixel.

A whole image made small would show no noise at all: making it small takes it out.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from PIL import Image

from imgconv.ops.comparison import busiest
from imgconv.tasks.sketch import encode, jpeg

from .pictures import DETAIL, ends, show_between

LEAST = 96  # pixels of the side of a detail
GRAIN = {"subsampling": 0, "qtables": [[10] * 64] * 2}
"""Of JPEGs that keep grain: all frequencies and colours alike, where usual ones drop the finest."""
SMALL, SHARE = 220, 0.2  # pixels of the longer side of the whole; of the bytes


class Sketches(NamedTuple):
    """JPEGs: the whole plane as it was, and before and after of the detail `box`."""

    whole: bytes
    before: bytes
    after: bytes
    box: tuple[int, int, int, int]  # left, top, width, height in pixels


def sketch(before: np.ndarray, after: np.ndarray, most: int) -> Sketches:
    """Of planes (H, W, C) of one type, in about `most` bytes, shown alike."""
    low, high = ends(before)
    whole = jpeg(show_between(before, low, high), int(SHARE * most), SMALL)
    side = DETAIL
    while True:
        height, width = (min(side, n) for n in before.shape[:2])
        y, x = busiest(before, height, width) if (height, width) != before.shape[:2] else (0, 0)
        part = (slice(y, y + height), slice(x, x + width))
        old, new = (_encode(show_between(p[part], low, high)) for p in (before, after))
        if len(whole) + len(old) + len(new) <= most or side <= LEAST:
            return Sketches(whole, old, new, (x, y, width, height))
        side = max(LEAST, int(side * 0.8))


def _encode(picture: np.ndarray) -> bytes:
    image = Image.fromarray(picture[..., 0] if picture.shape[2] == 1 else picture)
    return encode(image, **GRAIN)
