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
    "u8": types.uint8, "u16": types.uint16, "i16": types.int16, "i32": types.int32,
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
        if divisor == 1:
            for x in range(count):
                value = sums[x] * multiplier
                out[x] = out_type(max(value, fold * value))
        else:
            for x in range(count):
                value = sums[x] / divisor
                out[x] = out_type(max(value, fold * value))

    return floats if result == "f32" else integers_from_i16 if work == "i16" else integers


def _tiles(work: str) -> tuple[Callable, Callable]:
    """total: the `count` sums from `first` on of the R output rows, written to `sums` likewise,
    whose input rows lie at `offsets` of the ring.

    across: `count` sums of one line and a row of M taps, written to `out`.
    """
    element, lanes = WORDS[work], LANES * 32 // WORDS[work].bitwidth
    wide = 2 if work == "i32" and LANES == 8 else 3  # products of pairs need registers too
    flat = register_tile(1, 4, lanes, element)
    tall = register_tile(TALL, wide, lanes, element)

    @device
    def total(ring, offsets, K, L, stencil, bias, sums, first, count, length):
        if K == 3 and L == 3:  # constants: LLVM unrolls the loops over the stencil
            for i in range((count + 4 * lanes - 1) // (4 * lanes)):
                p = first + i * 4 * lanes
                flat(ring, offsets, p, 3, 3, stencil, element(bias), sums, p, length)
        elif K < TALL:
            for i in range((count + 4 * lanes - 1) // (4 * lanes)):
                p = first + i * 4 * lanes
                flat(ring, offsets, p, K, L, stencil, element(bias), sums, p, length)
        else:
            for i in range((count + wide * lanes - 1) // (wide * lanes)):
                p = first + i * wide * lanes
                tall(ring, offsets, p, K, L, stencil, element(bias), sums, p, length)

    @device
    def across(line, offsets, M, step, row_stencil, out, count):
        for v in range(M):
            offsets[v] = v * step
        for i in range((count + 4 * lanes - 1) // (4 * lanes)):
            p = i * 4 * lanes
            flat(line, offsets, p, 1, M, row_stencil, element(0), out, p, 0)

    return total, across


@device
def padded_row(line, source_row, row, sizes, columns, fill, first, count):
    """Numbers first .. first + count of a row of the padded image, in the line's type."""
    C, pad = sizes[2], sizes[6]
    if row < 0:
        repeat(line, fill, first, count, C)
    else:
        widen(line, source_row, columns, fill, first, count, sizes[1] * C, C, pad)


@device
def couple(line, pairs, count, C):
    """pairs[p] = numbers p (lower half) and p + C (upper half) of the line: taps v and v + 1."""
    beside = shift(line, C)
    for p in range(count):
        upper = types.uint32(types.uint16(beside[p])) << types.uint32(16)
        pairs[p] = types.int32(upper | types.uint32(types.uint16(line[p])))


def _entrance(work: str) -> Callable:
    """enter: put one row of the padded image into its slot of the ring."""
    _, across = _tiles("i32" if work == "split" else work)

    @device
    def plain(slot, source_row, row, sizes, columns, fill, row_stencil, line, spare, offsets,
              first, reach):  # fmt: skip
        """Through the row stencil, if there is one."""
        C, M = sizes[2], sizes[5]
        target = slot if M == 0 else line
        count = reach + max(M - 1, 0) * C
        padded_row(target, source_row, row, sizes, columns, fill, first, count)
        if M > 0:
            across(line, offsets, M, C, row_stencil, slot, reach)

    @device
    def pairs(slot, source_row, row, sizes, columns, fill, row_stencil, line, spare, offsets,
              first, reach):  # fmt: skip
        """As pairs of taps; an odd number of taps has a last weight of 0 for the pixel beyond."""
        padded_row(line, source_row, row, sizes, columns, fill, first, reach + sizes[2])
        couple(line, slot, reach, sizes[2])

    @device
    def split(slot, source_row, row, sizes, columns, fill, row_stencil, line, spare, offsets,
              first, reach):  # fmt: skip
        """Through the row stencil (M steps of two taps) as pairs, into float32."""
        C, M = sizes[2], sizes[5]
        padded_row(line, source_row, row, sizes, columns, fill, first, reach + (2 * M - 1) * C)
        couple(line, spare, reach + (2 * M - 2) * C, C)
        sums = shift(spare, sizes[10])
        across(spare, offsets, M, 2 * C, row_stencil, sums, reach)
        for p in range(reach):
            slot[p] = types.float32(sums[p])

    return {"i32": pairs, "split": split}.get(work, plain)


def _correlate(source: str, work: str, result: str) -> Any:
    """The kernel for one combination of types.

    work: "i16", "f32", "f64"; "i32" for pairs of 16-bit numbers; "split" for a row stencil
    over such pairs followed by a column of float32.
    """
    ring_word = {"split": "f32"}.get(work, work)
    line_word = {"split": "i16", "i32": "i16"}.get(work, work)
    row_word = {"split": "i32"}.get(work, work)
    total, _ = _tiles(ring_word)
    enter, finish = _entrance(work), _finish(ring_word, result)
    taps_a_step = 2 if work == "i32" else 1

    @device
    def strips(
        image, out, sizes, rows, columns, fill, row_stencil, stencil, reals,
        ring, line, spare, sums, offsets, first, last,
    ):  # fmt: skip
        """Columns first <= x < last of the band, strip by strip, by way of the ring."""
        H, C, K, L = sizes[0], sizes[2], sizes[3], sizes[4]
        begin, end, width, length = sizes[7], sizes[8], sizes[9], sizes[10]
        N = sizes[1] * C
        step = taps_a_step * C
        R = TALL if K >= TALL else 1
        slots = R + K - 1
        for strip in range((last - first + width - 1) // width):
            x = first + strip * width
            count = min(width, last - x)
            made = begin  # rows of the padded image before this one are in the ring
            for group in range((end - begin + R - 1) // R):
                y = begin + group * R
                while made < y + slots:
                    row = rows[min(made, H + K - 2)]
                    slot = shift(ring, made % slots * length)
                    enter(slot, shift(image, max(row, 0) * N), row, sizes, columns, fill,
                          row_stencil, line, spare, offsets, x, count + (L - 1) * step)  # fmt: skip
                    made += 1
                for i in range(slots):
                    for v in range(L):
                        offsets[i * L + v] = (y + i) % slots * length + v * step
                total(ring, offsets, K, L, stencil, reals[0], sums, 0, count, length)
                for r in range(min(R, end - y)):
                    target = shift(out, (y - begin + r) * N + x)
                    finish(shift(sums, r * length), target, count, reals)

    @device
    def directly(image, out, sizes, rows, stencil, reals, offsets):
        """The columns whose input needs neither widening nor a border, from the image itself.

        Returns where they begin and end (0, 0: there are none).
        """
        C, K, L, M, pad = sizes[2], sizes[3], sizes[4], sizes[5], sizes[6]
        begin, end = sizes[7], sizes[8]
        N = sizes[1] * C
        first = pad * C
        count = (N - (L - 1) * C) // (4 * LANES) * (4 * LANES)  # whole tiles of one row
        if K >= TALL or M > 0 or count <= 0 or rows[begin] < 0 or rows[end + K - 2] < 0:
            return 0, 0
        for y in range(begin, end):
            for i in range(K):
                for v in range(L):
                    offsets[i * L + v] = rows[y + i] * N + (v - pad) * C
            target = shift(out, (y - begin) * N)
            total(image, offsets, K, L, stencil, reals[0], target, first, count, 0)
            if reals[1] != 1 or reals[2] != 1 or reals[3] != 1:
                finish(shift(target, first), shift(target, first), count, reals)
        return first, first + count

    @device
    def not_directly(image, out, sizes, rows, stencil, reals, offsets):
        return 0, 0

    straight = directly if source == work == result else not_directly

    @kernel(
        f"{source}* {result}* i64* i64* i64* {line_word}* {row_word}* {ring_word}* f64* "
        f"{ring_word}* {line_word}* {row_word}* {ring_word}* i64*"
    )
    def correlate(
        image, out, sizes, rows, columns, fill, row_stencil, stencil, reals,
        ring, line, spare, sums, offsets,
    ):  # fmt: skip
        """Output rows begin <= y < end, written to `out` from its first row on.

        sizes: H, W, C; K, L of the stencil; M steps of the row stencil; pixels of left
        border; begin, end; numbers of a strip; numbers of a line.
        reals: bias, multiplier, divisor, fold, top. rows (H + K - 1) and columns say which
        source row or pixel each of the padded image is, -1 for the constant `fill` (C
        numbers); columns ends with one -1 more, for the odd tap of a pair. The row stencil is
        applied to each row before the K x L one: a separable stencil is a row part followed
        by a column part (L = 1). Of pairs, L and M count pairs of taps. Scratch: a ring of
        R + K - 1 lines, a line, two spare lines, R lines of sums, (R + K - 1) * L or M offsets;
        R = TALL if K >= TALL else 1, and the weights of the stencil come R a step (vectors.py).
        """
        first, last = straight(image, out, sizes, rows, stencil, reals, offsets)
        strips(image, out, sizes, rows, columns, fill, row_stencil, stencil, reals,
               ring, line, spare, sums, offsets, 0, first)  # fmt: skip
        strips(image, out, sizes, rows, columns, fill, row_stencil, stencil, reals,
               ring, line, spare, sums, offsets, last, sizes[1] * sizes[2])  # fmt: skip

    return correlate


def __getattr__(name: str) -> Any:
    """`u8_f32_u8`: the kernel from source through working to result type."""
    return _correlate(*name.split("_"))
