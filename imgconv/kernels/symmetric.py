"""Symmetric stencils that are a product of a column and a row: blurs, above all Gaussians.

Taps at the same distance from the middle have one weight, so their pixels are added first: a
fold. Fold f adds the pixels f before and f behind the middle; fold 0 is the middle twice, at
half its weight. The column part reads the image where it lies, into one line, whose ends are
then filled in; the row part turns that line into results. Nothing else is stored.

Arithmetic, `work`:
    f32    in float32
    i16    8-bit images, in 16 bits: columns' sums as (value - 128) * 2^7, rounded; weights sum
           to 2^16. A fold fits into 16 bits, the sum of two products of such into 32.
"""

from __future__ import annotations

from typing import Any

from numba import types

from .dialect import device, kernel, shift
from .layout import places
from .plane_layout import Plane
from .strips import fill_ends, finishing, inside
from .vector_words import narrowing, pair_sums
from .vectors import T, converting, load, product_sum, spreading, store

AT = places(Plane)
WEIGHTS, FRACTION = 16, 7  # bits: weights sum to 2^16, a line's numbers have 7 after the point
MIDDLE = 128  # taken from 8-bit values, so that folds fit into 16 bits with a sign


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


def _fixed() -> tuple[Any, Any]:
    """down and across, in 16 bits; an even number of folds."""
    words, integers, to_bytes = converting("i16"), spreading("i32"), converting("u8")
    last = WEIGHTS + FRACTION
    to_line, to_result = narrowing(WEIGHTS - FRACTION), narrowing(last)
    start = types.int32((1 << WEIGHTS - FRACTION - 1) - (MIDDLE << WEIGHTS))
    half, middle, words_of = types.int32(1 << last - 1), types.int16(MIDDLE), spreading("i16")

    @device
    def down(image, offsets, folds, weights, line, known):
        for m in range((known + T - 1) // T):
            p = min(m * T, known - T)
            total = integers(start)
            for g in range(folds // 2):
                at = shift(offsets, 4 * g)
                one = words(load(image, at[0] + p)) + words(load(image, at[1] + p))
                other = words(load(image, at[2] + p)) + words(load(image, at[3] + p))
                total = pair_sums(one, other, weights[g], total)
            store(line, p, to_line(total))

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
            store(target, p, to_bytes(to_result(total) + words_of(middle)))

    return down, across


def _correlate(source: str, work: str, result: str) -> Any:
    """The kernel for one combination of types."""
    down, across = _fixed() if work == "i16" else _real(source, result)
    weight, even = ("i32", 2) if work == "i16" else ("f32", 1)

    @kernel(
        f"{source}* {result}* i64* i64* i64* {work}* f32* {weight}* {weight}* {work}* i64* i64*"
    )
    def correlate(
        image, out, sizes, rows, columns, fill, reals, column, row, line, offsets, beside
    ):
        """Windows of K x L pixels, both odd (see plane_layout.Plane), rows T numbers or more.

        column, row: weights of folds; pairs of 16-bit ones for i16, whose folds are made even
        by one of weight 0. Scratch: a line, 2 offsets a fold of the column and of the row.
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
                offsets[2 * tall], offsets[2 * tall + 1] = offsets[0], offsets[0]
                here = shift(line, low - x)
                down(image, offsets, tall + tall % even, column, here, high - low)
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
