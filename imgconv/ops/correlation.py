"""Correlating an image with one stencil: exact where possible, by the fastest way.

Small integers run in 16 bits, others in float32 as long as every sum is exact there, else in
float64; stencils of rank 1 run as a row and a column, large others by FFT.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from .. import kernels
from ..kernels import bands
from . import fourier
from .stencil import Stencil

BORDERS = ("reflect", "symmetric", "edge", "wrap", "constant")  # NumPy's names, see numpy.pad
WORDS = {np.dtype(np.uint8): "u8", np.dtype(np.uint16): "u16", np.dtype(np.float32): "f32"}
WORK = {"i16": np.int16, "f32": np.float32, "f64": np.float64}
TALL = 4  # output rows of the tall register tile, as in kernels/correlate.py
SLACK = 512  # numbers past its strip that a register tile may touch, at most
RING = 8192  # numbers of the ring of lines: about the first-level cache


@dataclass(frozen=True)
class Sums:
    """How sums are formed and finished: result = (bias + sum of weights x) * multiplier / divisor.

    weights: in the working type, (K, L); row: (M,) or empty, applied to each row before.
    """

    work: str
    weights: np.ndarray
    row: np.ndarray
    bias: float = 0.0
    multiplier: float = 1.0
    divisor: float = 1.0


def correlate(
    pixels: np.ndarray,
    stencil: Stencil,
    *,
    border: str = "reflect",
    result: np.dtype | None = None,
    scale: Fraction | float = 1,
    bias: Fraction | float = 0,
    absolute: bool = False,
    fill: np.ndarray | None = None,
) -> np.ndarray:
    """scale * (stencil correlated with pixels) + bias, as `result` dtype (default: unchanged).

    pixels: (H, W, C) uint8, uint16 or float32, C-contiguous; the result has their shape.
    Integer results are rounded half to even and clipped to their type; those of integer
    pixels under a stencil of simple fractions are exact. `absolute` drops the sign before.
    fill: C values beyond the border "constant" (default zeros).
    """
    result = np.dtype(result or pixels.dtype)
    if fourier.wins(stencil) and fourier.applies(pixels):
        return fourier.correlate(pixels, stencil, border, result, scale, bias, absolute, fill)
    sums = plan(stencil, pixels.dtype, result, scale, bias)
    return _run(pixels, stencil, sums, border, result, absolute, fill)


def plan(
    stencil: Stencil,
    source: np.dtype,
    result: np.dtype,
    scale: Fraction | float = 1,
    bias: Fraction | float = 0,
) -> Sums:
    """The cheapest working type in which the sums of this stencil are exact.

    Images or weights of real numbers are summed in float32.
    """
    exact = source.kind == "u" and stencil.numerators is not None
    if not exact or not isinstance(scale, (Fraction, int)) or not isinstance(bias, (Fraction, int)):
        return _real_sums(stencil, float(scale), float(bias))
    return _exact_sums(stencil, source, result, Fraction(scale), Fraction(bias))


def _real_sums(stencil: Stencil, scale: float, bias: float) -> Sums:
    column, row = _split(stencil)
    return Sums("f32", column.weights * scale, row, bias)


def _exact_sums(
    stencil: Stencil, source: np.dtype, result: np.dtype, scale: Fraction, bias: Fraction
) -> Sums:
    """Integers n, b, D with scale * weights = n / D and bias = b / D: only D needs rounding."""
    step = scale / stencil.denominator
    divisor = math.lcm(step.denominator, bias.denominator)
    factor = step.numerator * (divisor // step.denominator)
    offset = bias.numerator * (divisor // bias.denominator)
    top = np.iinfo(source).max
    low, high = _extremes(stencil, factor, offset, top)
    if max(-low, high, abs(factor), divisor) >= 2**53:
        return _real_sums(stencil, float(scale), float(bias))
    column, row = _split(stencil)
    small = source == np.uint8 == result and not row.size
    numerators = _numerators(column) * factor
    if small and low >= -(2**15) and high < 2**15 and abs(numerators).max() < 2**15:
        work = "i16"
    else:
        work = "f32" if max(-low, high) < 2**24 and _divides(divisor, result, 24) else "f64"
    multiplier, quotient = _division(divisor, result, 53 if work == "f64" else 24)
    return Sums(work, numerators, row, offset, multiplier, quotient)


def _numerators(column: Stencil) -> np.ndarray:
    assert column.numerators is not None
    return column.numerators.astype(object)


def _extremes(stencil: Stencil, factor: int, offset: int, top: int) -> tuple[int, int]:
    """The lowest and highest partial sum over pixels 0..top."""
    assert stencil.numerators is not None
    terms = [int(n) * factor * top for n in stencil.numerators.flat]
    low = min(offset, 0) + sum(t for t in terms if t < 0)
    high = max(offset, 0) + sum(t for t in terms if t > 0)
    return low, high


def _divides(divisor: int, result: np.dtype, bits: int) -> bool:
    """Whether a quotient rounded to `bits` is never rounded onto a half it does not hit.

    A quotient up to `top` that is no half lies at least 1/(2 divisor) from one; its rounding
    error is at most top / 2**bits.
    """
    return result.kind == "f" or divisor * (np.iinfo(result).max + 1) < 2 ** (bits - 1)


def _division(divisor: int, result: np.dtype, bits: int) -> tuple[float, float]:
    """Multiplier and divisor; multiplying is faster, and right where no half can be hit.

    That is so for powers of two (exact) and odd divisors (no halves, with a little room).
    """
    power = divisor & (divisor - 1) == 0
    odd = divisor % 2 == 1 and _divides(4 * divisor, result, bits)
    return (1 / divisor, 1.0) if power or (odd and result.kind != "f") else (1.0, divisor)


def _split(stencil: Stencil) -> tuple[Stencil, np.ndarray]:
    """(column, row) where separating saves work, else (stencil, empty)."""
    rows, columns = stencil.shape
    if rows == 1 and columns >= 8:  # a row alone: the row pass does all, the column is one tap
        weights = stencil.weights if stencil.numerators is None else stencil.numerators
        one = Stencil(np.ones((1, 1)), np.ones((1, 1), np.int64), stencil.denominator)
        return one, weights[0].astype(np.float64)
    if rows * columns > 2 * (rows + columns) and (factors := stencil.factors()):
        column, row = factors
        return column, (row.weights if row.numerators is None else row.numerators)[0]
    return stencil, np.empty(0)


def _run(
    pixels: np.ndarray,
    stencil: Stencil,
    sums: Sums,
    border: str,
    result: np.dtype,
    absolute: bool,
    fill: np.ndarray | None,
) -> np.ndarray:
    """Row bands of the compiled loop on all threads."""
    height, width, channels = pixels.shape
    kernel = kernels.correlations[WORDS[pixels.dtype], sums.work, WORDS[result]]
    work = WORK[sums.work]
    taps, length = sums.weights.shape[0], sums.weights.shape[1]
    rows = border_indices(height, stencil.shape[0], border)
    columns = border_indices(width, stencil.shape[1], border)
    beyond = np.zeros(channels) if fill is None else fill
    top = np.iinfo(result).max if result.kind == "u" else 0
    reals = np.array(
        [sums.bias, sums.multiplier, sums.divisor, -1 if absolute else 1, top], np.float64
    )
    lines = (TALL if taps >= TALL else 1) + taps - 1
    strip = min(width * channels, max(1024, RING // lines))
    line = strip + stencil.shape[1] * channels + SLACK
    out = np.empty(pixels.shape, result)
    constants = (
        rows, columns, beyond.astype(work), _contiguous(sums.row, work),
        _contiguous(sums.weights, work), reals,
    )  # fmt: skip

    def band(begin: int, end: int) -> None:
        sizes = np.array(
            [height, width, channels, taps, length, sums.row.size, stencil.anchor[1],
             begin, end, strip, line], np.int64,
        )  # fmt: skip
        scratch = (np.zeros(lines * line, work), np.zeros(line, work), np.zeros(TALL * line, work))
        kernel(pixels, out[begin:end], sizes, *constants, *scratch, np.zeros(lines, np.int64))

    bands.run(band, height)
    return out


def _contiguous(values: np.ndarray, dtype: type) -> np.ndarray:
    return np.ascontiguousarray(values if values.size else np.zeros(1), dtype)


def border_indices(size: int, window: int, border: str) -> np.ndarray:
    """Which of `size` rows or columns stands at each place of the padded axis; -1: constant.

    int64, size + window - 1 long; the output's place 0 is at window // 2. NumPy's own
    padding of the indices, so that the borders mean exactly what numpy.pad says.
    """
    around = (window // 2, window - 1 - window // 2)
    indices = np.arange(size, dtype=np.int64)
    if border == "constant":
        return np.pad(indices, around, constant_values=-1)
    return np.pad(indices, around, mode=border)  # type: ignore[call-overload]
