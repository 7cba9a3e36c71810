"""Symmetric separable stencils of real weights: each pair of taps is one, in two short passes.

8-bit images run in 16-bit fixed point where the weights are those of a mean (none negative,
sum 1). An error of e levels crosses the boundary between two results in a share e of all places.
Narrow ones (Gaussians to sigma 1.3) stay in words of 1/256 of a level (narrow.py). Wider ones do
so down the columns only, whose error the row part averages away, and sum rows in 32 bits: 0.1 to
0.2 % of a photo's pixels are one level off (up to 5 % of a drawing's in black and white, where the
same few sums come again and again). Everything else runs in float32.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from imgconv import kernels, threads
from imgconv.kernels.layout import pack
from imgconv.kernels.native import Kernel
from imgconv.kernels.plane_layout import Plane, Reals

from . import narrow
from .box import WORDS
from .padded import NARROW, SLACK, Padded, aligned, pad, strip_of, widen
from .stencil import Stencil

Number = Fraction | float
WEIGHTS, FRACTION, MIDDLE = 16, 7, 128  # as in kernels/symmetric.py


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
    reals = Reals(float(scale), float(bias), 1.0, -1.0 if absolute else 1.0)
    work = "f32"
    if plain and folds.fits_words and pixels.dtype == np.uint8 == out.dtype:
        work = "i16" if narrow.words(folds.column, folds.row) is None else "u16"
    run(pixels, folds, border, out, work, reals, fill)


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

    work: "u16", "i16" or "f32", the arithmetic; fill: (C,), what lies beyond a constant border.
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
    beyond = np.zeros(channels) if fill is None else np.asarray(fill, np.float64)
    strip = strip_of(around, wide, channels, L - 1, 8 + K * pixels.itemsize)
    first = max(around.pad, 0) * channels
    line = strip + (L - 1) * channels + first + SLACK
    facts = Plane(width, channels, wide, around.pad, K, L, step, 0, 0, strip, -(-line // 64) * 64)
    start = {"u16": _in_words, "i16": _in_pairs, "f32": _in_reals}[work]
    kernel, numbers = start(pixels, folds, out, beyond, reals)

    def band(begin: int, end: int) -> None:
        offsets = () if work == "u16" else (np.empty(K + L + 8, np.int64),)
        kernel(
            pixels, out, pack(facts._replace(begin=begin, end=end)), around.rows, around.columns,
            *numbers, aligned(2 * facts.line, numbers[0].dtype, first), *offsets,
        )  # fmt: skip

    threads.run(band, height, threads.rows_worthwhile(wide * channels * step))


# Each: the kernel, and its numbers: what lies beyond a constant border after the column part,
# the column, the row, and what real sums are finished by.
Numbers = tuple[Kernel, tuple[np.ndarray, ...]]


def _in_reals(
    pixels: np.ndarray, folds: Folds, out: np.ndarray, beyond: np.ndarray, reals: Reals
) -> Numbers:
    column, row = (np.append(part[0] / 2, part[1:]) for part in (folds.column, folds.row))
    numbers = (beyond * (2 * column.sum()), column, row, np.array(reals))
    kernel = kernels.foldings[WORDS[pixels.dtype], "f32", WORDS[out.dtype]]
    return kernel, tuple(one.astype(np.float32) for one in numbers)


def _in_pairs(
    _: np.ndarray, folds: Folds, __: np.ndarray, beyond: np.ndarray, reals: Reals
) -> Numbers:
    border = np.rint((beyond - MIDDLE) * 2**FRACTION).astype(np.int16)
    numbers = (border, _words(folds.column), _pairs(folds.row), np.array(reals, np.float32))
    return kernels.foldings["u8", "i16", "u8"], numbers


def _in_words(
    _: np.ndarray, folds: Folds, __: np.ndarray, beyond: np.ndarray, ___: Reals
) -> Numbers:
    found = narrow.words(folds.column, folds.row)
    assert found is not None
    numbers = np.rint(beyond * 256 + found.base), found.column, found.row
    return kernels.narrow_means[found.near], tuple(np.array(one, np.uint16) for one in numbers)


def _words(part: np.ndarray) -> np.ndarray:
    """uint16: weights of folds, which sum to 2^16, then what makes up for the cuts, and 0.

    Sums from outside in are rounded, so that the weights' own sum is right. A line loses its
    last bit afterwards, hence the half.
    """
    full = np.append(part[0], 2 * part[1:]) / (2 * part.sum() - part[0])
    weights = np.diff(np.rint(np.cumsum(full[::-1]) * 2.0**WEIGHTS), prepend=0)[::-1]
    return np.append(weights, (round(full.size / 2 + 0.5), 0)).astype(np.uint16)


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
