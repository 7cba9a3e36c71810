"""Vectors of integers: running sums, products of words and their sums, widening and narrowing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from . import host
from .dialect import LANES
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

WIDE_WORDS = LANES == 16 and "+avx512bw" in FEATURES  # registers of 64 bytes, also of words
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
if WIDE_WORDS:
    PAIRS = (16, "avx512.pmaddw.d.512", "avx512.packssdw.512")
elif "+avx2" in FEATURES:
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


# Bytes of a register; of 16, where a CPU does what is wider in two steps, since moving numbers
# from one half to the other takes it many.
HALVED = ("znver1", "btver2", "bdver1", "bdver2", "bdver3", "bdver4")
REGISTER = 32 if "+avx2" in FEATURES and host.cpu()[0] not in HALVED else 16
REGISTER = 64 if WIDE_WORDS else REGISTER


def interleaving(part: int) -> Callable:
    """beside: words of which each has a byte of `one` below one of `other`: of each block of 16
    bytes the lower 8 (part 0) or the upper 8 (part 1), as x86 does in one instruction.

    LLVM should not know `one`: knowing it, it would take `mean` to pieces.
    """

    @intrinsic
    def beside(typing: Any, one: Any, other: Any) -> Any:
        target = Vector("u16", one.count // 2)
        places = [i for b in range(0, one.count, 16) for i in range(b + 8 * part, b + 8 * part + 8)]
        order = [n for i in places for n in (i, one.count + i)]

        def emit(context: Any, b: Any, _: Any, values: Any) -> Any:
            return b.bitcast(shuffle(b, values[0], values[1], order), target.code)

        return target(one, other), emit

    return beside


@intrinsic
def store_halves(typing: Any, pointer: Any, index: Any, lower: Any, upper: Any) -> Any:
    """pointer[index ...] = the words of both parts of `interleaving`, in the order of the bytes."""
    count = lower.count
    order = [n for i in range(0, count, 8) for n in (*range(i, i + 8),
             *range(count + i, count + i + 8))]  # fmt: skip

    def emit(context: Any, b: Any, _: Any, values: Any) -> Any:
        pointer, index, left, right = values
        for half in range(2):
            words = shuffle(b, left, right, order[half * count : (half + 1) * count])
            where = b.add(index, ir.Constant(index.type, half * count))
            b.store(words, place(b, pointer, where, lower), align=size_of(lower))
        return context.get_dummy_value()

    return types.void(pointer, INDEX, lower, upper), emit


@intrinsic
def high_bytes(typing: Any, one: Any, other: Any) -> Any:
    """The upper bytes of the words of `one`, then of `other`."""
    target = Vector("u8", 2 * one.count)

    def emit(context: Any, b: Any, _: Any, values: Any) -> Any:
        moved = [b.lshr(side, ir.Constant(one.code, [8] * one.count)) for side in values]
        return b.trunc(join(b, moved), target.code)

    return target(one, other), emit


# LLVM's names of x86's multiply-add of bytes, by words of the result, and what a CPU needs for it.
BYTE_PAIRS = {
    8: ("ssse3.pmadd.ub.sw.128", "+ssse3"),
    16: ("avx2.pmadd.ub.sw", "+avx2"),
    32: ("avx512.pmaddubs.w.512", "+avx512bw"),
}


@intrinsic
def byte_products(typing: Any, words: Any, weights: Any) -> Any:
    """Of each word the lower byte times that of `weights`, plus the upper byte times its upper.

    Both weights together are at most 128.
    """
    name, needed = BYTE_PAIRS.get(words.count, BYTE_PAIRS[8])

    def emit(context: Any, b: Any, _: Any, values: Any) -> Any:
        sides = values[0], spread_in(b, values[1], words.code)
        if needed in FEATURES:
            lanes = ir.VectorType(ir.IntType(8), 2 * words.count)
            return instruction(b, name, words.code, *(b.bitcast(side, lanes) for side in sides))
        mask, eight = (ir.Constant(words.code, [n] * words.count) for n in (255, 8))
        below = b.mul(*(b.and_(side, mask) for side in sides))
        return b.add(below, b.mul(*(b.lshr(side, eight) for side in sides)))

    return words(words, types.uint16), emit


@intrinsic
def mean(typing: Any, one: Any, other: Any) -> Any:
    """(one + other + 1) >> 1 of bytes or of words."""

    def emit(context: Any, b: Any, _: Any, values: Any) -> Any:
        wide = ir.VectorType(ir.IntType(2 * one.code.element.width), one.count)
        total = b.add(b.zext(values[0], wide), b.zext(values[1], wide))
        ones = ir.Constant(wide, [1] * one.count)
        return b.trunc(b.lshr(b.add(total, ones), ones), one.code)

    return one(one, one), emit


# LLVM's name of x86's product of words, of REGISTER bytes; LLVM itself misses some of them.
HIGH = ""
if REGISTER == 64:
    HIGH = "avx512.pmulhu.w.512"
elif REGISTER == 32:
    HIGH = "avx2.pmulhu.w"
elif "+sse2" in FEATURES:
    HIGH = "sse2.pmulhu.w"


@intrinsic
def high_product(typing: Any, numbers: Any, factor: Any) -> Any:
    """(numbers * factor) >> 16 of words."""

    def emit(context: Any, b: Any, _: Any, values: Any) -> Any:
        if HIGH:
            words = ir.VectorType(ir.IntType(16), REGISTER // 2)
            factors = spread_in(b, values[1], words)
            parts = pieces(b, values[0], REGISTER // 2)
            return join(b, [instruction(b, HIGH, words, part, factors) for part in parts])
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
