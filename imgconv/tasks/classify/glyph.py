"""Ink brought to the form of MNIST: 20 pixels in a field of 28, centred by mass.

LeCun and others 1998, section III.A: "the images were size normalized to fit in a 20x20 pixel box
while preserving their aspect ratio ... centered in a 28x28 image by computing the center of mass".
"""

from __future__ import annotations

import math

import numpy as np

SIDE, BOX = 28, 20  # pixels of the field and of the box
THINNEST = 1.8  # pixels of a stroke in the box: MNIST has few below


def frame(ink: np.ndarray) -> np.ndarray:
    """Ink (h, w) from 0 (none) to 1 as (28, 28) float32 from 0 to 1; zeros where there is none.

    Strokes that would be thinner than MNIST's are widened first, so that they do not fade.
    """
    ink = _cut(ink)
    if not ink.size:
        return np.zeros((SIDE, SIDE), np.float32)
    small = _fitted(_widened(ink))
    top = float(small.max())
    return _centred(np.clip(small / top, 0, 1) if top > 0 else small)


def _cut(ink: np.ndarray) -> np.ndarray:
    """The bounding box of all that is half ink or more."""
    rows, columns = (np.flatnonzero((ink >= 0.5).any(axis)) for axis in (1, 0))
    if not len(rows):
        return np.empty((0, 0), np.float32)
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].astype(np.float32)


def stroke(ink: np.ndarray) -> float:
    """The width of the strokes in pixels: four times the mean distance to the edge, of a band."""
    from scipy.ndimage import distance_transform_edt

    inside = np.pad(ink >= 0.5, 1)
    distances = distance_transform_edt(inside)[inside] - 0.5
    return 4 * float(distances.mean()) if distances.size else 0.0


def _widened(ink: np.ndarray) -> np.ndarray:
    from scipy.ndimage import grey_dilation

    missing = THINNEST * max(ink.shape) / BOX - stroke(ink)
    more = math.ceil(missing / 2 - 0.5)  # pixels on either side
    if more < 1:
        return ink
    rows, columns = np.ogrid[-more : more + 1, -more : more + 1]
    disc = rows**2 + columns**2 <= (more + 0.4) ** 2
    return np.asarray(grey_dilation(np.pad(ink, more), footprint=disc))


def _fitted(ink: np.ndarray) -> np.ndarray:
    """The longer side made 20 pixels, antialiased."""
    from PIL import Image

    scale = BOX / max(ink.shape)
    height, width = (max(1, round(n * scale)) for n in ink.shape)
    kind = Image.Resampling.BOX if scale < 0.4 else Image.Resampling.BILINEAR
    return np.asarray(Image.fromarray(ink, "F").resize((width, height), kind))


def _centred(ink: np.ndarray) -> np.ndarray:
    """In the middle of the field by its centre of mass, but never beyond the field's edge."""
    field = np.zeros((SIDE, SIDE), np.float32)
    mass = float(ink.sum())
    starts = []
    for axis, size in enumerate(ink.shape):
        places = np.arange(size) + 0.5
        centre = float((ink.sum(1 - axis) * places).sum()) / mass if mass else size / 2
        starts.append(min(max(round(SIDE / 2 - centre), 0), SIDE - size))
    top, left = starts
    field[top : top + ink.shape[0], left : left + ink.shape[1]] = ink
    return field
