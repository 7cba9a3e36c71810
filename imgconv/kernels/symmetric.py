"""Symmetric stencils that are a product of a column and a row: blurs, above all Gaussians.

Taps at the same distance from the middle have one weight, so their pixels are added first: a
fold. Fold f adds the pixels f before and f behind the middle; fold 0 is the middle twice, at
half its weight. The column part reads the image where it lies, into one line, whose ends are
then filled in; the row part turns that line into results. Nothing else is stored.

Arithmetic, `work`:
    f32    in float32
    u16    8-bit images, in words: values are multiples of 1/256, products are cut off to words
    i16    the same for the column part; its line has (value - 128) * 2^7, and the row part sums
           products of two folds in 32 bits

A Gaussian's outer weights are small, so words of `u16` would lose most of their digits: folds
from NEAR on are summed multiplied by a power of two, 2^places, and moved back once.
"""

from __future__ import annotations

from typing import Any

from numba import types

from .dialect import device, kernel, shift
from .layout import places
from .plane_layout import Plane
from .strips import fill_ends, finishing, inside
from .vector_words import high_product, lowered, mean, narrowing, ordered, pair_sums, raised
from .vectors import T, converting, load, loading, product_sum, spreading, store

AT = places(Plane)
WEIGHTS, FRACTION = 16, 7  # bits: weights sum to 2^16, a line's numbers have 7 after the point
MIDDLE = 128  # taken from 8-bit values, so that folds fit into 16 bits with a sign
NEAR = 2  # folds
FAR_TERM, PLACES, NEAR_TERM, ZERO = range(4)  # what follows the weights of a part in words
WIDE = 2 * T  # numbers at a time of words


@device
def down_folds(rows, middle, offset, folds, offsets):
    """offsets[2f], offsets[2f + 1] = where the rows of fold f lie."""
    for f in range(folds):
        offsets[2 * f] = rows[middle - f] + offset
        offsets[2 * f + 1] = rows[middle + f] + offset


def _real(source: str, result: str) -> tuple[Any, Any]:
    """down and across, in float32."""
    widen, spread, finish = converting("f32"), spreading("f32"), finishing("f32", result)
    zero = types.float32(0)

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
    def across(line, offsets, folds, weights, target, count, reals):
        for m in range((count + T - 1) // T):
            p = min(m * T, count - T)
            total = spread(zero)
            for f in range(folds):
                pair = load(line, offsets[2 * f] + p) + load(line, offsets[2 * f + 1] + p)
                total = product_sum(pair, spread(weights[f]), total)
            store(target, p, finish(total, reals))

    return down, across


def _column_words() -> Any:
    """column: numbers p, p + 1, ... of the column part in words, of images of bytes."""
    load, words = loading(WIDE), spreading("u16", WIDE)

    @device
    def column(image, offsets, folds, weights, p):
        last = shift(weights, folds)
        zero = last[ZERO]
        near = high_product(raised(load(image, offsets[0] + p), zero), weights[0])
        one, other = load(image, offsets[2] + p), load(image, offsets[3] + p)
        pair = mean(raised(one, zero), raised(other, zero))
        near = near + high_product(pair, weights[1]) + words(last[NEAR_TERM])
        far = words(last[FAR_TERM])
        for f in range(NEAR, folds):
            one, other = load(image, offsets[2 * f] + p), load(image, offsets[2 * f + 1] + p)
            pair = mean(raised(one, zero), raised(other, zero))
            far = far + high_product(pair, weights[f])
        return ordered(near + lowered(far, last[PLACES]))

    return column


def _words() -> tuple[Any, Any]:
    """down and across, in words."""
    load, words, to_bytes = loading(WIDE), spreading("u16", WIDE), converting("u8")
    column, eight = _column_words(), types.uint16(8)

    @device
    def down(image, offsets, folds, weights, line, known):
        for m in range((known + WIDE - 1) // WIDE):
            p = min(m * WIDE, known - WIDE)
            store(line, p, column(image, offsets, folds, weights, p))

    @device
    def across(line, offsets, folds, weights, target, count, reals):
        last = shift(weights, folds)
        for m in range((count + WIDE - 1) // WIDE):
            p = min(m * WIDE, count - WIDE)
            near = high_product(load(line, offsets[0] + p), weights[0])
            pair = mean(load(line, offsets[2] + p), load(line, offsets[3] + p))
            near = near + high_product(pair, weights[1]) + words(last[NEAR_TERM])
            far = words(last[FAR_TERM])
            for f in range(NEAR, folds):
                pair = mean(load(line, offsets[2 * f] + p), load(line, offsets[2 * f + 1] + p))
                far = far + high_product(pair, weights[f])
            total = near + lowered(far, last[PLACES])
            store(target, p, to_bytes(lowered(total, eight)))

    return down, across


def _pairs() -> tuple[Any, Any]:
    """down in words, across by products of two folds; an even number of folds across."""
    signed, integers, to_bytes = converting("i16"), spreading("i32"), converting("u8")
    column, words, to_result = _column_words(), spreading("i16"), narrowing(WEIGHTS + FRACTION)
    half, middle = types.int32(1 << WEIGHTS + FRACTION - 1), types.int16(MIDDLE)
    one_place, wide, zero = types.uint16(1), spreading("i16", WIDE), types.int16(MIDDLE << FRACTION)

    @device
    def down(image, offsets, folds, weights, line, known):
        for m in range((known + WIDE - 1) // WIDE):
            p = min(m * WIDE, known - WIDE)
            total = column(image, offsets, folds, weights, p)
            store(line, p, signed(lowered(total, one_place)) - wide(zero))

    @device
    def across(line, offsets, folds, weights, target, count, reals):
        for m in range((count + T - 1) // T):
            p = min(m * T, count - T)
            total = integers(half)
            for g in range(folds // 2):
                at = shift(offsets, 4 * g)
                one = load(line, at[0] + p) + load(line, at[1] + p)
                other = load(line, at[2] + p) + load(line, at[3] + p)
                total = pair_sums(one, other, weights[g], total)
            store(target, p, to_bytes(to_result(total) + words(middle)))

    return down, across


def _correlate(source: str, work: str, result: str) -> Any:
    """The kernel for one combination of types."""
    parts = {"i16": _pairs, "u16": _words}
    down, across = parts[work]() if work in parts else _real(source, result)
    tall, wide = {"i16": ("u16", "i32"), "u16": ("u16", "u16")}.get(work, ("f32", "f32"))
    even = 2 if work == "i16" else 1

    @kernel(f"{source}* {result}* i64* i64* i64* {work}* f32* {tall}* {wide}* {work}* i64* i64*")
    def correlate(
        image, out, sizes, rows, columns, fill, reals, column, row, line, offsets, beside
    ):
        """Windows of K x L pixels, both odd (see plane_layout.Plane), rows T numbers or more.

        column, row: weights of folds, of u16 with four more numbers (FAR_TERM, ...), as the
        column of i16, whose row has pairs of 16-bit ones, made even by one of weight 0.
        Scratch: a line, 2 offsets a fold of the column and of the row.
        """
        C, W, pad = sizes[AT.channels], sizes[AT.width], sizes[AT.pad]
        tall, wide = sizes[AT.K] // 2 + 1, sizes[AT.L] // 2 + 1
        N, strip, step = sizes[AT.wide] * C, sizes[AT.strip], sizes[AT.step]
        reach = strip + (sizes[AT.L] - 1) * C
        for f in range(wide):
            beside[2 * f], beside[2 * f + 1] = (wide - 1 - f) * C, (wide - 1 + f) * C
        beside[2 * wide], beside[2 * wide + 1] = 0, 0
        for part in range((N + strip - 1) // strip):
            x = min(part * strip, N - strip)
            low, high = inside(x, reach, pad, W, C)
            for y in range(sizes[AT.begin], sizes[AT.end]):
                down_folds(rows, y * step + tall - 1, low - pad * C, tall, offsets)
                here = shift(line, low - x)
                down(image, offsets, tall, column, here, high - low)
                fill_ends(line, x, reach, low, high, pad, columns, fill, C)
                across(line, beside, wide + wide % even, row, shift(out, y * N + x), strip,
                       reals)  # fmt: skip

    return correlate


def __getattr__(name: str) -> Any:
    """`u8_i16_u8`: the kernel from source through working to result type."""
    words = name.split("_")
    if len(words) != 3:
        raise AttributeError(name)
    return _correlate(*words)
