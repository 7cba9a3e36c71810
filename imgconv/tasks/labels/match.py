"""Objects of two label images matched by overlap: how many were found, how well.

IoU is the area of the intersection over that of the union. Two objects match at a threshold if
their IoU is above it, strictly: above one half an object overlaps so much with one other at most,
so that no assignment has to be searched, and ties at exactly 0.5 count as misses.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

TWENTIETHS = np.arange(10, 20)  # thresholds 0.50, 0.55 ... 0.95, as integers over 20
THRESHOLDS = tuple(float(n) / 20 for n in TWENTIETHS)


@dataclass(frozen=True)
class Match:
    """What one image (or plane) adds to the scores."""

    found: int  # objects in the labels
    true: int  # objects in the truth
    hits: tuple[int, ...]  # pairs with an IoU above each of THRESHOLDS
    shared: int  # pixels: the aggregated Jaccard index's numerator
    united: int  # and its denominator


@dataclass(frozen=True)
class Overlaps:
    """All pairs that overlap: places of the objects in `found_areas`, `true_areas`; pixels."""

    found: np.ndarray
    true: np.ndarray
    pixels: np.ndarray
    found_areas: np.ndarray
    true_areas: np.ndarray

    @property
    def unions(self) -> np.ndarray:
        return self.found_areas[self.found] + self.true_areas[self.true] - self.pixels


def overlaps(labels: np.ndarray, truth: np.ndarray) -> Overlaps:
    """Overlaps of two label images (H, W), whose numbers may be any positive integers."""
    a, b = labels.ravel().astype(np.int64), truth.ravel().astype(np.int64)
    width = int(b.max(initial=0)) + 1
    pairs, pixels = np.unique(a * width + b, return_counts=True)
    found, true = pairs // width, pairs % width
    # Numbered without gaps, 0 (nothing) first even where it does not occur.
    found_names, found = np.unique(np.append(found, 0), return_inverse=True)
    true_names, true = np.unique(np.append(true, 0), return_inverse=True)
    found, true = found[:-1], true[:-1]
    found_areas = np.bincount(found, pixels, len(found_names)).astype(np.int64)
    true_areas = np.bincount(true, pixels, len(true_names)).astype(np.int64)
    both = (found > 0) & (true > 0)
    return Overlaps(found[both] - 1, true[both] - 1, pixels[both], found_areas[1:], true_areas[1:])


def match(labels: np.ndarray, truth: np.ndarray) -> Match:
    """Match two label images (H, W) of one size, 0 is background."""
    over = overlaps(labels, truth)
    # Exactly: pixels / union > n / 20, in integers.
    above = 20 * over.pixels > TWENTIETHS[:, None] * over.unions
    shared, united = _aggregate(over)
    hits = tuple(int(n) for n in above.sum(axis=1))
    return Match(len(over.found_areas), len(over.true_areas), hits, shared, united)


def _aggregate(over: Overlaps) -> tuple[int, int]:
    """Numerator and denominator of the aggregated Jaccard index (Kumar et al. 2017).

    Every true object is paired with the found one of the largest IoU. Intersections are added
    up over unions; true objects without overlap and found ones that nobody was paired with
    count in the denominator whole.
    """
    iou = over.pixels / over.unions
    order = np.lexsort((over.found, -iou, over.true))
    _, first = np.unique(over.true[order], return_index=True)
    best = order[first]
    missed = np.delete(over.true_areas, over.true[best]).sum()
    spare = np.delete(over.found_areas, over.found[best]).sum()
    shared, united = over.pixels[best].sum(), over.unions[best].sum()
    return int(shared), int(united + missed + spare)
