"""How much of an object's light is in grains of each size: openings with growing discs.

The pattern spectrum of Maragos, IEEE Trans. Pattern Analysis and Machine Intelligence 11 (1989)
701, taken object by object.
"""

from __future__ import annotations

import numpy as np
from skimage.morphology import disk, opening

from .objects import Columns, Objects

RADII = range(1, 9)  # pixels


def granularity(objects: Objects) -> Columns:
    """Columns granularity_1 to granularity_8: percent of the light above the object's minimum that
    an opening with a disc of that radius takes away, beyond the one before."""
    return objects.columns([f"granularity_{radius}" for radius in RADII], spectrum)


def spectrum(pixels: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """(8,) percentages of pixels (H, W) in a mask; what is outside counts as the minimum."""
    values = np.where(mask, pixels, pixels[mask].min()).astype(np.float64)
    values = np.pad(values - values.min(), RADII[-1])
    whole = values.sum()
    left = [whole, *(opening(values, disk(radius)).sum() for radius in RADII)]
    return -np.diff(left) / whole * 100 if whole > 0 else np.full(len(RADII), np.nan)
