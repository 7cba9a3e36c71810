"""Intensities of any labels: in the objects, in rings around them, above the local background."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from .objects import Columns, Objects

NEAR, FAR = 5.0, 15.0  # pixels from an object: the ring in which its background is looked for
LEAST = 20  # pixels of a ring that say something


def in_labels(labels: np.ndarray, objects: Objects, head: str) -> Columns:
    """Area, mean and sum of each channel in `labels` (H, W), which are parts of the objects.

    Columns are called HEAD_area_px, HEAD_intensity_mean_c1 and so on.
    """
    areas = np.bincount(labels.ravel(), minlength=objects.count + 1)[1:]
    found: Columns = {f"{head}_area_px": areas}
    for channel, suffix in enumerate(objects.suffixes):
        sums = _sums(labels, objects.pixels[..., channel], objects.count)
        found[f"{head}_intensity_mean{suffix}"] = _divided(sums, areas)
        found[f"{head}_intensity_integrated{suffix}"] = sums
    return found


def spread(objects: Objects) -> Columns:
    """Standard deviation, median and quartiles of the pixels of each object."""
    found: Columns = {}
    for channel, suffix in enumerate(objects.suffixes):
        values = [
            objects.pixels[place][..., channel][objects.labels[place] == n + 1].astype(np.float64)
            for n, place in enumerate(objects.places)
        ]
        parts = [(v.std(), *np.percentile(v, [25, 50, 75])) for v in values]
        table = np.array(parts).reshape(-1, 4)
        for name, column in zip(("sd", "quartile_1", "median", "quartile_3"), table.T, strict=True):
            found[f"intensity_{name}{suffix}"] = column
    return found


def background(objects: Objects) -> Columns:
    """The median around each object, and its intensities above that.

    Around is what lies 5 to 15 pixels outside and nearest to it; where that is less than 20
    pixels, all that lies more than 5 pixels from any object, or all outside.
    """
    distance, _ = objects.nearest
    rings = objects.ring(NEAR, FAR)
    outside = next((m for m in (distance > NEAR, distance > 0) if m.any()), None)
    found: Columns = {}
    for channel, suffix in enumerate(objects.suffixes):
        pixels = objects.pixels[..., channel].astype(np.float64)
        rest = np.nan if outside is None else float(np.median(pixels[outside]))
        level = _medians(rings, pixels, objects.count, rest)
        sums = _sums(objects.labels, pixels, objects.count)
        found[f"background{suffix}"] = level
        found[f"intensity_mean_corrected{suffix}"] = _divided(sums, objects.areas) - level
        found[f"intensity_integrated_corrected{suffix}"] = sums - objects.areas * level
    return found


def _medians(labels: np.ndarray, pixels: np.ndarray, count: int, rest: float) -> np.ndarray:
    index = np.arange(1, count + 1)
    enough = np.bincount(labels.ravel(), minlength=count + 1)[1:] >= LEAST
    found = np.full(count, rest)
    if enough.any():
        found[enough] = ndimage.median(pixels, labels, index[enough])
    return found


def _sums(labels: np.ndarray, pixels: np.ndarray, count: int) -> np.ndarray:
    return np.bincount(labels.ravel(), pixels.ravel().astype(np.float64), count + 1)[1:]


def _divided(sums: np.ndarray, areas: np.ndarray) -> np.ndarray:
    """The means; NaN of nothing."""
    return np.where(areas > 0, sums / np.maximum(areas, 1), np.nan)
