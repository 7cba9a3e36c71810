"""Correlation of an image with a stencil, a band of rows at a time.

One alphabet: image H x W pixels of C channels; a row is flat, N = W*C numbers; the stencil
has K rows of L taps, and tap v lies v*C numbers to the right. For 0 <= y < H, 0 <= x < N:

    sum[y, x] = bias + sum over u < K, v < L of stencil[u, v] * padded[y + u, x + v*C]

where `padded` is the image with its border. Rows are widened to the working type once, into
a ring of lines that stay in the cache with their borders filled in, so that the inner loop (a
register tile, see vectors.py) never meets a border. Memory is reached through bare pointers:
Numba's arrays bring reference counts and wrap-around of negative indices with them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import types

from .dialect import LANES, device, kernel, shift
from .vectors import register_tile

WORDS = {
    "u8": types.uint8, "u16": types.uint16, "i16": types.int16,
    "f32": types.float32, "f64": types.float64,
}  # fmt: skip
TALL = 4  # output rows of the tall tile: with 3 vectors it fills the 16 registers of AVX


@device
def widen(line, source, columns, fill, first, count, N, C, pad):
    """line[p] = number first + p of the padded row, for p < count.

    The padded row has `pad` pixels before the source row's N numbers; columns says which
    source pixel each of its pixels is, -1 meaning `fill`.
    """
    begin = pad * C - first  # where in the line the source row begins
    low = min(max(begin, 0), count)
    high = min(max(begin + N, low), count)
    inside, target = shift(source, low - begin), shift(line, low)
    for p in range(high - low):
        target[p] = inside[p]
    for p in range(count - (high - low)):
        q = p if p < low else p + high - low
        pixel, c = columns[(first + q) // C], (first + q) % C
        line[q] = fill[c] if pixel < 0 else source[pixel * C + c]


@device
def repeat(line, fill, first, count, C):
    """A row of the constant border."""
    for p in range(count):
        line[p] = fill[(first + p) % C]


def _finish(work: str, result: str) -> Callable:
    """The loop that turns `count` sums into results, as `reals` says (see correlate).

    Integers: clip(rint(sum * multiplier / divisor), 0, top); fold = -1 makes it absolute
    first (max(v, -v)), fold = 1 leaves it (max(v, v)). Floats: the same without rounding.
    """
    real, out_type = WORDS["f64" if work == "f64" else "f32"], WORDS[result]

    @device
    def integers(sums, out, count, reals):
        multiplier, divisor = real(reals[1]), real(reals[2])
        fold, top = real(reals[3]), real(reals[4])
        if divisor == 1:
            for x in range(count):
                value = sums[x] * multiplier
                value = min(max(max(value, fold * value), real(0)), top)
                out[x] = out_type(np.int32(np.rint(value)))
        else:  # the quotient is rounded correctly, so that halves are exact
            for x in range(count):
                value = sums[x] / divisor
                value = min(max(max(value, fold * value), real(0)), top)
                out[x] = out_type(np.int32(np.rint(value)))

    @device
    def integers_from_i16(sums, out, count, reals):
        zero, top = types.int16(0), types.int16(reals[4])
        if reals[1] != 1 or reals[2] != 1:
            integers(sums, out, count, reals)
        elif reals[3] == 1:  # all in 16 bits, where a vector holds twice as many
            for x in range(count):
                out[x] = out_type(min(max(sums[x], zero), top))
        else:
            for x in range(count):
                out[x] = out_type(min(max(sums[x], types.int16(-sums[x])), top))

    @device
    def floats(sums, out, count, reals):
        multiplier, divisor, fold = real(reals[1]), real(reals[2]), real(reals[3])
        for x in range(count):
            value = sums[x] * multiplier / divisor
            out[x] = out_type(max(value, fold * value))

    return floats if result == "f32" else integers_from_i16 if work == "i16" else integers


def _correlate(source: str, work: str, result: str) -> Any:
    """The kernel for one combination of types."""
    element, lanes = WORDS[work], LANES * 32 // WORDS[work].bitwidth
    flat = register_tile(1, 4, lanes, element)
    tall = register_tile(TALL, 3, lanes, element)
    finish = _finish(work, result)

    @device
    def enter(
        slot, source_row, row, sizes, columns, fill, row_stencil, line, offsets, first, reach
    ):
        """Widen a row into its slot of the ring, through the row stencil if there is one."""
        C, M, pad, N = sizes[2], sizes[5], sizes[6], sizes[1] * sizes[2]
        target = slot if M == 0 else line
        count = reach + max(M - 1, 0) * C
        if row < 0:
            repeat(target, fill, first, count, C)
        else:
            widen(target, source_row, columns, fill, first, count, N, C, pad)
        if M > 0:
            offsets[0] = 0
            for i in range((reach + 4 * lanes - 1) // (4 * lanes)):
                p = i * 4 * lanes
                flat(line, offsets, p, 1, M, C, row_stencil, element(0), slot, p, 0)

    @device
    def total(ring, offsets, sizes, stencil, bias, sums, count, length):
        """The sums of the R output rows whose input rows lie at `offsets` of the ring."""
        C, K, L = sizes[2], sizes[3], sizes[4]
        if K == 3 and L == 3:  # constants: LLVM unrolls the loops over the stencil
            for i in range((count + 4 * lanes - 1) // (4 * lanes)):
                p = i * 4 * lanes
                flat(ring, offsets, p, 3, 3, C, stencil, bias, sums, p, length)
        elif K < TALL:
            for i in range((count + 4 * lanes - 1) // (4 * lanes)):
                p = i * 4 * lanes
                flat(ring, offsets, p, K, L, C, stencil, bias, sums, p, length)
        else:
            for i in range((count + 3 * lanes - 1) // (3 * lanes)):
                p = i * 3 * lanes
                tall(ring, offsets, p, K, L, C, stencil, bias, sums, p, length)

    @kernel(
        f"{source}* {result}* i64* i64* i64* {work}* {work}* {work}* f64* "
        f"{work}* {work}* {work}* i64*"
    )
    def correlate(
        image, out, sizes, rows, columns, fill, row_stencil, stencil, reals,
        ring, line, sums, offsets,
    ):  # fmt: skip
        """Output rows begin <= y < end, written to `out` from its first row on.

        sizes: H, W, C; K, L of the stencil; M taps of the row stencil; pixels of left border;
        begin, end; numbers of a strip; numbers of a line.
        reals: bias, multiplier, divisor, fold, top. rows (H + K - 1) and columns say which
        source row or pixel each of the padded image is, -1 for the constant `fill` (C
        numbers). The row stencil is applied to each row before the K x L one: a separable
        stencil is a row part followed by a column part (L = 1). Scratch: a ring of R + K - 1
        lines, one line more, R lines of sums, R + K - 1 offsets; R = TALL if K >= TALL else 1.
        """
        H, C, K, L = sizes[0], sizes[2], sizes[3], sizes[4]
        begin, end, width, length = sizes[7], sizes[8], sizes[9], sizes[10]
        N = sizes[1] * C
        R = TALL if K >= TALL else 1
        slots = R + K - 1
        for strip in range((N + width - 1) // width):
            x = strip * width
            count = min(width, N - x)
            made = begin  # rows of the padded image before this one are in the ring
            for group in range((end - begin + R - 1) // R):
                y = begin + group * R
                while made < y + slots:
                    row = rows[min(made, H + K - 2)]
                    slot = shift(ring, made % slots * length)
                    enter(slot, shift(image, max(row, 0) * N), row, sizes, columns, fill,
                          row_stencil, line, offsets, x, count + (L - 1) * C)  # fmt: skip
                    made += 1
                for i in range(slots):
                    offsets[i] = (y + i) % slots * length
                total(ring, offsets, sizes, stencil, element(reals[0]), sums, count, length)
                for r in range(min(R, end - y)):
                    target = shift(out, (y - begin + r) * N + x)
                    finish(shift(sums, r * length), target, count, reals)

    return correlate


def __getattr__(name: str) -> Any:
    """`u8_f32_u8`: the kernel from source through working to result type."""
    return _correlate(*name.split("_"))
