"""Correlating an image with one stencil: exact where possible (sums.py), by the fastest way.

Large stencils that are no product of a column and a row run by FFT (fourier.py), all others by
the compiled loop, in bands of rows on all threads.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from imgconv import kernels, threads

from . import fourier
from .arguments import border_values, result_array
from .borders import border_indices
from .stencil import Stencil
from .sums import Sums, plan

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
    out = result_array(pixels.shape, result or pixels.dtype if out is None else out.dtype, out)
    fill = border_values(fill, pixels.shape[2])
    numbers = (border, out, scale, bias, absolute, fill)
    stencil = stencil.centre if stencil.keeps_places else stencil
    if stencil.is_box and _as_box(pixels, stencil, *numbers):
        return out
    real = pixels.dtype.kind == "f" or stencil.numerators is None
    if real and _as_folds(pixels, stencil, *numbers):
        return out
    if fourier.wins(stencil) and fourier.applies(pixels):
        fourier.correlate(pixels, stencil, *numbers)
    else:
        sums = plan(stencil, pixels.dtype, out.dtype, scale, bias)
        _run(pixels, stencil, sums, border, out, absolute, fill)
    return out


# These import what they need at their first call, since few stencils need it: see filter.IMPORTS.
def _as_box(pixels: np.ndarray, stencil: Stencil, *numbers: Any) -> bool:
    """By sums of windows, if they gain."""
    from . import box

    return box.correlate(pixels, stencil, *numbers)


def _as_folds(pixels: np.ndarray, stencil: Stencil, *numbers: Any) -> bool:
    """As a product of two symmetric lines, if it is one."""
    from . import gaussian, symmetric

    folds = symmetric.folds(stencil)
    if folds is None:
        return False
    if not gaussian.correlate(pixels, folds, *numbers):
        symmetric.correlate(pixels, folds, *numbers)
    return True


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
    weights = np.append(limits, _stagger(sums.weights, at_once)).astype(ring_type)
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

    threads.run(band, height, threads.rows_worthwhile(width * channels))


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


def _stagger(weights: np.ndarray, rows: int) -> np.ndarray:
    """(K + R - 1, L, R): what input row i gives to each of R output rows, weights[i - r]."""
    taps, steps = weights.shape
    out = np.zeros((taps + rows - 1, steps, rows), weights.dtype)
    for r in range(rows):
        out[r : r + taps, :, r] = weights
    return out
