"""Windows over blocked channels: pooling, and convolution of every channel on its own.

Image (C/V, H, W, V), result (C/V, h, w, V), window kh x kw, stride s, dilation d: the result at
(i, j) is the greatest, the sum, or the weighted sum of image[i * s + u * d - top, j * s + v * d -
left] over the taps (u, v) that lie in the image.
"""

from __future__ import annotations

from numba import types

from .dialect import LANES, device, kernel, shift
from .lanes import fma, greater, leak, lesser, load, spread, store
from .layout import MAX, MEAN, WEIGHTED, Sliding, places

V, AT = LANES, places(Sliding)


@device
def window(plane, y, x, H, W, kh, kw, dilation, dilation_x, weights, kind, first):
    """The window whose first tap is at (y, x), from `first` on."""
    total = first
    for u in range(kh):
        row = y + u * dilation
        if 0 <= row < H:
            for v in range(kw):
                column = x + v * dilation_x
                if 0 <= column < W:
                    here = load(plane, (row * W + column) * V)
                    if kind == MAX:
                        total = greater(here, total)
                    elif kind == MEAN:
                        total = total + here
                    else:
                        total = fma(here, load(weights, (u * kw + v) * V), total)
    return total


@kernel("f32* f32* f32* f32* f32* i64* f32 f32 f32")
def slide(image, weights, biases, shares, out, sizes, slope, low, high):
    """Rows of all channels' results, C/V * h in all; sizes as in layout.Sliding.

    MAX: the greatest; MEAN: the sum times shares[i] * shares[h + j]; WEIGHTED: the weighted sum
    plus bias. weights: (C/V, kh, kw, V); biases: C; slope, low and high as after a convolution.
    """
    H, W, h, w = sizes[AT.H], sizes[AT.W], sizes[AT.h], sizes[AT.w]
    kh, kw, top, left = sizes[AT.kernel_h], sizes[AT.kernel_w], sizes[AT.top], sizes[AT.left]
    down, across = sizes[AT.down], sizes[AT.across]
    dilation, dilation_x = sizes[AT.dilation_down], sizes[AT.dilation_across]
    kind, begin, end = sizes[AT.kind], sizes[AT.begin], sizes[AT.end]
    slopes, lows, highs = spread(slope), spread(low), spread(high)
    for m in range(end - begin):
        c, i = (begin + m) // h, (begin + m) % h
        plane, taps = shift(image, c * H * W * V), shift(weights, c * kh * kw * V)
        line = shift(out, (begin + m) * w * V)
        first = spread(types.float32(0))
        if kind == MAX:
            first = spread(types.float32(-3.4028235e38)) * spread(types.float32(2))
        elif kind == WEIGHTED:
            first = load(biases, c * V)
        for j in range(w):
            total = window(plane, i * down - top, j * across - left, H, W, kh, kw,
                           dilation, dilation_x, taps, kind, first)  # fmt: skip
            if kind == MEAN:
                total = total * spread(shares[i] * shares[h + j])
            store(line, j * V, lesser(greater(leak(total, slopes), lows), highs))
