"""The register tile of a convolution: 6 pixels by 2V output channels, in 12 vector registers.

With two more for the weights and one for the pixel it fills the 16 of AVX2, and its 12 sums hide
the latency of multiply-adds on every CPU so far.
"""

from __future__ import annotations

from numba import types

from .dialect import LANES, device, shift
from .lanes import fma, load, spread
from .vectors import CACHE_LINE, fetching

V = LANES
ROWS = 6  # pixels of a tile
LINE = CACHE_LINE // 4  # numbers
LINES = 2 * V * V // LINE  # of the weights of V channels
fetch = fetching(LINE, level=2)


@device
def lines_each(results):
    """How many lines each step of a tile asks for, so that its tiles together ask for all."""
    return LINES * ROWS // results + 1


@device
def fetch_ahead(weights, step, count):
    """Ask for `count` lines of the weights that come next: read from memory, they would take
    longer than the products of a small image, or of an image's end."""
    for line in range(count):
        fetch(weights, (step * count + line) * LINE)


@device
def nothing():
    """Twelve sums of 0: the first V channels of the 6 pixels, then the second V."""
    zero = spread(types.float32(0))
    return zero, zero, zero, zero, zero, zero, zero, zero, zero, zero, zero, zero


@device
def in_turn(pixels):
    """The channels of 6 pixels that lie side by side."""
    return (pixels, shift(pixels, V), shift(pixels, 2 * V), shift(pixels, 3 * V),
            shift(pixels, 4 * V), shift(pixels, 5 * V))  # fmt: skip


@device
def add_channels(sums, pixels, weights, count):
    """sums of pixel i and channel j + pixels[i][c] * weights[c * 2V + j] for c < count."""
    a0, a1, a2, a3, a4, a5, b0, b1, b2, b3, b4, b5 = sums
    p0, p1, p2, p3, p4, p5 = pixels
    for c in range(count):
        row = shift(weights, c * 2 * V)
        left, right = load(row, 0), load(row, V)
        x = spread(p0[c])
        a0, b0 = fma(x, left, a0), fma(x, right, b0)
        x = spread(p1[c])
        a1, b1 = fma(x, left, a1), fma(x, right, b1)
        x = spread(p2[c])
        a2, b2 = fma(x, left, a2), fma(x, right, b2)
        x = spread(p3[c])
        a3, b3 = fma(x, left, a3), fma(x, right, b3)
        x = spread(p4[c])
        a4, b4 = fma(x, left, a4), fma(x, right, b4)
        x = spread(p5[c])
        a5, b5 = fma(x, left, a5), fma(x, right, b5)
    return a0, a1, a2, a3, a4, a5, b0, b1, b2, b3, b4, b5
