"""Maps (C, H, W) that pass in bands of rows: what a few rows need is kept, and no more."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator

import numpy as np

from .prepare import resize_maps

Bands = Iterator[np.ndarray]
"""(C, h, W) after (C, h, W), from top to bottom."""
PIXELS = 4 << 20  # of a band


class Window:
    """Rows of bands that come once, as long as they may be asked for."""

    def __init__(self, bands: Bands) -> None:
        self.bands = bands
        self.held: deque[np.ndarray] = deque()
        self.top = self.bottom = 0
        self.last: tuple[tuple[int, int], np.ndarray] | None = None

    def __call__(self, top: int, bottom: int) -> np.ndarray:
        """(C, bottom - top, W); `top` is never smaller than before."""
        if self.last is None or self.last[0] != (top, bottom):
            self.last = None
            self.last = (top, bottom), self._joined(top, bottom)
        return self.last[1]

    def _joined(self, top: int, bottom: int) -> np.ndarray:
        while self.held and self.top + self.held[0].shape[1] <= top:
            self.top += self.held.popleft().shape[1]
        while self.bottom < bottom:
            band = next(self.bands)
            self.bottom += band.shape[1]
            if self.bottom > top:
                self.held.append(band)
            else:
                self.top = self.bottom
        parts = list(self.held)
        joined = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)
        return joined[:, top - self.top : bottom - self.top]


def spans(height: int, width: int) -> Iterator[tuple[int, int]]:
    """First and last row of each band of an image of this size."""
    step = max(16, PIXELS // width)
    for top in range(0, height, step):
        yield top, min(top + step, height)


def with_neighbours(
    bands: Bands, size: tuple[int, int], reach: int
) -> Iterator[tuple[np.ndarray, slice]]:
    """Bands with so many rows above and below, where there are any, and which rows are theirs."""
    window = Window(bands)
    for top, bottom in spans(*size):
        begin, end = max(0, top - reach), min(size[0], bottom + reach)
        yield window(begin, end), slice(top - begin, bottom - begin)


def resize_bands(bands: Bands, size: tuple[int, int], wanted: tuple[int, int]) -> Bands:
    """What `resize_maps` makes of the whole, (H, W) to (h, w), to the bit: across by Pillow, down
    as Pillow does, with sums in double precision."""
    if size == wanted:
        yield from bands
        return
    across = (resize_maps(band, (band.shape[1], wanted[1])) for band in bands)
    if size[0] == wanted[0]:
        yield from across
        return
    window, (firsts, weights) = Window(across), taps(size[0], wanted[0])
    last = size[0] - 1
    for top, bottom in spans(*wanted):
        begin = int(firsts[top])
        end = min(size[0], int(firsts[bottom - 1]) + weights.shape[1])
        part = window(begin, end)
        yield _sum_down(part, firsts[top:bottom] - begin, weights[top:bottom], last - begin)


def _sum_down(part: np.ndarray, firsts: np.ndarray, weights: np.ndarray, last: int) -> np.ndarray:
    """(C, n, W): of n sums of rows, which begin at `firsts` and have `weights` (n, taps)."""
    sums = np.zeros((len(part), len(firsts), part.shape[2]))
    for tap in range(weights.shape[1]):
        rows = part[:, np.minimum(firsts + tap, min(last, part.shape[1] - 1))]
        sums += rows * weights[:, tap, None]
    return sums.astype(np.float32)


def taps(size: int, wanted: int) -> tuple[np.ndarray, np.ndarray]:
    """For each of `wanted` rows its first row of `size`, and the weights (wanted, n) from there on:
    a triangle, as wide as the step where that is more than one row (Pillow's BILINEAR)."""
    step = size / wanted
    support = max(1.0, step)
    middles = (np.arange(wanted) + 0.5) * step
    firsts = np.maximum(0, (middles - support + 0.5).astype(np.int64))
    ends = np.minimum(size, (middles + support + 0.5).astype(np.int64))
    places = np.arange(math.ceil(support) * 2 + 1)
    away = (places + firsts[:, None] - middles[:, None] + 0.5) * (1.0 / support)
    weights = np.maximum(0.0, 1.0 - np.abs(away)) * (places < (ends - firsts)[:, None])
    totals = np.zeros(wanted)
    for tap in places:  # one after the other, as Pillow does
        totals += weights[:, tap]
    return firsts, weights / totals[:, None]
