"""Planes of a stack joined into objects in space: what lies on top of each other is one.

A plane in which an object was missed is bridged: it is the same object below, where both parts end
as broad as they are, and alike. Two objects on top of each other end in tips.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from imgconv.tasks.labels.match import overlaps

from .assignment import assign

ALIKE = 0.5  # intersection over union of what is above and below a plane that lacks an object
BROAD = 0.5  # of the largest area of an object: less is a tip
SHARED = 0.4  # of the smaller of two parts: what lies over the other, at least


def join(planes: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Labels (H, W) of each plane, numbered so that the parts of an object have one number.

    Each part goes on in at most one of the next plane: the pairs whose intersections over unions
    are the largest in all. Where a plane was missed, what lies between is drawn into it.
    """
    return _bridged(_joined(planes))


def _joined(planes: Sequence[np.ndarray]) -> list[np.ndarray]:
    joined: list[np.ndarray] = []
    count, before = 0, np.zeros(0, np.int64)
    for plane, labels in enumerate(planes):
        own = np.unique(labels)
        own = own[own > 0]
        numbers = np.zeros(len(own), np.int64)
        if plane:
            for above, below in _pairs(planes[plane - 1], labels):
                numbers[below] = before[above]
        new = numbers == 0
        numbers[new] = count + 1 + np.arange(new.sum())
        count += int(new.sum())
        table = np.append(0, numbers)
        joined.append(table[np.searchsorted(np.append(0, own), labels)].astype(np.int32))
        before = numbers
    return joined


def _pairs(above: np.ndarray, below: np.ndarray) -> list[tuple[int, int]]:
    """Places of the objects of two planes that are one, in the order of their numbers."""
    over = overlaps(above, below)
    least = np.minimum(over.found_areas[over.found], over.true_areas[over.true])
    near = over.pixels >= SHARED * least
    costs = 1 - over.pixels / over.unions
    return assign(over.found[near], over.true[near], costs[near])


def _bridged(joined: list[np.ndarray]) -> list[np.ndarray]:
    """Numbers (H, W) of each plane, 1..n, with what a single plane separates joined."""
    count = max((int(plane.max(initial=0)) for plane in joined), default=0)
    areas = np.array([np.bincount(plane.ravel(), minlength=count + 1) for plane in joined])
    same = np.arange(count + 1)
    for middle in range(1, len(joined) - 1):
        ends = (areas[middle - 1] > 0) & (areas[middle:] == 0).all(0)
        begins = (areas[middle + 1] > 0) & (areas[: middle + 1] == 0).all(0)
        broad = areas[[middle - 1, middle + 1]] >= BROAD * areas.max(0)
        above = np.where(ends & broad[0], np.arange(count + 1), 0)[joined[middle - 1]]
        below = np.where(begins & broad[1], np.arange(count + 1), 0)[joined[middle + 1]]
        for one, other in _over_a_gap(above, below):
            same[other] = same[one]
            _draw(joined[middle], above == one, below == other, one)
    numbers = np.unique(same, return_inverse=True)[1]
    return [numbers[plane].astype(np.int32) for plane in joined]


def _over_a_gap(above: np.ndarray, below: np.ndarray) -> list[tuple[int, int]]:
    """Pairs of numbers of (H, W) and (H, W) that are about the same."""
    if not above.any() or not below.any():
        return []
    over = overlaps(above, below)
    ratio = over.pixels / over.unions
    near = ratio >= ALIKE
    pairs = assign(over.found[near], over.true[near], 1 - ratio[near])
    names = [np.unique(plane[plane > 0]) for plane in (above, below)]
    return [(int(names[0][a]), int(names[1][b])) for a, b in pairs]


def _draw(plane: np.ndarray, above: np.ndarray, below: np.ndarray, number: int) -> None:
    """What lies half way between two masks, where the plane is empty."""
    window = ndimage.find_objects((above | below).astype(np.int32))[0]
    inside = [_depth(mask[window]) for mask in (above, below)]
    plane[window][(inside[0] + inside[1] > 0) & (plane[window] == 0)] = number


def _depth(mask: np.ndarray) -> np.ndarray:
    """How far each pixel is inside the mask (H, W), negative outside."""
    wide = np.pad(mask, 1)
    far = ndimage.distance_transform_edt(wide) - ndimage.distance_transform_edt(~wide)
    return np.asarray(far[1:-1, 1:-1])
