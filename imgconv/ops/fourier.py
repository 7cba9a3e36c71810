"""Correlation by FFT, tile by tile, for large stencils that are no product of two lines.

Overlap-save: an output tile needs the input tile and its halo; all in float64, where sums of
integers below 2**53 come back exactly once they are rounded.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from imgconv import threads

from .borders import border_indices
from .place import place, segments
from .stencil import Stencil

TAPS = 1900  # from this many taps on, tiles of FFTs are faster than the direct loop (measured)


def wins(stencil: Stencil) -> bool:
    """Whether this stencil is large enough, and not separable."""
    rows, columns = stencil.shape
    return rows * columns >= TAPS and min(rows, columns) > 1 and stencil.factors() is None


def applies(pixels: np.ndarray) -> bool:
    """Whether all pixels (H, W, C) are finite: an FFT would spread one NaN over its whole tile."""
    if pixels.dtype.kind == "u":
        return True
    return place().finite is not False and bool(np.isfinite(pixels).all())


def rows_of_tile(stencil: Stencil) -> int:
    """Rows of results that are made together."""
    window = max(stencil.shape)
    return _side(window) - window + 1


def correlate(
    pixels: np.ndarray,
    stencil: Stencil,
    border: str,
    out: np.ndarray,
    scale: Fraction | float,
    bias: Fraction | float,
    absolute: bool,
    fill: np.ndarray | None,
) -> None:
    """Into `out` (H, W, C), the same as from ops.correlation.correlate, by tiles of FFTs."""
    height, width, channels = pixels.shape
    K, L = stencil.shape
    rows, columns = border_indices(height, K, border), border_indices(width, L, border)
    beyond = np.zeros(channels) if fill is None else fill
    side, tile = _side(max(K, L)), rows_of_tile(stencil)
    integral = pixels.dtype.kind == "u" and stencil.numerators is not None
    weights = stencil.numerators if integral else stencil.weights
    spectrum = np.conj(np.fft.rfft2(np.asarray(weights, np.float64), (side, side)))
    step = Fraction(scale) / stencil.denominator if integral else Fraction(scale)

    def part(y: int, bottom: int, x: int, c: int) -> None:
        i, j = rows[y : bottom + K - 1], columns[x : x + tile + L - 1]
        plane = pixels[..., c]
        block = np.where((i < 0)[:, None] | (j < 0), beyond[c], plane[np.ix_(i, j)])
        sums = np.fft.irfft2(np.fft.rfft2(block, (side, side)) * spectrum, (side, side))
        target = out[y:bottom, x : x + tile, c]
        sums = sums[: target.shape[0], : target.shape[1]]
        target[:] = _finish(np.rint(sums) if integral else sums, step, bias, absolute, out.dtype)

    cut = segments(height, tile)

    def band(begin: int, end: int) -> None:
        for y, bottom in cut[begin:end]:
            for x in range(0, width, tile):
                for c in range(channels):
                    part(y, bottom, x, c)

    threads.run(band, len(cut), smallest=1)


def _side(window: int) -> int:
    """A power of two, at least four windows wide, so that most of a tile is output."""
    return max(256, 1 << (4 * window - 1).bit_length())


def _finish(
    sums: np.ndarray, step: Fraction, bias: Fraction | float, absolute: bool, result: np.dtype
) -> np.ndarray:
    values = sums * step.numerator / step.denominator + float(bias)
    values = np.abs(values) if absolute else values
    return values if result.kind == "f" else np.rint(values).clip(0, np.iinfo(result).max)
