"""Images enlarged by nearest pixels, straight lines or cubic curves between pixel centres.

Coordinates are those of half-pixel centres (PyTorch's align_corners=False): the centre of
output pixel j lies at (j + 1/2) / factor - 1/2 among the centres of the source. Weights are
integers over a common denominator wherever these are exact, so that results of 8- and 16-bit
images are rounded once, half to even.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from imgconv import kernels, threads

from .arguments import result_array

WORDS = {np.dtype(np.uint8): "u8", np.dtype(np.uint16): "u16", np.dtype(np.float32): "f32"}
WORK = {"i16": np.int16, "i32": np.int32, "f32": np.float32, "f64": np.float64}
SHORT = {(2, 2**4): "i16", (2, 2**6): "i16", (4, 2**16): "i32", (4, 2**22): "i32"}  # by divisor
TAPS = {"bilinear": 2, "bicubic": 4}
CUBIC = Fraction(-3, 4)  # of Keys's kernel; PyTorch's and OpenCV's (Pillow and others: -1/2)
STRIP = 65536  # bytes of a line of the result: all lines stay in the second-level cache
SLACK = 8  # numbers that a pixel's move may touch past a line


@dataclass(frozen=True)
class Axis:
    """One axis of the result: output j meets taps pixels from first[j] on.

    first: (n,) int64; weights: (n, taps) float64, sums of which with pixels are to be divided
    by the divisor; steps: outputs after which weights repeat, one pixel further on, or 0.
    """

    first: np.ndarray
    weights: np.ndarray
    divisor: int
    steps: int


def axis(length: int, factor: Fraction, taps: int) -> Axis:
    """Places and weights of one axis of `length` pixels."""
    p, q = factor.numerator, factor.denominator
    count = length * p // q
    whole, rest = np.divmod((2 * np.arange(count, dtype=np.int64) + 1) * q - p, 2 * p)
    table, divisor = (_linear if taps == 2 else _cubic)(rest, 2 * p)
    return Axis(whole - (taps // 2 - 1), table, divisor, p if q == 1 else 0)


def _linear(rests: np.ndarray, unit: int) -> tuple[np.ndarray, int]:
    """Weights of both neighbours at rest / unit between them."""
    common = int(np.gcd(np.gcd.reduce(rests), unit))
    return np.stack([unit - rests, rests], axis=1) / common, unit // common


def _cubic(rests: np.ndarray, unit: int) -> tuple[np.ndarray, int]:
    """Weights of four neighbours (Keys 1981); real numbers where exact ones are too long."""
    different, which = np.unique(rests, return_inverse=True)
    table = [_keys(Fraction(r, unit)) for r in different.tolist()]
    divisor = math.lcm(*(w.denominator for four in table for w in four))
    divisor = divisor if divisor < 2**18 else 1
    rows = np.array([[float(w * divisor) for w in four] for four in table])
    return rows[which], divisor


def _keys(t: Fraction) -> tuple[Fraction, ...]:
    def near(x: Fraction) -> Fraction:
        return (CUBIC + 2) * x**3 - (CUBIC + 3) * x**2 + 1

    def far(x: Fraction) -> Fraction:
        return CUBIC * (x**3 - 5 * x**2 + 8 * x - 4)

    return far(1 + t), near(t), near(1 - t), far(2 - t)


def interpolate(
    pixels: np.ndarray,
    method: str,
    factors: tuple[Fraction, Fraction],
    out: np.ndarray | None = None,
) -> np.ndarray:
    """(H', W', C) of pixels (H, W, C) by "nearest", "bilinear" or "bicubic", in their dtype.

    H' = floor(H * factors[0]), W' = floor(W * factors[1]). out: an array to write into.
    """
    height, width, depth = pixels.shape
    shape = (int(height * factors[0]), int(width * factors[1]), depth)
    out = result_array(shape, pixels.dtype, out)
    if method == "nearest":
        _nearest(pixels, factors, out)
    else:
        taps = TAPS[method]
        _resample(pixels, axis(height, factors[0], taps), axis(width, factors[1], taps), out)
    return out


def nearest_places(length: int, factor: Fraction) -> np.ndarray:
    """(n,) int64: which of `length` pixels each of n = floor(length * factor) is.

    That whose area holds its centre.
    """
    p, q = factor.numerator, factor.denominator
    return (2 * np.arange(length * p // q, dtype=np.int64) + 1) * q // (2 * p)


def _nearest(pixels: np.ndarray, factors: tuple[Fraction, Fraction], out: np.ndarray) -> None:
    height, width, depth = pixels.shape
    rows, columns = nearest_places(height, factors[0]), nearest_places(width, factors[1])
    strip = max(2, STRIP // (depth * pixels.itemsize) // 2 * 2)
    kernel = kernels.nearest[WORDS[pixels.dtype]]

    def band(begin: int, end: int) -> None:
        sizes = [width, depth, out.shape[1], begin, end, strip, int(factors[1] == 2)]
        scratch = (np.empty((strip + SLACK) * depth, pixels.dtype) for _ in range(2))
        kernel(pixels, out[begin:end], np.array(sizes, np.int64), rows, columns, *scratch)

    threads.run(band, out.shape[0])


def _resample(pixels: np.ndarray, rows: Axis, columns: Axis, out: np.ndarray) -> None:
    height, width, depth = pixels.shape
    taps, divisor = rows.weights.shape[1], rows.divisor * columns.divisor
    row_weights, column_weights = rows.weights, columns.weights
    word = WORDS[pixels.dtype]
    work = _work(word, taps, divisor)
    if work == "f32":
        row_weights, column_weights = row_weights / rows.divisor, column_weights / columns.divisor
    steps = columns.steps
    numbers = STRIP // np.dtype(WORK[work]).itemsize
    strip = max(1, numbers // depth // max(1, steps)) * max(1, steps)
    length = (strip + taps + SLACK) * depth
    reals = np.array([divisor, 0 if word == "f32" else np.iinfo(pixels.dtype).max], np.float64)
    kernel = kernels.interpolations[word, work]

    def band(begin: int, end: int) -> None:
        sizes = [height, width, depth, out.shape[1], begin, end, strip, taps, steps, length]
        scratch = (np.empty(n * length, WORK[work]) for n in (1, max(1, steps), taps))
        slots = np.empty(taps, np.int64)
        kernel(pixels, out[begin:end], np.array(sizes, np.int64), rows.first, row_weights,
               columns.first, column_weights, reals, *scratch, slots)  # fmt: skip

    threads.run(band, out.shape[0])


def _work(word: str, taps: int, divisor: int) -> str:
    """float32 for itself; integers for uint8 at factors of 2 and 4; else exact float64."""
    if word == "f32":
        return "f32"
    return SHORT.get((taps, divisor), "f64") if word == "u8" else "f64"
