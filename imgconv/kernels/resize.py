"""Resizing of blocked channels (C/V, H, W, V) -> (C/V, h, w, V), by tables of places.

Bilinear: result (i, j) lies between rows rows[i] and rows[h + i] of the image, `down[i]` of the
way from the first to the second, and between columns likewise. Nearest: only the first counts.
"""

from __future__ import annotations

from .dialect import LANES, kernel, shift
from .lanes import fma, load, spread, store
from .layout import Resizing, places

V, AT = LANES, places(Resizing)


@kernel("f32* i64* i64* f32* f32* f32* i64* i64")
def resize(image, rows, columns, down, across, out, sizes, linear):
    """Rows of all blocks' results, C/V * h in all; sizes as in layout.Resizing."""
    H, W, h, w = sizes[AT.H], sizes[AT.W], sizes[AT.h], sizes[AT.w]
    begin, end = sizes[AT.begin], sizes[AT.end]
    for m in range(end - begin):
        c, i = (begin + m) // h, (begin + m) % h
        upper = shift(image, (c * H + rows[i]) * W * V)
        line = shift(out, (begin + m) * w * V)
        if linear:
            lower, share = shift(image, (c * H + rows[h + i]) * W * V), spread(down[i])
            for j in range(w):
                left, right, part = columns[j] * V, columns[w + j] * V, spread(across[j])
                a, b = load(upper, left), load(lower, left)
                c_, d = load(upper, right), load(lower, right)
                a, b = fma(part, c_ - a, a), fma(part, d - b, b)
                store(line, j * V, fma(share, b - a, a))
        else:
            for j in range(w):
                store(line, j * V, load(upper, columns[j] * V))
