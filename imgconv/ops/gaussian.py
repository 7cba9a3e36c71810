"""Large Gaussians in a time that does not depend on sigma.

A Gaussian is a product of Gaussians: G(sigma) = G(a) G(b) G(a), 2 a^2 + b^2 = sigma^2. After the
first, every h-th pixel in each direction tells all; so the second runs on an image of 1/h^2 of
the pixels, and the third interpolates between them. With a = 0.9 h what the thinning out adds
is below 3e-7 of white (exp(-2 pi^2 0.81)), near the rounding of float32. Tails are cut at 4.5
a and b; the result differs from the Gaussian cut at 4 sigma by less than 2^-13 of white.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from imgconv import kernels, threads
from imgconv.kernels.layout import pack
from imgconv.kernels.plane_layout import Blend, Reals

from . import symmetric
from .borders import pad_indices
from .box import WORDS
from .padded import NARROW, Padded, pad_by
from .place import place
from .symmetric import Folds, Number

LARGE = 10.0  # from this sigma on
SHARE = 0.9  # of a step is the sigma of the outer parts
NEXT = 1.5  # pixels of the thinned image are the least sigma of the middle part
CUT = 4.5  # sigma

ONE = np.ones(1)
PLAIN = Reals()


@functools.lru_cache(64)  # a batch asks the same again and again
def _sigma(folds: Folds) -> float | None:
    """The sigma of a Gaussian, as far out as 3.5 sigma and the same both ways; else None."""
    row = folds.row / folds.row[0]
    if row.size < 2 or folds.column.size != row.size or not 0 < row[1] < 1:
        return None
    sigma = math.sqrt(-0.5 / math.log(row[1]))
    bell = np.exp(-0.5 * (np.arange(row.size) / sigma) ** 2)
    both = np.abs(row - bell).max() + np.abs(folds.column / folds.column[0] - bell).max()
    return sigma if both < 1e-9 and row.size > 3.5 * sigma and folds.is_mean else None


class Parts(NamedTuple):
    """A large Gaussian in parts: of the outer ones and the middle one sigma and radius, in pixels
    and in places that are `step` pixels apart."""

    step: int
    outer: float
    radius: int
    middle: float
    margin: int

    @property
    def reach(self) -> int:
        """Rows above and below from which a row's result comes, at most."""
        return 2 * self.radius + (self.margin + 1) * self.step


def thinning(folds: Folds) -> Parts | None:
    """How it is done on a thinned image, whose places count from the first row; None where not."""
    sigma = _sigma(folds)
    if sigma is None or sigma < LARGE:
        return None
    step = int(sigma / math.sqrt(2 * SHARE**2 + NEXT**2))
    outer = SHARE * step
    middle = math.sqrt(sigma**2 - 2 * outer**2) / step
    return Parts(step, outer, math.ceil(CUT * outer), middle, math.ceil(CUT * middle))


@dataclass(frozen=True)
class Axis:
    """How one axis of `size` pixels is thinned out: every `step`-th place from -`before` * step on.

    count: places; of them `margin` on each side serve the middle part only.
    """

    size: int
    step: int
    outer: int  # radius of the outer parts, in pixels
    margin: int

    @property
    def before(self) -> int:
        return -(-self.outer // self.step) + self.margin

    @property
    def count(self) -> int:
        return self.before + (self.size - 1 + self.outer) // self.step + 1 + self.margin

    def indices(self, border: str) -> np.ndarray:
        """int64: the padded axis that all places and the outer parts around them need.

        As pad_indices gives it.
        """
        before = self.before * self.step + self.outer
        after = (self.count - 1) * self.step + 2 * self.outer + 1 - before - self.size
        return pad_indices(self.size, before, max(after, 0), border)


def bell(sigma: float, radius: int) -> np.ndarray:
    """(radius + 1,) float64: weights of a Gaussian from its middle outwards; both sides sum to 1.

    sigma and radius are in pixels.
    """
    row = np.exp(-0.5 * (np.arange(radius + 1) / sigma) ** 2)
    return np.asarray(row / (2 * row.sum() - row[0]))


def correlate(
    pixels: np.ndarray,
    folds: Folds,
    border: str,
    out: np.ndarray,
    scale: Number,
    bias: Number,
    absolute: bool,
    fill: np.ndarray | None,
) -> bool:
    """Into `out` (H, W, C), as ops.correlation.correlate says, if it is a large Gaussian.

    False where it is none, the image too narrow for vectors, or a value not finite: that would
    spread too far.
    """
    parts = thinning(folds)
    if pixels.dtype.kind == "f" and place().finite is False:
        return False
    if parts is None or pixels.shape[1] * pixels.shape[2] < NARROW:
        return False
    step, outer, radius, inner, margin = parts
    height, width = pixels.shape[:2]
    rows, columns = Axis(height, step, radius, margin), Axis(width, step, radius, margin)
    part = bell(outer, radius)
    thin = _thinned(pixels, part, rows, columns, border, fill)
    if pixels.dtype.kind == "f" and not np.isfinite(thin).all():
        return False
    blurred = np.empty_like(thin)
    middle = bell(inner, margin)
    symmetric.run(thin, Folds(middle, middle), "edge", blurred, "f32", PLAIN, None)
    known = np.ascontiguousarray(blurred[margin:-margin, margin:-margin])
    lines = _widened(known, part, columns, step)
    reals = Reals(float(scale), float(bias), 1.0, -1.0 if absolute else 1.0)
    _blend(lines, part, rows, step, out, reals)
    return True


def _thinned(
    pixels: np.ndarray,
    part: np.ndarray,
    rows: Axis,
    columns: Axis,
    border: str,
    fill: np.ndarray | None,
) -> np.ndarray:
    """(n, m, C) float32: the image after the first part, at the places of both axes."""
    pad = columns.before * columns.step + columns.outer
    around = pad_by(pixels, rows.indices(border), columns.indices(border), pad, border, fill)
    around = replace(around, whole=True)  # its border is wider than the window's
    wide = (columns.count - 1) * columns.step + 1
    dense = np.empty((rows.count, wide, pixels.shape[2]), np.float32)
    symmetric.launch(pixels, Folds(part, part), around, rows.step, dense, "f32", PLAIN, fill)
    return np.ascontiguousarray(dense[:, :: columns.step])


def _widened(known: np.ndarray, part: np.ndarray, columns: Axis, step: int) -> np.ndarray:
    """(n, W, C) float32 of (n, m, C): the last part along rows, between places `step` apart."""
    n, m, channels = known.shape
    sparse = np.zeros((n, m * step, channels), np.float32)
    sparse[:, ::step] = known * np.float32(step)
    first = (columns.before - columns.margin) * step - columns.outer
    around = Padded(
        np.arange(n) * (sparse.shape[1] * channels), np.zeros(0, np.int64), -first, ONE, False
    )
    lines = np.empty((n, columns.size, channels), np.float32)
    symmetric.launch(sparse, Folds(ONE, part), around, 1, lines, "f32", PLAIN, None)
    return lines


def _blend(
    lines: np.ndarray, part: np.ndarray, rows: Axis, step: int, out: np.ndarray, reals: Reals
) -> None:
    """The last part along columns, and the results."""
    y = np.arange(rows.size)
    before = rows.before - rows.margin
    first = -((rows.outer - y) // step) + before  # the first place that reaches row y
    taps = 2 * rows.outer // step + 1
    first = np.minimum(first, lines.shape[0] - taps)
    distance = np.abs((first[:, None] + np.arange(taps) - before) * step - y[:, None])
    weights = np.append(part, 0)[np.minimum(distance, part.size)]
    weights /= weights.sum(axis=1, keepdims=True)
    numbers = out.shape[1] * out.shape[2]

    def band(begin: int, end: int) -> None:
        kernels.blends[WORDS[out.dtype]](
            lines, out, pack(Blend(numbers, taps, begin, end)), first, weights.astype(np.float32),
            np.array(reals, np.float32),
        )  # fmt: skip

    threads.run(band, out.shape[0], threads.rows_worthwhile(numbers))
