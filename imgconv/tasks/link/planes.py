"""Planes of a stack joined into objects in space: what lies on top of each other is one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from imgconv.tasks.labels.match import overlaps

from .assignment import assign

SHARED = 0.4  # of the smaller of two parts: what lies over the other, at least


def join(planes: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Labels (H, W) of each plane, numbered so that the parts of an object have one number.

    Each part goes on in at most one of the next plane: the pairs whose intersections over unions
    are the largest in all.
    """
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
