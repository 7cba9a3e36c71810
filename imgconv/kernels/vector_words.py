"""Vectors of integers: running sums, sums of products of words, division by multiplication."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from .vectors import (
    FEATURES,
    INDEX,
    WORDS,
    T,
    Vector,
    convert_lanes,
    instruction,
    join,
    pieces,
    place,
    shuffle,
    size_of,
    spread_in,
)

QUARTER = 4  # lanes of 128 bits, within which lanes move freely


def running(step: int) -> Callable:
    """running(source, target, index, before): of each number the sum with those 1, 2, ... steps
    before it, of T integers from source[index] on into target[index ...].

    Returns the last QUARTER sums, which are `before` of the next T.
    """

    @intrinsic
    def sums(typing: Any, source: Any, target: Any, index: Any, before: Any) -> Any:
        narrow, wide = Vector(WORDS[source.dtype], QUARTER), Vector(WORDS[target.dtype], QUARTER)
        carry = [QUARTER - step + i % step for i in range(QUARTER)]

        def emit(context: Any, b: Any, _: Any, values: Any) -> Any:
            source, target, index, last = values
            for i in range(0, T, QUARTER):
                at = b.add(index, ir.Constant(index.type, i))
                part = b.load(place(b, source, at, narrow), align=size_of(narrow))
                part = convert_lanes(b, part, narrow, wide)
                distance = step
                while distance < QUARTER:
                    part = b.add(part, _moved(b, part, distance))
                    distance *= 2
                last = b.add(part, shuffle(b, last, last, carry))
                b.store(last, place(b, target, at, wide), align=size_of(wide))
            return last

        return wide(source, target, INDEX, before), emit

    return sums


# LLVM's names of x86's multiply-add of words and of its packing, by lanes of 32 bits.
PAIRS: tuple = ()
if "+avx2" in FEATURES:
    PAIRS = (8, "avx2.pmadd.wd", "avx2.packssdw")
elif "+sse2" in FEATURES:
    PAIRS = (4, "sse2.pmadd.wd", "sse2.packssdw.128")


@intrinsic
def pair_sums(typing: Any, one: Any, other: Any, weights: Any, sums: Any) -> Any:
    """sums + one * the lower half of `weights` + other * its upper half, of words.

    On x86 one instruction does both products, on the words of `one` and `other` in turn; so
    its sums stand in another order, which `narrowing` undoes.
    """

    def emit(context: Any, b: Any, _: Any, values: Any) -> Any:
        one, other, weights, total = values
        word = ir.IntType(16)
        if not PAIRS:
            halves = b.trunc(weights, word), b.trunc(b.lshr(weights, ir.IntType(32)(16)), word)
            for side, half in zip((one, other), halves, strict=True):
                factor = spread_in(b, b.sext(half, ir.IntType(32)), sums.code)
                total = b.add(total, b.mul(b.sext(side, sums.code), factor))
            return total
        lanes, multiply, _ = PAIRS
        whole, words = ir.VectorType(ir.IntType(32), lanes), ir.VectorType(word, 2 * lanes)
        factor = b.bitcast(spread_in(b, weights, whole), words)
        parts = [pieces(b, side, 2 * lanes) for side in (one, other)]
        added: list[Any] = []
        before = pieces(b, total, lanes)
        for sides in zip(*parts, strict=True):
            for places in _in_turn(2 * lanes):
                pair = shuffle(b, sides[0], sides[1], places)
                product = instruction(b, multiply, whole, pair, factor)
                added.append(b.add(before[len(added)], product))
        return join(b, added)

    return sums(one, other, types.int32, sums), emit


def _in_turn(count: int) -> list[list[int]]:
    """Lanes of two registers of words in turn: the lower and the upper half of each 128 bits."""
    blocks = range(0, count, 8)
    return [
        [
            n
            for block in blocks
            for i in range(first, first + 4)
            for n in (block + i, count + block + i)
        ]
        for first in (0, 4)
    ]


def narrowing(places: int) -> Callable:
    """narrowed: sums of `pair_sums` >> places as words, in order again."""

    @intrinsic
    def narrowed(typing: Any, sums: Any) -> Any:
        target = Vector("i16", sums.count)

        def emit(context: Any, b: Any, _: Any, values: Any) -> Any:
            moved = b.ashr(values[0], ir.Constant(sums.code, [places] * sums.count))
            if not PAIRS:
                return b.trunc(moved, target.code)
            lanes, _, pack = PAIRS
            words, parts = ir.VectorType(ir.IntType(16), 2 * lanes), pieces(b, moved, lanes)
            pairs = zip(parts[0::2], parts[1::2], strict=True)
            return join(b, [instruction(b, pack, words, *pair) for pair in pairs])

        return target(sums), emit

    return narrowed


@intrinsic
def quotient(typing: Any, numbers: Any, half: Any, factor: Any, places: Any) -> Any:
    """((numbers + half) * factor) >> (16 + places) of words, as bytes."""
    target = Vector("u8", numbers.count)

    def emit(context: Any, b: Any, _: Any, values: Any) -> Any:
        wide = ir.VectorType(ir.IntType(32), numbers.count)
        value, half, factor, places = values
        value = b.zext(b.add(value, spread_in(b, half, numbers.code)), wide)
        high = b.mul(value, b.zext(spread_in(b, factor, numbers.code), wide))
        high = b.trunc(b.lshr(high, ir.Constant(wide, [16] * numbers.count)), numbers.code)
        high = b.lshr(high, spread_in(b, places, numbers.code))
        return b.trunc(high, target.code)

    word = types.uint16
    return target(numbers, word, word, word), emit


def _moved(b: Any, part: Any, distance: int) -> Any:
    """Lane i has what lane i - distance had, the first ones 0."""
    count = part.type.count
    zero = ir.Constant(part.type, [0] * count)
    return shuffle(b, zero, part, [*range(distance), *range(count, 2 * count - distance)])
