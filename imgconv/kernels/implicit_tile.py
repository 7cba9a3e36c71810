"""The register tile of a convolution: 6 pixels by 2V output channels, in 12 vector registers.

With two more for the weights and one for the pixel it fills the 16 of AVX2, and its 12 sums hide
the latency of multiply-adds on every CPU so far.
"""

from __future__ import annotations

from numba import types

from .dialect import LANES, device, shift
from .lanes import fma, load, spread

V = LANES
ROWS = 6  # pixels of a tile


@device
def nothing():
    """Twelve sums of 0: the first V channels of the 6 pixels, then the second V."""
    zero = spread(types.float32(0))
    return zero, zero, zero, zero, zero, zero, zero, zero, zero, zero, zero, zero


@device
def add_channels(sums, pixels, weights, count):
    """sums of pixel i and channel j + pixels[i * V + c] * weights[c * 2V + j] for c < count."""
    a0, a1, a2, a3, a4, a5, b0, b1, b2, b3, b4, b5 = sums
    for c in range(count):
        row = shift(weights, c * 2 * V)
        left, right = load(row, 0), load(row, V)
        x = spread(pixels[c])
        a0, b0 = fma(x, left, a0), fma(x, right, b0)
        x = spread(pixels[V + c])
        a1, b1 = fma(x, left, a1), fma(x, right, b1)
        x = spread(pixels[2 * V + c])
        a2, b2 = fma(x, left, a2), fma(x, right, b2)
        x = spread(pixels[3 * V + c])
        a3, b3 = fma(x, left, a3), fma(x, right, b3)
        x = spread(pixels[4 * V + c])
        a4, b4 = fma(x, left, a4), fma(x, right, b4)
        x = spread(pixels[5 * V + c])
        a5, b5 = fma(x, left, a5), fma(x, right, b5)
    return a0, a1, a2, a3, a4, a5, b0, b1, b2, b3, b4, b5
