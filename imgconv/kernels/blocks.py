"""Between planes (C, H, W) and blocks of V = LANES channels (C/V, H, W, V), zeros behind C."""

from __future__ import annotations

from numba import types

from .dialect import LANES, kernel, shift

V = LANES


@kernel("i64*")
def width(out):
    """out[0] = V, as all kernels on this machine were compiled."""
    out[0] = V


@kernel("f32* f32* i64 i64 i64 i64")
def block(planes, blocks, C, pixels, begin, end):
    """blocks[c // V, i, c % V] = planes[c, i] for pixels begin <= i < end."""
    for b in range((C + V - 1) // V):
        source, target = shift(planes, b * V * pixels), shift(blocks, b * V * pixels)
        real = min(V, C - b * V)
        for m in range(end - begin):
            i = begin + m
            for lane in range(real):
                target[i * V + lane] = source[lane * pixels + i]
            for lane in range(V - real):
                target[i * V + real + lane] = types.float32(0)


@kernel("f32* f32* i64 i64 i64 i64")
def unblock(blocks, planes, C, pixels, begin, end):
    """planes[c, i] = blocks[c // V, i, c % V] for pixels begin <= i < end."""
    for b in range((C + V - 1) // V):
        source, target = shift(blocks, b * V * pixels), shift(planes, b * V * pixels)
        for lane in range(min(V, C - b * V)):
            line = shift(target, lane * pixels)
            for m in range(end - begin):
                line[begin + m] = source[(begin + m) * V + lane]
