"""Objects of maps that come in bands: each is made when the last row of its region is there.

Regions of the foreground are independent of each other, so nothing is cut and nothing overlaps:
labels are those that `instances` makes of the whole. What has not ended waits for the next band.
Only a region that is taller than may be held is cut, between objects that have ended in it and
those that go on; only an object that is itself that tall is put together from pieces.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy import ndimage

from .read import Relief, divide, fill

MOST = 32 << 20  # pixels that wait at a time
WAITS, LEFT_OUT = -1, -2  # in labels: not decided yet; a speck that is no object
Pairs = list[tuple[int, int]]


class Completer:
    """Takes bands of a relief from top to bottom, gives rows of labels that are finished.

    Numbers are above 0, in no order. `same` are pairs of numbers that are pieces of one object.
    """

    def __init__(self, rules: Mapping[str, Any], smallest: float) -> None:
        self.lowest, self.dip, self.smallest = rules["lowest"], rules["dip"], smallest
        self.same: Pairs = []
        self.count = 0
        self.top = 0  # the first row that is held
        self.held: Relief | None = None
        self.labels = np.empty((0, 0), np.int32)
        self.seam: tuple[int, np.ndarray] | None = None  # a row (W,) above which an object was cut

    def add(self, band: Relief, *, last: bool) -> np.ndarray:
        """(h, W) int32: the rows that no later band changes, in order; maybe none."""
        held = self._join(band)
        waits = np.zeros(held.inside.shape, bool) if last else _going_on(held.inside)
        cut = not last and held.inside.size > MOST and waits.any()
        if cut:
            waits = self._between_objects(held, waits)
        self._decide(held, waits)
        self._note_pieces()
        if cut and not waits.any():
            self.seam = self.top + len(self.labels) - 1, self.labels[-1].copy()
        return self._release(held, waits)

    def _join(self, band: Relief) -> Relief:
        if self.held is None:
            self.labels = np.zeros(band.inside.shape, np.int32)
            return band
        fresh = np.zeros(band.inside.shape, np.int32)
        self.labels = np.concatenate([self.labels, fresh])
        return Relief(*(np.concatenate(pair) for pair in zip(self.held, band, strict=True)))

    def _decide(self, held: Relief, waits: np.ndarray) -> None:
        """Label the objects of all regions that do not wait."""
        ready = held.inside & ~waits
        found = divide(Relief(ready, held.height, held.tops & ready), self.lowest, self.dip,
                       self.smallest)  # fmt: skip
        labels, before = self.labels, self.count
        new = found > 0
        labels[new] = found[new] + before
        self.count = before + int(found.max(initial=0))
        labels[waits] = WAITS
        fill(labels)
        labels[waits] = 0
        fresh = np.where(labels > before, labels - before, 0)
        areas = np.bincount(fresh.ravel(), minlength=1)
        areas[0] = 0
        specks = (areas > 0) & (areas < self.smallest)
        if specks.any() and self.seam is None:
            labels[specks[fresh]] = LEFT_OUT

    def _between_objects(self, held: Relief, waits: np.ndarray) -> np.ndarray:
        """Of regions that are too tall: only objects that touch the last row wait, if that helps;
        else nothing does."""
        found = divide(Relief(waits, held.height, held.tops & waits), self.lowest, self.dip,
                       self.smallest)  # fmt: skip
        goes_on = np.zeros(int(found.max(initial=0)) + 1, bool)
        goes_on[found[-1]] = True
        goes_on[0] = False
        left = goes_on[found]
        rows = np.flatnonzero(left.any(axis=1))
        helps = len(rows) > 0 and rows[0] > len(left) // 2
        return left if helps else np.zeros_like(waits)

    def _note_pieces(self) -> None:
        """What touches a cut from below is the same object as what touches it from above."""
        if self.seam is None or self.seam[0] + 1 < self.top:
            self.seam = None
            return
        row, above = self.seam
        if row + 1 - self.top < len(self.labels):
            below = self.labels[row + 1 - self.top]
            both = (above > 0) & (below > 0)
            pairs = np.unique(np.stack([above[both], below[both]]), axis=1)
            self.same += [(int(a), int(b)) for a, b in pairs.T]

    def _release(self, held: Relief, waits: np.ndarray) -> np.ndarray:
        rows = np.flatnonzero(waits.any(axis=1))
        first = int(rows[0]) if len(rows) else len(waits)
        done, self.labels = np.maximum(self.labels[:first], 0), self.labels[first:].copy()
        self.held = Relief(waits[first:], held.height[first:].copy(), held.tops[first:].copy())
        self.top += first
        return done


def _going_on(inside: np.ndarray) -> np.ndarray:
    """(H, W) bool: the regions that touch the last row."""
    regions, count = ndimage.label(inside)
    touching = np.zeros(count + 1, bool)
    touching[regions[-1]] = True
    touching[0] = False
    return np.asarray(touching[regions])
