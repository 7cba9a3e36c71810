"""What the network learns to say about a label image: four maps of its size.

0  foreground   1 inside any object
1  touching     1 within two pixels of two objects at once: the seams and narrow gaps
2  distance     from the object's border inwards, divided by its largest: 0 outside, 1 inside
3  size         of the object: log2 of its diameter over `UNIT`, at all its pixels; 0 outside
"""

from __future__ import annotations

import cv2
import numpy as np

from imgconv.tasks.segment.card import UNIT

_DIAMOND = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))


def near_two(labels: np.ndarray, reach: int = 2) -> np.ndarray:
    """(H, W) bool: where two different objects lie within `reach` steps of the pixel."""
    values = labels.astype(np.float32)
    top = float(values.max()) + 1
    highest = cv2.dilate(values, _DIAMOND, iterations=reach)
    lowest = top - cv2.dilate(np.where(values > 0, top - values, 0), _DIAMOND, iterations=reach)
    return np.asarray((highest > 0) & (lowest < highest))


def seams(labels: np.ndarray) -> np.ndarray:
    """(H, W) bool: pixels of an object that have another object among their four neighbours."""
    return np.asarray(near_two(labels, 1) & (labels > 0))


def depth(labels: np.ndarray) -> np.ndarray:
    """(H, W) float32: the distance to the object's own border, 0 outside every object."""
    open_pixels = ((labels > 0) & ~seams(labels)).astype(np.uint8)
    distance = cv2.distanceTransform(open_pixels, cv2.DIST_L2, 5)
    return np.where(labels > 0, distance + 0.5, 0).astype(np.float32)


def targets(labels: np.ndarray) -> np.ndarray:
    """(H, W) integer labels -> (4, H, W) float32, the maps named above.

    An object's diameter is that of the circle of its area.
    """
    deep = depth(labels)
    deepest = np.ones(int(labels.max()) + 1, np.float32)
    np.maximum.at(deepest, labels.ravel(), deep.ravel())
    areas = np.maximum(np.bincount(labels.ravel()), 1)
    sizes = np.log2(np.sqrt(areas * 4 / np.pi) / UNIT)
    sizes[0] = 0
    return np.stack(
        [labels > 0, near_two(labels), deep / deepest[labels], sizes[labels]], dtype=np.float32
    )
