"""Symmetric separable stencils of real weights: each pair of taps is one, in two short passes.

8-bit images run in 16-bit fixed point where the weights are those of a mean (none negative,
sum 1). An error of e levels crosses the boundary between two results in a share e of all places.
Narrow ones (three quarters of the weight within a pixel: Gaussians to sigma 1.3) stay in words
of 1/256 of a level, whose cuts put 0.15 to 0.2 % of all pixels one level off. Wider ones do so
down the columns only, whose error the row part averages away, and sum rows in 32 bits: 0.1 to
0.2 %. Everything else runs in float32.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from imgconv import kernels, threads
from imgconv.kernels.layout import pack
from imgconv.kernels.plane_layout import Plane, Reals

from .box import WORDS
from .padded import NARROW, SLACK, Padded, pad, strip_of, widen
from .stencil import Stencil

Number = Fraction | float
WEIGHTS, FRACTION, MIDDLE, NEAR = 16, 7, 128, 2  # as in kernels/symmetric.py


@dataclass(frozen=True, eq=False)
class Folds:
    """Weights of a column (K // 2 + 1,) and a row (L // 2 + 1,), from the middle outwards.

    Their full sums are 1 each where the stencil is a mean.
    """

    column: np.ndarray
    row: np.ndarray

    @property
    def window(self) -> tuple[int, int]:
        return 2 * self.column.size - 1, 2 * self.row.size - 1

    @property
    def is_mean(self) -> bool:
        """Whether no weight is negative and all sum to 1."""
        parts = (self.column, self.row)
        total = np.prod([2 * part.sum() - part[0] for part in parts])
        return all((part >= 0).all() for part in parts) and abs(total - 1) < 1e-9

    @property
    def fits_words(self) -> bool:
        """Whether every weight is below 2^15 where all sum to 2^16."""
        return all(
            part[0] < 0.99 and part[1:].max(initial=0) < 0.49 for part in (self.column, self.row)
        )


@functools.lru_cache(64)  # a batch asks the same again and again
def folds(stencil: Stencil) -> Folds | None:
    """The stencil as folds; None if it is not symmetric, no product, or too small to gain."""
    rows, columns = stencil.shape
    if rows % 2 == 0 or columns % 2 == 0 or rows * columns <= 2 * (rows + columns):
        return None
    factors = stencil.factors()
    if factors is None:
        return None
    column, row = factors[0].weights[:, 0], factors[1].weights[0]
    for part in (column, row):
        if not np.allclose(part, part[::-1], rtol=0, atol=1e-12 * np.abs(part).max()):
            return None
    total = row.sum()
    if total:
        column, row = column * total, row / total
    return Folds(column[column.size // 2 :].copy(), row[row.size // 2 :].copy())


def correlate(
    pixels: np.ndarray,
    folds: Folds,
    border: str,
    out: np.ndarray,
    scale: Number,
    bias: Number,
    absolute: bool,
    fill: np.ndarray | None,
) -> None:
    """Into `out` (H, W, C), as ops.correlation.correlate says."""
    plain = float(scale) == 1 and float(bias) == 0 and folds.is_mean
    if plain and folds.fits_words and pixels.dtype == np.uint8 == out.dtype:
        narrow = min(_places(folds.column), _places(folds.row)) >= 2
        return run(pixels, folds, border, out, "u16" if narrow else "i16", Reals(), fill)
    reals = Reals(float(scale), float(bias), 1.0, -1.0 if absolute else 1.0)
    return run(pixels, folds, border, out, "f32", reals, fill)


def run(
    pixels: np.ndarray,
    folds: Folds,
    border: str,
    out: np.ndarray,
    work: str,
    reals: Reals,
    fill: np.ndarray | None,
) -> None:
    """Pixels (H, W, C) under the folds into `out` (H, W, C), in bands of rows on all threads.

    work: "i16" or "f32", the arithmetic; fill: (C,), what lies beyond a constant border.
    """
    _, width, channels = pixels.shape
    if width * channels < NARROW:
        wide, inner = widen(pixels, folds.window[1], border, fill)
        into = np.empty(wide.shape, out.dtype)
        run(wide, folds, border, into, work, reals, fill)
        out[:] = into[:, inner]
        return
    launch(pixels, folds, pad(pixels, folds.window, border, fill), 1, out, work, reals, fill)


def launch(
    pixels: np.ndarray,
    folds: Folds,
    around: Padded,
    step: int,
    out: np.ndarray,
    work: str,
    reals: Reals,
    fill: np.ndarray | None,
) -> None:
    """Pixels (H, W, C) into `out` (h, w, C), whose rows lie `step` padded rows apart.

    Its columns lie one apart.
    """
    (_, width, channels), (K, L) = pixels.shape, folds.window
    height, wide = out.shape[:2]
    beyond, column, row = _numbers(folds, work, channels, fill)
    each = np.dtype(column.dtype).itemsize + K * pixels.itemsize
    strip = strip_of(around, wide, channels, L - 1, each)
    line = strip + (L - 1) * channels + SLACK
    facts = Plane(width, channels, wide, around.pad, K, L, step, 0, 0, strip, line)
    kernel = kernels.foldings[WORDS[pixels.dtype], work, WORDS[out.dtype]]

    def band(begin: int, end: int) -> None:
        sizes = pack(facts._replace(begin=begin, end=end))
        kernel(
            pixels, out, sizes, around.rows, around.columns, beyond, np.array(reals, np.float32),
            column, row, np.empty(line, beyond.dtype), np.empty(K + 4, np.int64),
            np.empty(L + 4, np.int64),
        )  # fmt: skip

    threads.run(band, height, threads.rows_worthwhile(wide * channels * step))


def _numbers(
    folds: Folds, work: str, channels: int, fill: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The column part of a constant border, and the weights, as the kernel takes them."""
    beyond = np.zeros(channels) if fill is None else np.asarray(fill, np.float64)
    if work == "f32":
        parts = [np.append(part[0] / 2, part[1:]) for part in (folds.column, folds.row)]
        beyond = beyond * (2 * parts[0].sum())
        column, row = (part.astype(np.float32) for part in parts)
        return beyond.astype(np.float32), column, row
    if work == "u16":
        border = np.rint(beyond * 256).astype(np.uint16)
        return border, _words(folds.column, MEAN_OF_LINE), _words(folds.row, ROUNDED)
    border = np.rint((beyond - MIDDLE) * 2**FRACTION).astype(np.int16)
    return border, _words(folds.column, HALVED, 0), _pairs(folds.row)


def _places(part: np.ndarray) -> int:
    """By which power of two the folds from NEAR on may be multiplied and still sum below 1."""
    tail = 2 * part[NEAR:].sum() / (2 * part.sum() - part[0])
    return min(6, int(-np.log2(tail + 2.0**-8)))


# What a part in words adds besides the mean of what its products are cut off by, in 1/256 of a
# level: to round the result, whose cut is at whole numbers; to round the line's last bit away.
ROUNDED, HALVED, MEAN_OF_LINE = 127.5, 0.5, 0.0
UNEVEN = 0.25  # what the mean of two numbers of a line is too large by, on average


def _words(part: np.ndarray, more: float, places: int | None = None) -> np.ndarray:
    """uint16: weights of folds, and the terms that kernels/symmetric.py adds.

    Sums from outside in are rounded, so that the weights' own sum is right: outside of NEAR at
    2^places the scale.
    """
    places = _places(part) if places is None else places
    full = np.append(part[0], 2 * part[1:]) / (2 * part.sum() - part[0])
    sums = np.cumsum(full[::-1])
    fine = np.rint(sums * 2.0 ** (WEIGHTS + places))
    coarse = np.rint(sums * 2.0**WEIGHTS) * 2**places
    far = full.size - NEAR
    fine[max(far - 1, 0) :] = coarse[max(far - 1, 0) :]
    weights = np.diff(fine, prepend=0)[::-1]
    weights[:NEAR] /= 2**places
    uneven = UNEVEN * (1 - full[0]) if more == ROUNDED else 0.0
    exact = (NEAR / 2 + more - uneven) * 2**places + far / 2 + (2**places - 1) / 2
    near, rest = divmod(round(exact), 2**places)
    return np.append(weights, (rest, places, near, 0)).astype(np.uint16)


def _pairs(part: np.ndarray) -> np.ndarray:
    """Weights of folds, which sum to 1, as words that sum to 2^15, two to an int32.

    Their running sum from outside in is what is rounded: so no part of the stencil is off by
    more than half a step, and edges keep their place.
    """
    weights = np.append(part[0] / 2, part[1:])
    weights /= weights.sum()
    whole = np.diff(np.rint(np.cumsum(weights[::-1]) * 2 ** (WEIGHTS - 1)), prepend=0)[::-1]
    even = np.zeros(-(-whole.size // 2) * 2, np.uint32)
    even[: whole.size] = whole
    return (even[0::2] | even[1::2] << 16).view(np.int32)
