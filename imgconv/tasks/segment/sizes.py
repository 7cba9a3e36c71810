"""Objects of other sizes in the same field: what was seen at one scale and missed at another."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from .levels import BRIGHT, weights

FREE = 0.1  # of an object: what others may cover of it at most, that it is one of its own
DIM = sum(BRIGHT) / 2  # half way from the background to objects: what is fainter is haze
LEFT = 0.5  # of what stands out in one piece: what others cover of it at most, that it was missed
WORTH = 0.1  # of all that stands out, each piece by `weights`: less is not worth a look


def add_missed(labels: np.ndarray, others: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Labels (H, W) and those objects of `others` (H, W) that lie beside them and are about as
    bright, not in order. seen: the image (H, W) at its levels."""
    areas = np.bincount(others.ravel())
    free = np.bincount(others[labels == 0], minlength=len(areas)) >= (1 - FREE) * areas
    free &= np.bincount(others.ravel(), seen.ravel(), len(areas)) >= DIM * areas
    free[0] = False
    numbers = np.where(free, np.cumsum(free) + labels.max(initial=0), 0)
    return np.asarray(np.where(labels == 0, numbers[others], labels), np.int32)


def missed_diameter(labels: np.ndarray, standing: np.ndarray) -> float | None:
    """In pixels, of what stands out (H, W) bool and is in no label: that of the piece in which the
    median pixel of it lies. None where next to nothing was missed."""
    pieces, count = ndimage.label(standing)
    areas = np.bincount(pieces.ravel(), minlength=count + 1)
    covered = np.bincount(pieces[labels > 0], minlength=count + 1)
    missed = covered < LEFT * areas
    missed[0] = False
    counts = weights(standing)[standing]
    if not missed.any() or counts[missed[pieces[standing]]].sum() < WORTH * counts.sum():
        return None
    sizes = np.sort(areas[missed])
    total = np.cumsum(sizes)
    return float(np.sqrt(sizes[np.searchsorted(total, total[-1] / 2)] * 4 / np.pi))
