"""Correlating an image with one stencil: exact where possible, by the fastest way.

8-bit images run in integers: 16 bits wide where sums are small, else as pairs of 16-bit
numbers summed in 32 bits, for which real weights are rounded to 16 bits. All others run in
float32 as long as every sum is exact there, else in float64. Stencils of rank 1 run as a row
and a column, other large ones by FFT.
"""

from __future__ import annotations

import functools
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
# Types of a line, the row stencil, and the ring with the stencil; see kernels/correlate.py.
WORK = {
    "i16": (np.int16, np.int16, np.int16),
    "i32": (np.int16, np.int32, np.int32),
    "split": (np.int16, np.int32, np.float32),
    "f32": (np.float32, np.float32, np.float32),
    "f64": (np.float64, np.float64, np.float64),
}
TALL = 4  # output rows of the tall register tile, as in kernels/correlate.py
CHUNK = 192  # a multiple of the numbers of a register tile, flat or tall
SLACK = 512  # numbers past its strip that a register tile may touch, at most
RING = 8192  # numbers of the ring of lines: about the first-level cache


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
    out: np.ndarray | None = None,
) -> np.ndarray:
    """scale * (stencil correlated with pixels) + bias, as `result` dtype (default: unchanged).

    pixels: (H, W, C) uint8, uint16 or float32, C-contiguous; the result has their shape.
    Integer results are rounded half to even and clipped to their type; those of integer
    pixels under a stencil of simple fractions are exact. `absolute` drops the sign before.
    fill: C values beyond the border "constant" (default zeros). out: (H, W, C) of the
    result's dtype to write into, apart from pixels (default: a new array).
    """
    out = np.empty(pixels.shape, result or pixels.dtype) if out is None else out
    if fourier.wins(stencil) and fourier.applies(pixels):
        fourier.correlate(pixels, stencil, border, out, scale, bias, absolute, fill)
    else:
        sums = plan(stencil, pixels.dtype, out.dtype, scale, bias)
        _run(pixels, stencil, sums, border, out, absolute, fill)
    return out


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
        return _rounded_sums(stencil, float(scale), float(bias))
    column, row = _split(stencil)
    return Sums("f32", column.weights * float(scale), row, float(bias))


def _rounded_sums(stencil: Stencil, scale: float, bias: float) -> Sums:
    """Real weights rounded to 16 bits, in sums of 32 bits (of the row part, if there is one)."""
    column, row = _split(stencil)
    if row.size:
        whole, step = _rounded(row[None])
        return Sums("split", column.weights * (scale / step), _pairs(whole)[0], bias)
    whole, step = _rounded(stencil.weights)
    if abs(bias / (scale or 1) * step) >= 2**30:
        return Sums("f32", stencil.weights * scale, row, bias)
    return Sums("i32", _pairs(whole), row, round(bias / (scale or 1) * step), scale / step)


def _rounded(weights: np.ndarray) -> tuple[np.ndarray, float]:
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
    return Sums(work, weights, row, offset, *_division(divisor, result, work))


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


def _division(divisor: int, result: np.dtype, work: str) -> tuple[float, float]:
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


def _run(
    pixels: np.ndarray,
    stencil: Stencil,
    sums: Sums,
    border: str,
    out: np.ndarray,
    absolute: bool,
    fill: np.ndarray | None,
) -> None:
    """Row bands of the compiled loop on all threads."""
    height, width, channels = pixels.shape
    kernel = kernels.correlations[WORDS[pixels.dtype], sums.work, WORDS[out.dtype]]
    line_type, row_type, ring_type = WORK[sums.work]
    taps, steps = sums.weights.shape
    rows = border_indices(height, stencil.shape[0], border)
    columns = np.append(border_indices(width, stencil.shape[1], border), -1)
    beyond = (np.zeros(channels) if fill is None else fill).astype(line_type)
    at_once = TALL if taps >= TALL and sums.work != "i16" else 1
    limits, reals = _numbers(sums, out.dtype, absolute)
    weights = np.append(limits, _staggered(sums.weights, at_once)).astype(ring_type)
    row = np.append(sums.row, 0).astype(row_type)
    lines = at_once + taps - 1
    strip = min(width * channels, max(1024, RING // lines))
    line = strip + (stencil.shape[1] + 2) * channels + SLACK
    facts = [height, width, channels, taps, steps, sums.row.size, stencil.anchor[1]]
    inner = _inner(pixels, stencil, sums, out.dtype, rows)

    def band(begin: int, end: int) -> None:
        offsets = np.zeros(max(lines * steps, row.size), np.int64)
        spans = [(0, width * channels)]
        if inner[0] < inner[1] and end - begin >= at_once:
            sizes = np.array([*facts, begin, end, strip, line, *inner], np.int64)
            spans = [(0, inner[0]), (inner[1], width * channels)]
            kernels.correlate_directly(pixels, out, sizes, rows, weights, reals, offsets)
        scratch = (
            np.zeros(lines * line, ring_type), np.zeros(line, line_type),
            np.zeros(2 * line, row_type), np.zeros(at_once * line, ring_type),
        )  # fmt: skip
        for left, right in spans:
            if left == right:
                continue
            sizes = np.array([*facts, begin, end, strip, line, left, right], np.int64)
            kernel(
                pixels, out, sizes, rows, columns, beyond, row, weights, reals, *scratch, offsets
            )

    bands.run(band, height, bands.rows_worthwhile(width * channels))


def _numbers(sums: Sums, result: np.dtype, absolute: bool) -> tuple[np.ndarray, np.ndarray]:
    """The kernel's bias, bottom, top; and its multiplier, divisor, fold, bottom, top."""
    top = np.iinfo(result).max if result.kind == "u" else 0
    real = np.float64 if sums.work == "f64" else np.float32
    reals = np.array([sums.multiplier, sums.divisor, -1 if absolute else 1, 0, top], real)
    return np.array([sums.bias, 0, 0 if sums.work != "i16" else top], object), reals


def _inner(
    pixels: np.ndarray, stencil: Stencil, sums: Sums, result: np.dtype, rows: np.ndarray
) -> tuple[int, int]:
    """The columns (flat numbers) that the direct kernel may do; (0, 0) for none."""
    if not pixels.dtype == result == np.float32 or sums.row.size:
        return 0, 0
    channels = pixels.shape[2]
    whole = pixels.shape[1] * channels - (stencil.shape[1] - 1) * channels
    count = whole // CHUNK * CHUNK
    if count <= 0 or rows[0] < 0 or rows[-1] < 0:
        return 0, 0
    first = stencil.anchor[1] * channels
    return first, first + count


def _staggered(weights: np.ndarray, rows: int) -> np.ndarray:
    """(K + R - 1, L, R): what input row i gives to each of R output rows, weights[i - r]."""
    taps, steps = weights.shape
    out = np.zeros((taps + rows - 1, steps, rows), weights.dtype)
    for r in range(rows):
        out[r : r + taps, :, r] = weights
    return out


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
