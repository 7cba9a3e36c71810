"""Constant stencils: sums of windows in nearly constant time a pixel, exact for integers.

A window's sum is formed once (kernels/running.py), then multiplied, shifted and rounded as any
other sum is. Types of a column's sum, a window's sum and the arithmetic after it:

| image | column, window, arithmetic | for | why |
|---|---|---|---|
| 8 bit | u16, u16, u16 | means of an odd number of pixels, up to 257 | exact, see `_division` |
| 8 bit | u16, u16, f32 | up to 257 pixels | sums below 2^16 |
| 8 bit | u16, i32, f32 | 257 rows, sums below 2^24 | exact in all three |
| 16 bit | i32, i32, f64 | sums below 2^31 | exact in all three |
| integers | f64, f64, f64 | all else | exact below 2^53 |
| floats | f32, f32, f32 | three rows, results float32 | nine numbers or few more |
| floats | f64, f32, f32 | | running sums, else a tree: at most log2(L) roundings |
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from imgconv import kernels, threads
from imgconv.kernels.layout import pack
from imgconv.kernels.plane_layout import Division, Plane, Reals

from .padded import NARROW, SLACK, aligned, pad, strip_of, whole_lines, widen
from .place import segments
from .stencil import Stencil
from .sums import division

WORDS = {np.dtype(np.uint8): "u8", np.dtype(np.uint16): "u16", np.dtype(np.float32): "f32"}
TYPES = {"u8": np.uint8, "u16": np.uint16, "i32": np.int32, "f32": np.float32, "f64": np.float64}
FLAG = 63  # as in kernels/running.py
Number = Fraction | float


def correlate(
    pixels: np.ndarray,
    stencil: Stencil,
    border: str,
    out: np.ndarray,
    scale: Number,
    bias: Number,
    absolute: bool,
    fill: np.ndarray | None,
) -> bool:
    """Into `out` (H, W, C), as ops.correlation.correlate says.

    False, and nothing done, where no type holds the sums.
    """
    found = _plan(pixels, stencil, out, scale, bias)
    if found is None:
        return False
    (column, work, real), reals = found
    numbers: Reals | Division = reals._replace(fold=-1.0 if absolute else 1.0)
    if (column, work, real) == ("u16", "u16", "f32") and (by := _division(reals, stencil)):
        real, numbers = "u16", by
    name = f"sum_{WORDS[pixels.dtype]}_{column}_{work}_{real}_{WORDS[out.dtype]}"
    run(name, pixels, out, stencil.shape, border, fill, numbers, (column, work, real))
    return True


def _top(dtype: np.dtype) -> float:
    return float(np.iinfo(dtype).max) if dtype.kind == "u" else 0.0


def _plan(
    pixels: np.ndarray, stencil: Stencil, out: np.ndarray, scale: Number, bias: Number
) -> tuple[tuple[str, str, str], Reals] | None:
    """Types of a column's sum, a window's sum and the arithmetic; how sums become results."""
    exact = (
        pixels.dtype.kind == "u"
        and stencil.numerators is not None
        and isinstance(scale, (Fraction, int))
        and isinstance(bias, (Fraction, int))
    )
    if pixels.dtype.kind == "f" or not exact:
        weight = float(stencil.weights.flat[0]) * float(scale)
        types = _types(pixels, stencil, out, math.inf if pixels.dtype.kind == "u" else 0)
        return types, Reals(weight, float(bias))
    assert stencil.numerators is not None
    step = Fraction(int(stencil.numerators.flat[0]), stencil.denominator) * Fraction(scale)
    divisor = math.lcm(step.denominator, Fraction(bias).denominator)
    factor, offset = int(step * divisor), int(Fraction(bias) * divisor)
    high = stencil.weights.size * int(np.iinfo(pixels.dtype).max) * max(abs(factor), 1)
    if max(high + abs(offset), divisor) >= 2**53:
        return None
    types = _types(pixels, stencil, out, max(high + abs(offset), divisor * 2 * _top(out.dtype)))
    if types[2] == "f32" and not offset and _rounds(step, out.dtype):
        return types, Reals(float(step))
    multiplier, rest = division(divisor, out.dtype, types[2])
    return types, Reals(factor * multiplier, offset * multiplier, rest)


def _rounds(step: Fraction, result: np.dtype) -> bool:
    """Whether sums times the float32 nearest to n/D round to integers as sums times n/D do.

    D odd: no sum times n/D lies nearer to a half than 1/2D. The error is step's own and that of
    one product.
    """
    if step == 0:
        return True
    error = abs(Fraction(float(np.float32(step))) / step - 1) + Fraction(1, 2**24)
    odd = step.denominator % 2 == 1 and result.kind == "u"
    return odd and 2 * step.denominator * (_top(result) + 1) * error < 1


def _division(numbers: Reals, stencil: Stencil) -> Division | None:
    """The mean as a product and a shift of 16-bit words, where that is exact.

    floor((s + h) / D) = ((s + h) * m) >> (16 + k) with m = ceil(2^(16 + k) / D) as long as
    (s + h) * (m * D - 2^(16 + k)) < 2^(16 + k); with h = (D - 1) / 2, D odd, that rounds s / D.
    """
    area = stencil.weights.size
    if area % 2 == 0 or area == 1 or numbers.bias or abs(numbers.factor * area - 1) > 1e-12:
        return None
    places = area.bit_length() - 1
    half, power = area // 2, 1 << 16 + places
    factor = -(-power // area)
    most = 255 * area + half
    if max(factor, most) >= 2**16 or most * (factor * area - power) >= power:
        return None
    return Division(half, factor, places)


def _types(
    pixels: np.ndarray, stencil: Stencil, out: np.ndarray, high: float
) -> tuple[str, str, str]:
    """See the table above; `high`: the largest number of the arithmetic after the sum."""
    (K, _), area = stencil.shape, stencil.weights.size
    if pixels.dtype.kind == "f":
        return "f32" if K == 3 and pixels.dtype == out.dtype else "f64", "f32", "f32"
    eight, same = pixels.dtype == np.uint8, pixels.dtype == out.dtype
    if eight and K <= 257 and high < 2**23:
        return "u16", "u16" if area <= 257 and same else "i32", "f32"
    if not eight and area < 2**15 and same:
        return "i32", "i32", "f64"
    return "f64", "f64", "f64"


def run(
    name: str,
    pixels: np.ndarray,
    out: np.ndarray,
    window: tuple[int, int],
    border: str,
    fill: np.ndarray | None,
    reals: Reals | Division,
    types: tuple[str, str, str],
) -> None:
    """Windows of K x L of pixels (H, W, C) into `out` (H, W, C), in bands on all threads.

    name: the kernel, of `kernels.slides`; fill: (C,), what lies beyond a constant border, 0 if
    None; types: as in the table of this file.
    """
    if pixels.shape[1] * pixels.shape[2] < NARROW:
        wide, inner = widen(pixels, window[1], border, fill)
        into = np.empty(wide.shape, out.dtype)
        run(name, wide, into, window, border, fill, reals, types)
        out[:] = into[:, inner]
        return
    (height, width, channels), (K, L) = pixels.shape, window
    column, work, real = (np.dtype(TYPES[word]) for word in types)
    reach = L - 1
    around = pad(pixels, window, border, fill)
    sums = name.startswith("sum")
    extremes = name.startswith(("max", "min"))
    lines = 0 if sums else K + 1
    # lines of extremes are gone through again and again: half the cache, the rest is the rows'
    weight = (4 if extremes else 1) * (lines + 4) * column.itemsize
    strip = strip_of(around, width, channels, reach, weight)
    doubles = 2 if extremes else 1 + L.bit_length()
    line = whole_lines(strip + reach * channels + SLACK, column)
    beyond = np.zeros(channels, column)
    beyond[:] = 0 if fill is None else np.asarray(fill, np.float64) * (K if sums else 1)
    facts = Plane(width, channels, width, around.pad, K, L, 1, 0, 0, strip, line)

    def band(begin: int, end: int) -> None:
        sizes = pack(facts._replace(begin=begin, end=end))
        for kind in (name, name.replace("sum", "tree")):
            offsets = np.zeros(64, np.int64)
            kernels.slides[kind](
                pixels, out, sizes, around.rows, around.columns, beyond, np.array(reals, real),
                aligned((K + 1) * line if kind[:3] != "sum" else 0, column),
                aligned(3 * line, column), aligned(doubles * line, work), offsets,
            )  # fmt: skip
            if not offsets[FLAG]:  # a running sum of floats has not lost what it should hold
                return

    if sums and column.kind == "f" and pixels.dtype.kind == "f":
        cut = segments(height, rows_of_sum(K))

        def some(first: int, last: int) -> None:
            for part in cut[first:last]:
                band(*part)

        threads.run(some, len(cut))
        return
    threads.run(band, height, max(threads.rows_worthwhile(width * channels), 2 * K))


def rows_of_sum(K: int) -> int:
    """Rows of results whose sums of K rows of floats run on from each other."""
    return max(256, 1 << (K - 1).bit_length())
