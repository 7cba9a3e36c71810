"""Symmetric stencils that are a product of a column and a row: blurs, above all Gaussians.

Taps at the same distance from the middle have one weight, so their pixels are added first: a
fold. Fold f adds the pixels f before and f behind the middle; fold 0 is the middle twice, at
half its weight. The column part reads the image where it lies, into a line, whose ends are
then filled in; the row part turns that line into results. Nothing else is stored.

Two rows of results at a time share what they read: fold f of the upper one lies in the rows
m - f and m + f, that of the lower one in m + 1 - f and m + 1 + f, of which the fold before
brought one each.

Arithmetic, `work`:
    f32    in float32
    i16    means of 8-bit images: columns in words of 1/256 of a level, whose products are cut off
           to words; a line has (value - 128) * 2^7, and the row part sums products of two folds
           in 32 bits
"""

from __future__ import annotations

from typing import Any

from numba import types

from .dialect import device, kernel, shift
from .layout import places
from .plane_layout import Plane
from .strips import fill_ends, finishing, inside
from .vector_words import (
    REGISTER,
    high_product,
    interleaving,
    lowered,
    mean,
    narrowing,
    pair_sums,
    store_halves,
)
from .vectors import T, converting, fetching, load, loading, product_sum, spreading, store

AT = places(Plane)
fetch = fetching(T)
WEIGHTS, FRACTION = 16, 7  # bits: weights sum to 2^16, a line's numbers have 7 after the point
MIDDLE = 128  # taken from 8-bit values, so that folds fit into 16 bits with a sign
TERM, ZERO = 0, 1  # what follows the weights of a column in words


@device
def down_folds(rows, middle, next_row, offset, folds, offsets):
    """offsets[2f], offsets[2f + 1] = where the rows f before `middle` and f after the next lie."""
    for f in range(folds):
        offsets[2 * f] = rows[middle - f] + offset
        offsets[2 * f + 1] = rows[next_row + f] + offset


def _real(source: str, result: str) -> tuple[Any, Any, Any]:
    """down, down_two and across, in float32."""
    half = T // 2
    widen, spread, finish = converting("f32"), spreading("f32"), finishing("f32", result)
    load_half, spread_half, zero = loading(half), spreading("f32", half), types.float32(0)

    @device
    def down(image, offsets, folds, weights, line, known):
        for m in range((known + T - 1) // T):
            p = min(m * T, known - T)
            total = spread(zero)
            for f in range(folds):
                one = widen(load(image, offsets[2 * f] + p))
                other = widen(load(image, offsets[2 * f + 1] + p))
                total = product_sum(one + other, spread(weights[f]), total)
            store(line, p, total)

    @device
    def down_two(image, offsets, folds, weights, line, below, known):
        for m in range((known + half - 1) // half):
            p = min(m * half, known - half)
            before = widen(load_half(image, offsets[0] + p))
            after = widen(load_half(image, offsets[1] + p))
            weight = spread_half(weights[0])
            upper = product_sum(before + before, weight, spread_half(zero))
            lower = product_sum(after + after, weight, spread_half(zero))
            for f in range(1, folds):
                weight = spread_half(weights[f])
                one = widen(load_half(image, offsets[2 * f] + p))
                other = widen(load_half(image, offsets[2 * f + 1] + p))
                upper = product_sum(one + after, weight, upper)
                lower = product_sum(before + other, weight, lower)
                before, after = one, other
            store(line, p, upper)
            store(below, p, lower)

    @device
    def across(line, offsets, folds, weights, target, count, reals, ahead):
        for m in range((count + T - 1) // T):
            p = min(m * T, count - T)
            fetch(ahead, p)
            total = spread(zero)
            for f in range(folds):
                pair = load(line, offsets[2 * f] + p) + load(line, offsets[2 * f + 1] + p)
                total = product_sum(pair, spread(weights[f]), total)
            store(target, p, finish(total, reals))

    return down, down_two, across


def _pairs() -> tuple[Any, Any, Any]:
    """down and down_two in words, across by products of pairs of folds."""
    load_bytes, words = loading(REGISTER), spreading("u16", REGISTER // 2)
    spread_bytes, signed = spreading("u8", REGISTER), converting("i16")
    lower_half, upper_half = interleaving(0), interleaving(1)
    integers, to_bytes, to_result = (
        spreading("i32"),
        converting("u8"),
        narrowing(WEIGHTS + FRACTION),
    )
    half, middle = types.int32(1 << WEIGHTS + FRACTION - 1), types.int16(MIDDLE)
    one_place, result_words = types.uint16(1), spreading("i16")
    taken, line_words = types.int16(MIDDLE << FRACTION), spreading("i16", REGISTER // 2)

    @device
    def finished(total):
        return signed(lowered(total, one_place)) - line_words(taken)

    @device
    def both(zero, numbers):
        return lower_half(zero, numbers), upper_half(zero, numbers)

    @device
    def down(image, offsets, folds, weights, line, known):
        last = shift(weights, folds)
        zero = spread_bytes(types.uint8(last[ZERO]))
        for m in range((known + REGISTER - 1) // REGISTER):
            p = min(m * REGISTER, known - REGISTER)
            left = right = words(last[TERM])
            for f in range(folds):
                one = both(zero, load_bytes(image, offsets[2 * f] + p))
                other = both(zero, load_bytes(image, offsets[2 * f + 1] + p))
                left = left + high_product(mean(one[0], other[0]), weights[f])
                right = right + high_product(mean(one[1], other[1]), weights[f])
            store_halves(line, p, finished(left), finished(right))

    @device
    def down_two(image, offsets, folds, weights, line, below, known):
        last = shift(weights, folds)
        zero, weight = spread_bytes(types.uint8(last[ZERO])), weights[0]
        for m in range((known + REGISTER - 1) // REGISTER):
            p = min(m * REGISTER, known - REGISTER)
            before = both(zero, load_bytes(image, offsets[0] + p))
            after = both(zero, load_bytes(image, offsets[1] + p))
            left = words(last[TERM]) + high_product(before[0], weight)
            right = words(last[TERM]) + high_product(before[1], weight)
            left_below = words(last[TERM]) + high_product(after[0], weight)
            right_below = words(last[TERM]) + high_product(after[1], weight)
            for f in range(1, folds):
                one = both(zero, load_bytes(image, offsets[2 * f] + p))
                other = both(zero, load_bytes(image, offsets[2 * f + 1] + p))
                left = left + high_product(mean(one[0], after[0]), weights[f])
                right = right + high_product(mean(one[1], after[1]), weights[f])
                left_below = left_below + high_product(mean(before[0], other[0]), weights[f])
                right_below = right_below + high_product(mean(before[1], other[1]), weights[f])
                before, after = one, other
            store_halves(line, p, finished(left), finished(right))
            store_halves(below, p, finished(left_below), finished(right_below))

    @device
    def across(line, offsets, folds, weights, target, count, reals, ahead):
        for m in range((count + T - 1) // T):
            p = min(m * T, count - T)
            fetch(ahead, p)
            total = integers(half)
            for g in range(folds // 2):
                at = shift(offsets, 4 * g)
                one = load(line, at[0] + p) + load(line, at[1] + p)
                other = load(line, at[2] + p) + load(line, at[3] + p)
                total = pair_sums(one, other, weights[g], total)
            store(target, p, to_bytes(to_result(total) + result_words(middle)))

    return down, down_two, across


def _correlate(source: str, work: str, result: str) -> Any:
    """The kernel for one combination of types."""
    down, down_two, across = _pairs() if work == "i16" else _real(source, result)
    tall, wide = {"i16": ("u16", "i32")}.get(work, ("f32", "f32"))
    even = 2 if work == "i16" else 1

    @kernel(f"{source}* {result}* i64* i64* i64* {work}* {tall}* {wide}* f32* {work}* i64*")
    def correlate(image, out, sizes, rows, columns, fill, column, row, reals, lines, offsets):
        """Windows of K x L pixels, both odd (see plane_layout.Plane), rows T numbers or more.

        column, row: weights of folds; a column in words has two more numbers (TERM, ...), its row
        pairs of 16-bit ones, made even by one of weight 0. Scratch: two lines, aligned at `pad`
        pixels, 2 offsets a fold of the column and of the row.
        """
        C, W, pad = sizes[AT.channels], sizes[AT.width], sizes[AT.pad]
        tall, wide = sizes[AT.K] // 2 + 1, sizes[AT.L] // 2 + 1
        N, strip, step = sizes[AT.wide] * C, sizes[AT.strip], sizes[AT.step]
        reach = strip + (sizes[AT.L] - 1) * C
        last = (sizes[AT.end] - 1) * step + sizes[AT.K] - 1
        beside, here = shift(offsets, 2 * tall), shift(lines, max(pad, 0) * C)
        for f in range(wide):
            beside[2 * f], beside[2 * f + 1] = (wide - 1 - f) * C, (wide - 1 + f) * C
        beside[2 * wide], beside[2 * wide + 1] = 0, 0
        for part in range((N + strip - 1) // strip):
            x = min(part * strip, N - strip)
            low, high = inside(x, reach, pad, W, C)
            first, y = shift(here, x - low), sizes[AT.begin]
            while y < sizes[AT.end]:
                middle, count = y * step + tall - 1, 1
                if step == 1 and y + 1 < sizes[AT.end]:
                    count = 2
                    down_folds(rows, middle, middle + 1, low - pad * C, tall, offsets)
                    below = shift(here, sizes[AT.line])
                    down_two(image, offsets, tall, column, here, below, high - low)
                else:
                    down_folds(rows, middle, middle, low - pad * C, tall, offsets)
                    down(image, offsets, tall, column, here, high - low)
                for k in range(count):
                    line = shift(first, k * sizes[AT.line])
                    fill_ends(line, x, reach, low, high, pad, columns, fill, C)
                    next_row = rows[min(middle + tall + 1 + k, last)]
                    ahead = shift(image, next_row + low - pad * C)
                    across(line, beside, wide + wide % even, row, shift(out, (y + k) * N + x),
                           strip, reals, ahead)  # fmt: skip
                y += count

    return correlate


def __getattr__(name: str) -> Any:
    """`u8_i16_u8`: the kernel from source through working to result type."""
    words = name.split("_")
    if len(words) != 3:
        raise AttributeError(name)
    return _correlate(*words)
