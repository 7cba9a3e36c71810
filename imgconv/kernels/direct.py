"""Correlation straight from a float32 image, where no border is near and nothing to widen.

A small stencil over float32 is bound by memory: the detour over a ring of lines (correlate.py)
would cost as much as the work itself.
"""

from numba import types

from .correlate import HEAD, finishing
from .dialect import LANES, kernel, shift
from .vectors import register_tile

flat = register_tile(1, 4, LANES, types.float32)
finish = finishing("f32", "f32")


@kernel("f32* f32* i64* i64* f32* f32* i64*")
def correlate(image, out, sizes, rows, stencil, reals, offsets):
    """Rows begin <= y < end, columns left <= x < right, as in correlate.py.

    right - left is a multiple of 4 * LANES, K < TALL, no row stencil, and all that the stencil
    reaches from there lies in the image. Scratch: K * L offsets.
    """
    C, K, L, pad = sizes[2], sizes[3], sizes[4], sizes[6]
    left, count = sizes[11], sizes[12] - sizes[11]
    N = sizes[1] * C
    weights = shift(stencil, HEAD)
    for y in range(sizes[7], sizes[8]):
        for i in range(K):
            for v in range(L):
                offsets[i * L + v] = rows[y + i] * N + (v - pad) * C
        target = shift(out, y * N + left)
        source = shift(image, left)
        if K == 3 and L == 3:
            for i in range(count // (4 * LANES)):
                p = i * 4 * LANES
                flat(source, offsets, p, 3, 3, weights, stencil[0], target, p, 0)
        else:
            for i in range(count // (4 * LANES)):
                p = i * 4 * LANES
                flat(source, offsets, p, K, L, weights, stencil[0], target, p, 0)
        if reals[0] != 1 or reals[1] != 1 or reals[2] != 1:
            finish(target, target, count, stencil, reals)
