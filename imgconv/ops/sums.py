"""How the sums of a stencil are formed: in the cheapest working type that is exact.

8-bit images run in integers: 16 bits wide where sums are small, else as pairs of 16-bit
numbers summed in 32 bits, for which real weights are rounded to 16 bits. All others run in
float32 as long as every sum is exact there, else in float64. Stencils of rank 1 run as a row
and a column.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from .stencil import Stencil


@dataclass(frozen=True)
class Sums:
    """How sums are formed and finished: result = (bias + sum of weights x) * multiplier / divisor.

    weights: (K, L) and row: (M,) or empty, applied to each row before; "i32" and "split" take
    pairs of taps (see `_pairs`).
    """

    work: str
    weights: np.ndarray
    row: np.ndarray
    bias: float = 0.0
    multiplier: float = 1.0
    divisor: float = 1.0


@functools.lru_cache(64)  # a batch asks the same again and again
def plan(
    stencil: Stencil,
    source: np.dtype,
    result: np.dtype,
    scale: Fraction | float = 1,
    bias: Fraction | float = 0,
) -> Sums:
    """The cheapest working type in which the sums of this stencil are exact.

    Images or weights of real numbers are summed in float32; 8-bit ones with 16-bit weights.
    """
    exact = source.kind == "u" and stencil.numerators is not None
    if exact and isinstance(scale, (Fraction, int)) and isinstance(bias, (Fraction, int)):
        sums = _exact_sums(stencil, source, result, Fraction(scale), Fraction(bias))
        if sums is not None:
            return sums
    if source == np.uint8 == result:
        return _round_sums(stencil, float(scale), float(bias))
    column, row = _split(stencil)
    return Sums("f32", column.weights * float(scale), row, float(bias))


def _round_sums(stencil: Stencil, scale: float, bias: float) -> Sums:
    """Real weights rounded to 16 bits, in sums of 32 bits (of the row part, if there is one)."""
    column, row = _split(stencil)
    if row.size:
        whole, step = _round(row[None])
        return Sums("split", column.weights * (scale / step), _pairs(whole)[0], bias)
    whole, step = _round(stencil.weights)
    if abs(bias) * step >= abs(scale) * 2**30:  # it would not fit, or scale is 0
        return Sums("f32", stencil.weights * scale, row, bias)
    return Sums("i32", _pairs(whole), row, round(bias / scale * step), scale / step)


def _round(weights: np.ndarray) -> tuple[np.ndarray, float]:
    """Integers of 16 bits near weights * step, and the step.

    They are rounded so that their sum is right too: flat areas keep their value.
    """
    step = min(32766 / np.abs(weights).max(), 2**22 / np.abs(weights).sum())
    exact = weights * step
    whole = np.floor(exact)
    missing = round(exact.sum() - whole.sum())
    upwards = np.argsort((whole - exact).ravel(), kind="stable")[:missing]
    whole.ravel()[upwards] += 1
    return whole.astype(np.int64), step


def _pairs(weights: np.ndarray) -> np.ndarray:
    """(K, L) integers of 16 bits as (K, ceil(L / 2)) int32: tap 2j below, tap 2j + 1 above."""
    even = np.zeros((weights.shape[0], -(-weights.shape[1] // 2) * 2), np.int16)
    even[:, : weights.shape[1]] = weights
    halves = even.view(np.uint16).astype(np.uint32)
    return (halves[:, 0::2] | halves[:, 1::2] << 16).view(np.int32)


def _exact_sums(
    stencil: Stencil, source: np.dtype, result: np.dtype, scale: Fraction, bias: Fraction
) -> Sums | None:
    """Integers n, b, D with scale * weights = n / D and bias = b / D: only D needs rounding.

    None where even float64 would not hold the sums.
    """
    step = scale / stencil.denominator
    divisor = math.lcm(step.denominator, bias.denominator)
    factor = step.numerator * (divisor // step.denominator)
    offset = bias.numerator * (divisor // bias.denominator)
    low, high = _extremes(stencil, factor, offset, int(np.iinfo(source).max))
    if max(-low, high, abs(factor), divisor) >= 2**53:
        return None
    column, row = _split(stencil)
    assert column.numerators is not None
    weights = column.numerators.astype(object) * factor
    short = max(abs(weights).max(), abs(row).max(initial=0)) < 2**15  # 16-bit weights
    eight = source == np.uint8 == result
    if eight and short and not row.size and low >= -(2**15) and high < 2**15:
        work = "i16"
    elif max(-low, high) >= 2**24 or not _divides(divisor, result, 24):
        work = "f64"
    elif eight and short:
        work = "split" if row.size else "i32"
    else:
        work = "f32"
    weights = _pairs(weights.astype(np.int64)) if work == "i32" else weights
    row = _pairs(row[None])[0] if work == "split" else row
    return Sums(work, weights, row, offset, *division(divisor, result, work))


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


def division(divisor: int, result: np.dtype, work: str) -> tuple[float, float]:
    """Multiplier and divisor; multiplying is faster, and right where no half can be hit.

    That is so for powers of two (exact) and odd divisors (no halves, with a little room).
    """
    power = divisor & (divisor - 1) == 0
    odd = divisor % 2 == 1 and _divides(4 * divisor, result, 53 if work == "f64" else 24)
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
