"""Vectors of integers: running sums, products of words and their sums, widening and narrowing."""

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


# Bytes of a register within whose blocks of 16 `raised` widens.
REGISTER = 32 if "+avx2" in FEATURES else 16


def _halves() -> list[list[int]]:
    """Places of a register's bytes in its two halves as words: of each block of 16 the lower 8,
    then the upper 8, as x86 widens in one instruction."""
    blocks = range(0, REGISTER, 16)
    return [[b + i for b in blocks for i in range(first, first + 8)] for first in (0, 8)]


@intrinsic
def raised(typing: Any, numbers: Any, zero: Any) -> Any:
    """Bytes times 256, as words in an order that `ordered` undoes.

    zero: a word that LLVM does not know: knowing it, it would take `mean` to pieces.
    """
    target = Vector("u16", numbers.count)

    def emit(context: Any, b: Any, _: Any, values: Any) -> Any:
        words = ir.VectorType(ir.IntType(16), REGISTER // 2)
        zero = b.bitcast(spread_in(b, values[1], words), ir.VectorType(ir.IntType(8), REGISTER))
        parts = [
            shuffle(b, zero, part, [n for i in half for n in (i, REGISTER + i)])
            for part in pieces(b, values[0], REGISTER)
            for half in _halves()
        ]
        return b.bitcast(join(b, parts), target.code)

    return target(numbers, types.uint16), emit


@intrinsic
def ordered(typing: Any, words: Any) -> Any:
    """Words of `raised` in the order of its bytes."""
    widened = [i for half in _halves() for i in half]
    back = [widened.index(i) for i in range(REGISTER)]

    def emit(context: Any, b: Any, _: Any, values: Any) -> Any:
        parts = pieces(b, values[0], REGISTER)
        return join(b, [shuffle(b, part, part, back) for part in parts])

    return words(words), emit


@intrinsic
def mean(typing: Any, one: Any, other: Any) -> Any:
    """(one + other + 1) >> 1 of words."""

    def emit(context: Any, b: Any, _: Any, values: Any) -> Any:
        wide = ir.VectorType(ir.IntType(32), one.count)
        total = b.add(b.zext(values[0], wide), b.zext(values[1], wide))
        ones = ir.Constant(wide, [1] * one.count)
        return b.trunc(b.lshr(b.add(total, ones), ones), one.code)

    return one(one, one), emit


@intrinsic
def high_product(typing: Any, numbers: Any, factor: Any) -> Any:
    """(numbers * factor) >> 16 of words."""

    def emit(context: Any, b: Any, _: Any, values: Any) -> Any:
        wide = ir.VectorType(ir.IntType(32), numbers.count)
        factors = b.zext(spread_in(b, values[1], numbers.code), wide)
        product = b.mul(b.zext(values[0], wide), factors)
        return b.trunc(b.lshr(product, ir.Constant(wide, [16] * numbers.count)), numbers.code)

    return numbers(numbers, types.uint16), emit


@intrinsic
def lowered(typing: Any, numbers: Any, places: Any) -> Any:
    """numbers >> places of words."""

    def emit(context: Any, b: Any, _: Any, values: Any) -> Any:
        return b.lshr(values[0], spread_in(b, values[1], numbers.code))

    return numbers(numbers, types.uint16), emit


def _moved(b: Any, part: Any, distance: int) -> Any:
    """Lane i has what lane i - distance had, the first ones 0."""
    count = part.type.count
    zero = ir.Constant(part.type, [0] * count)
    return shuffle(b, zero, part, [*range(distance), *range(count, 2 * count - distance)])
