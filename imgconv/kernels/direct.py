"""Correlation straight from a float32 image, where no border is near and nothing to widen.

Small stencils over float32 are bound by memory: the detour over a ring of lines (correlate.py)
would cost as much as the work itself.
"""

from numba import types

from .correlate import HEAD, TALL, finishing
from .correlate_tile import register_tile
from .dialect import LANES, device, kernel, shift

flat = register_tile(1, 4, LANES, types.float32)
tall = register_tile(TALL, 3, LANES, types.float32)
finish = finishing("f32", "f32")


@device
def rows_at_once(source, target, offsets, K, L, stencil, count, N):
    """One row if K < TALL, else TALL rows, N numbers apart."""
    weights, bias = shift(stencil, HEAD), stencil[0]
    if K == 3 and L == 3:  # constants: LLVM unrolls the loop over the stencil
        for i in range(count // (4 * LANES)):
            p = i * 4 * LANES
            flat(source, offsets, p, 3, 3, weights, bias, target, p, N)
    elif K < TALL:
        for i in range(count // (4 * LANES)):
            p = i * 4 * LANES
            flat(source, offsets, p, K, L, weights, bias, target, p, N)
    else:
        for i in range(count // (3 * LANES)):
            p = i * 3 * LANES
            tall(source, offsets, p, K, L, weights, bias, target, p, N)


@kernel("f32* f32* i64* i64* f32* f32* i64*")
def correlate(image, out, sizes, rows, stencil, reals, offsets):
    """Rows begin <= y < end, columns left <= x < right, as in correlate.py.

    right - left is a multiple of 12 * LANES, end - begin >= R, there is no row stencil, and
    all that the stencil reaches from there lies in the image. Scratch: (R + K - 1) * L offsets.
    """
    C, K, L, pad = sizes[2], sizes[3], sizes[4], sizes[6]
    begin, end = sizes[7], sizes[8]
    left, count = sizes[11], sizes[12] - sizes[11]
    N = sizes[1] * C
    R = TALL if K >= TALL else 1
    for group in range((end - begin + R - 1) // R):
        y = min(begin + group * R, end - R)  # the last group may do some rows again
        for i in range(R + K - 1):
            for v in range(L):
                offsets[i * L + v] = rows[y + i] * N + (v - pad) * C
        rows_at_once(shift(image, left), shift(out, y * N + left), offsets, K, L, stencil,
                     count, N)  # fmt: skip
        if reals[0] != 1 or reals[1] != 1 or reals[2] != 1:
            for r in range(R):
                target = shift(out, (y + r) * N + left)
                finish(target, target, count, stencil, reals)
