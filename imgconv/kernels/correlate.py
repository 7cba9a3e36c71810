"""Correlation of an image with a stencil, a band of rows at a time.

One alphabet: image H x W pixels of C channels; a row is flat, N = W*C numbers; the stencil
has K rows of L taps, and tap v lies v*C numbers to the right. For 0 <= y < H, 0 <= x < N:

    sum[y, x] = bias + sum over u < K, v < L of stencil[u, v] * padded[y + u, x + v*C]

where `padded` is the image with its border. Rows are widened to the working type once, into
a ring of lines that stay in the cache with their borders filled in, so that the inner loop (a
register tile, see vectors.py) never meets a border. Memory is reached through bare pointers:
Numba's arrays bring reference counts and wrap-around of negative indices with them. Every
function, conversion and min() costs compile time at the first use on a machine: few are used.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import types

from .correlate_tile import register_tile
from .dialect import LANES, device, kernel, shift

WORDS = {
    "u8": types.uint8, "u16": types.uint16, "i16": types.int16, "i32": types.int32,
    "f32": types.float32, "f64": types.float64,
}  # fmt: skip
TALL = 4  # output rows of the tall tile: with 3 vectors it fills the 16 registers of AVX
HEAD = 3  # numbers before the weights in `stencil`: bias, bottom, top


def real_of(work: str) -> str:
    """The type in which sums are scaled."""
    return "f64" if work == "f64" else "f32"


@device
def pad_row(line, source, row, sizes, columns, fill, first, count):
    """line[p] = number first + p of a row of the padded image, for p < count.

    source: the row, N numbers, if row >= 0; else the row is `fill`. Of the padded row's
    pixels `pad` lie before the source row's; columns says which source pixel each is, -1
    meaning `fill`.
    """
    C = sizes[2]
    begin = sizes[6] * C - first  # where in the line the source row begins
    low = min(max(begin, 0), count)
    high = min(max(begin + sizes[1] * C, low), count)
    if row < 0:
        high = low
    inside, target = shift(source, low - begin), shift(line, low)
    for p in range(high - low):
        target[p] = inside[p]
    for p in range(count - (high - low)):
        q = p if p < low else p + high - low
        pixel, c = columns[(first + q) // C], (first + q) % C
        if pixel < 0 or row < 0:
            line[q] = fill[c]
        else:
            line[q] = source[pixel * C + c]


@device
def couple(line, pairs, count, C):
    """pairs[p] = numbers p (lower half) and p + C (upper half) of the line: taps v and v + 1."""
    beside = shift(line, C)
    for p in range(count):
        upper = types.uint32(types.uint16(beside[p])) << types.uint32(16)
        pairs[p] = types.int32(upper | types.uint32(types.uint16(line[p])))


def finishing(work: str, result: str) -> Callable:
    """The loop that turns `count` sums into results.

    reals: multiplier, divisor, fold, bottom, top. Integers are
    clip(rint(sum * multiplier / divisor), bottom, top), where one of multiplier and divisor
    is 1; fold = -1 makes the value absolute first (max(v, -v)), fold = 1 leaves it (max(v, v)).
    Floats: the same without rounding and clipping.
    """
    real = WORDS[real_of(work)]

    @device
    def integers(sums, out, count, stencil, reals):
        multiplier, divisor, fold = reals[0], reals[1], reals[2]
        bottom, top = reals[3], reals[4]
        for x in range(count):  # LLVM takes the choice of divisor out of the loop
            value = real(sums[x])
            value = value * multiplier if divisor == 1 else value / divisor
            other = fold * value
            value = value if value > other else other
            value = value if value > bottom else bottom
            out[x] = np.rint(value if value < top else top)

    @device
    def small_integers(sums, out, count, stencil, reals):
        if reals[0] == 1 and reals[1] == 1 and reals[2] == 1:
            bottom, top = stencil[1], stencil[2]
            for x in range(count):  # in 16 bits, of which a vector holds twice as many
                value = sums[x] if sums[x] > bottom else bottom
                out[x] = value if value < top else top
        else:
            integers(sums, out, count, stencil, reals)

    @device
    def floats(sums, out, count, stencil, reals):
        multiplier, divisor, fold = reals[0], reals[1], reals[2]
        for x in range(count):
            value = sums[x] * multiplier if divisor == 1 else sums[x] / divisor
            other = fold * value
            out[x] = other if other > value else value  # a NaN stays

    return floats if result == "f32" else small_integers if work == "i16" else integers


def _total(work: str, lanes: int) -> Callable:
    """total: the sums of R output rows whose input rows lie at `offsets` of the ring."""
    element, wide = WORDS[work], 2 if work == "i32" and LANES == 8 else 3  # pairs take registers
    flat = register_tile(1, 4, lanes, element)
    tall = register_tile(TALL, wide, lanes, element)

    @device
    def small(ring, offsets, K, L, stencil, sums, count, length):
        weights = shift(stencil, HEAD)
        if K == 3 and L == 3:  # constants: LLVM unrolls the loop over the stencil
            for i in range((count + 4 * lanes - 1) // (4 * lanes)):
                p = i * 4 * lanes
                flat(ring, offsets, p, 3, 3, weights, stencil[0], sums, p, length)
        else:
            for i in range((count + 4 * lanes - 1) // (4 * lanes)):
                p = i * 4 * lanes
                flat(ring, offsets, p, K, L, weights, stencil[0], sums, p, length)

    @device
    def any_size(ring, offsets, K, L, stencil, sums, count, length):
        weights = shift(stencil, HEAD)
        if K < TALL:
            for i in range((count + 4 * lanes - 1) // (4 * lanes)):
                p = i * 4 * lanes
                flat(ring, offsets, p, K, L, weights, stencil[0], sums, p, length)
        else:
            for i in range((count + wide * lanes - 1) // (wide * lanes)):
                p = i * wide * lanes
                tall(ring, offsets, p, K, L, weights, stencil[0], sums, p, length)

    return small if work == "i16" else any_size


def _across(work: str) -> Callable:
    """across: `count` sums of one line and a row of M taps."""
    flat = register_tile(1, 4, LANES * 32 // WORDS[work].bitwidth, WORDS[work])
    lanes = LANES * 32 // WORDS[work].bitwidth

    @device
    def across(line, offsets, M, step, row_stencil, out, count):
        for v in range(M):
            offsets[v] = v * step
        for i in range((count + 4 * lanes - 1) // (4 * lanes)):
            p = i * 4 * lanes
            flat(line, offsets, p, 1, M, row_stencil, row_stencil[M], out, p, 0)

    return across


def _entrance(work: str) -> Callable:
    """enter: put one row of the padded image into its slot of the ring."""
    across = _across("i32" if work == "split" else work)

    @device
    def simple(slot, source, row, sizes, columns, fill, row_stencil, line, spare, offsets,
               first, reach):  # fmt: skip
        pad_row(slot, source, row, sizes, columns, fill, first, reach)

    @device
    def separable(slot, source, row, sizes, columns, fill, row_stencil, line, spare, offsets,
                  first, reach):  # fmt: skip
        """Through the row stencil, if there is one."""
        C, M = sizes[2], sizes[5]
        target = slot if M == 0 else line
        count = reach if M == 0 else reach + (M - 1) * C
        pad_row(target, source, row, sizes, columns, fill, first, count)
        if M > 0:
            across(line, offsets, M, C, row_stencil, slot, reach)

    @device
    def pairs(slot, source, row, sizes, columns, fill, row_stencil, line, spare, offsets,
              first, reach):  # fmt: skip
        """As pairs of taps; an odd number of taps has a last weight of 0 for the pixel beyond."""
        pad_row(line, source, row, sizes, columns, fill, first, reach + sizes[2])
        couple(line, slot, reach, sizes[2])

    @device
    def split(slot, source, row, sizes, columns, fill, row_stencil, line, spare, offsets,
              first, reach):  # fmt: skip
        """Through the row stencil (M steps of two taps) as pairs, into float32."""
        C, M = sizes[2], sizes[5]
        pad_row(line, source, row, sizes, columns, fill, first, reach + (2 * M - 1) * C)
        couple(line, spare, reach + (2 * M - 2) * C, C)
        sums = shift(spare, sizes[10])
        across(spare, offsets, M, 2 * C, row_stencil, sums, reach)
        for p in range(reach):
            slot[p] = sums[p]

    return {"i16": simple, "i32": pairs, "split": split}.get(work, separable)


def _correlate(source: str, work: str, result: str) -> Any:
    """The kernel for one combination of types.

    work: "i16", "f32", "f64"; "i32" for pairs of 16-bit numbers; "split" for a row stencil
    over such pairs followed by a column of float32.
    """
    ring_word = {"split": "f32"}.get(work, work)
    line_word = {"split": "i16", "i32": "i16"}.get(work, work)
    row_word = {"split": "i32"}.get(work, work)
    total = _total(ring_word, LANES * 32 // WORDS[ring_word].bitwidth)
    enter, finish = _entrance(work), finishing(ring_word, result)
    taps_a_step = 2 if work == "i32" else 1
    tall_rows = 1 if work == "i16" else TALL

    @kernel(
        f"{source}* {result}* i64* i64* i64* {line_word}* {row_word}* {ring_word}* "
        f"{real_of(work)}* {ring_word}* {line_word}* {row_word}* {ring_word}* i64*"
    )
    def correlate(
        image, out, sizes, rows, columns, fill, row_stencil, stencil, reals,
        ring, line, spare, sums, offsets,
    ):  # fmt: skip
        """Rows begin <= y < end and columns left <= x < right of the output; `out` is row 0.

        sizes: H, W, C; K, L of the stencil; M steps of the row stencil; pixels of left
        border; begin, end; numbers of a strip; numbers of a line; left, right.
        rows (H + K - 1) and columns say which source row or pixel each of the padded image is,
        -1 for the constant `fill` (C numbers); columns ends with one -1 more, for the odd tap
        of a pair. The row stencil, M weights and a 0, is applied to each row before the K x L
        one: a separable stencil is a row part followed by a column part (L = 1). Of pairs, L
        and M count pairs of taps. stencil: bias, bottom, top, then the weights, R a step (see
        vectors.py); reals: see finishing. Scratch: a ring of R + K - 1 lines, a line, two spare
        lines, R lines of sums, (R + K - 1) * L or M offsets; R = TALL, or 1 where K < TALL and
        for i16.
        """
        H, C, K, L = sizes[0], sizes[2], sizes[3], sizes[4]
        begin, end, width, length = sizes[7], sizes[8], sizes[9], sizes[10]
        left, right = sizes[11], sizes[12]
        N = sizes[1] * C
        step = taps_a_step * C
        R = tall_rows if K >= TALL else 1
        slots = R + K - 1
        for strip in range((right - left + width - 1) // width):
            x = left + strip * width
            count = min(width, right - x)
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
                total(ring, offsets, K, L, stencil, sums, count, length)
                for r in range(min(R, end - y)):
                    target = shift(out, (y + r) * N + x)
                    finish(shift(sums, r * length), target, count, stencil, reals)

    return correlate


def __getattr__(name: str) -> Any:
    """`u8_f32_u8`: the kernel from source through working to result type."""
    types_of = name.split("_")
    if len(types_of) != 3:
        raise AttributeError(name)
    return _correlate(*types_of)
