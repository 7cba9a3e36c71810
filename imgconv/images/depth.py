"""Between 8 and 16 bit integers and float32 from 0 to 1, with correct rounding."""

from __future__ import annotations

from typing import Any

import numpy as np

DTYPES: dict[int, np.dtype[Any]] = {
    8: np.dtype(np.uint8),
    16: np.dtype(np.uint16),
    32: np.dtype(np.float32),
}
TOP = {np.dtype(np.uint8): 255.0, np.dtype(np.uint16): 65535.0, np.dtype(np.float32): 1.0}
BAND = 64  # rows at a time, so that no float copy of the whole image is made


def to_depth(plane: np.ndarray, depth: int) -> np.ndarray:
    """The plane (H, W, C) as uint8 (8), uint16 (16) or float32 (32).

    Full scale maps to full scale: 255, 65535 and 1.0 are one brightness. Floats outside 0 to 1
    are clipped, NaN becomes 0 (see `outside` for telling the user).
    """
    target = DTYPES[depth]
    if plane.dtype == target:
        return plane
    if plane.dtype == np.uint8 and depth == 16:
        return plane.astype(np.uint16) * np.uint16(257)
    out = np.empty(plane.shape, target)
    scale = np.float32(TOP[target] / TOP[plane.dtype])
    for y in range(0, len(plane), BAND):
        band = plane[y : y + BAND].astype(np.float32) * scale
        if depth != 32:
            band = np.rint(np.clip(np.nan_to_num(band, nan=0.0), 0, TOP[target]))
        out[y : y + BAND] = band
    return out


def full_range(plane: np.ndarray, bits: int) -> np.ndarray:
    """White, the largest number of so many bits, becomes that of the plane's type (8 or 16 bit)."""
    top, full = (1 << bits) - 1, np.uint32(np.iinfo(plane.dtype).max)
    return ((plane.astype(np.uint32) * full + top // 2) // top).astype(plane.dtype)


def outside(plane: np.ndarray) -> int:
    """How many samples of a float plane lie outside 0 to 1 or are NaN."""
    return int(sum(np.count_nonzero(~((b >= 0) & (b <= 1))) for b in plane))
