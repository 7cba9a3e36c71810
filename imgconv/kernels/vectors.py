"""Vectors of numbers of any element as values of kernels: `load`, `store`, `+ - * /`, ...

LLVM splits what is wider than a register, so that a vector of T numbers, four registers of
float32, is an unrolled loop at the same time. A loop over vectors has neither the checks for
overlapping memory nor the loops for a rest that LLVM puts around a plain one, so it is as fast
on short lines, and compiles sooner.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.datamodel import models, register_default
from numba.core.imputils import lower_builtin
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import intrinsic

from . import host
from .dialect import LANES
from .pixels import ELEMENTS

T = 4 * LANES
INDEX = types.intp
CACHE_LINE = 64  # bytes
SCALARS = {
    "u8": ir.IntType(8), "u16": ir.IntType(16), "i16": ir.IntType(16), "i32": ir.IntType(32),
    "f32": ir.FloatType(), "f64": ir.DoubleType(),
}  # fmt: skip
WORDS = {element: word for word, element in ELEMENTS.items()}


class Vector(types.Type):
    """`count` numbers of one element side by side."""

    def __init__(self, word: str, count: int) -> None:
        self.word, self.count = word, count
        super().__init__(name=f"{word}x{count}")

    @property
    def code(self) -> ir.VectorType:
        return ir.VectorType(SCALARS[self.word], self.count)

    @property
    def real(self) -> bool:
        return self.word[0] == "f"


@register_default(Vector)
class _Model(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Vector) -> None:
        super().__init__(manager, kind, kind.code)


def _operator(function: Callable, real: str, whole: str | None) -> None:
    """Let `function` of two vectors be one instruction."""

    @infer_global(function)
    class _Typing(AbstractTemplate):
        def generic(self, args: Any, kws: Any) -> Any:
            if len(args) == 2 and isinstance(args[0], Vector) and args[0] == args[1]:
                return signature(args[0], *args)
            return None

    @lower_builtin(function, Vector, Vector)
    def _lower(context: Any, builder: Any, sig: Any, values: Any) -> Any:
        if sig.return_type.real:
            return getattr(builder, real)(*values, flags=("contract",))
        assert whole is not None
        return getattr(builder, whole)(*values)


_operator(operator.add, "fadd", "add")
_operator(operator.sub, "fsub", "sub")
_operator(operator.mul, "fmul", "mul")
_operator(operator.truediv, "fdiv", None)


def place(builder: Any, pointer: Any, index: Any, vector: Vector) -> Any:
    return builder.bitcast(builder.gep(pointer, [index]), vector.code.as_pointer())


def size_of(vector: Vector) -> int:
    """Alignment: that of one number, vectors lie anywhere."""
    return ELEMENTS[vector.word].bitwidth // 8


def loading(count: int) -> Callable:
    """load: the `count` numbers from pointer[index] on."""

    @intrinsic
    def load(typing: Any, pointer: Any, index: Any) -> Any:
        vector = Vector(WORDS[pointer.dtype], count)

        def emit(context: Any, builder: Any, _: Any, values: Any) -> Any:
            return builder.load(place(builder, values[0], values[1], vector), align=size_of(vector))

        return vector(pointer, INDEX), emit

    return load


load = loading(T)


@intrinsic
def store(typing: Any, pointer: Any, index: Any, numbers: Any) -> Any:
    """pointer[index ...] = numbers."""

    def emit(context: Any, builder: Any, _: Any, values: Any) -> Any:
        where = place(builder, values[0], values[1], numbers)
        builder.store(values[2], where, align=size_of(numbers))
        return context.get_dummy_value()

    return types.void(types.CPointer(ELEMENTS[numbers.word]), INDEX, numbers), emit


def fetching(count: int, level: int = 3) -> Callable:
    """fetch: tell the processor that the `count` numbers from pointer[index] on are next.

    level: 3 for the first cache, 2 for the second, where more has room.
    """

    @intrinsic
    def fetch(typing: Any, pointer: Any, index: Any) -> Any:
        def emit(context: Any, b: Any, _: Any, values: Any) -> Any:
            text, word = ir.IntType(8).as_pointer(), ir.IntType(32)
            shape = ir.FunctionType(ir.VoidType(), [text, word, word, word])
            call = cgutils.get_or_insert_function(b.module, shape, "llvm.prefetch.p0i8")
            first = b.bitcast(b.gep(values[0], [values[1]]), text)
            for byte in range(0, count * pointer.dtype.bitwidth // 8, CACHE_LINE):
                where = b.gep(first, [ir.Constant(values[1].type, byte)])
                b.call(call, [where, word(0), word(level), word(1)])
            return context.get_dummy_value()

        return types.void(pointer, INDEX), emit

    return fetch


def spread_in(builder: Any, value: Any, vector: ir.VectorType) -> Any:
    """The same number in every lane."""
    undefined = ir.Constant(vector, ir.Undefined)
    first = builder.insert_element(undefined, value, ir.IntType(32)(0))
    order = ir.Constant(ir.VectorType(ir.IntType(32), vector.count), None)
    return builder.shuffle_vector(first, undefined, order)


def spreading(word: str, count: int = T) -> Callable:
    """spread: a number in every lane."""
    vector = Vector(word, count)

    @intrinsic
    def spread(typing: Any, number: Any) -> Any:
        def emit(context: Any, builder: Any, _: Any, values: Any) -> Any:
            return spread_in(builder, values[0], vector.code)

        return vector(ELEMENTS[word]), emit

    return spread


def converting(word: str) -> Callable:
    """convert: numbers as `word`; reals that become integers must be whole and fit."""

    @intrinsic
    def convert(typing: Any, numbers: Any) -> Any:
        target = Vector(word, numbers.count)

        def emit(context: Any, builder: Any, _: Any, values: Any) -> Any:
            return convert_lanes(builder, values[0], numbers, target)

        return target(numbers), emit

    return convert


def convert_lanes(b: Any, value: Any, source: Vector, target: Vector) -> Any:
    bits, wanted = ELEMENTS[source.word].bitwidth, ELEMENTS[target.word].bitwidth
    if source.word == target.word:
        return value
    if source.real and target.real:
        return (b.fpext if wanted > bits else b.fptrunc)(value, target.code)
    if source.real:
        whole = b.fptosi(value, ir.VectorType(ir.IntType(32), source.count))
        return whole if wanted == 32 else b.trunc(whole, target.code)
    if target.real:
        wide = value if bits == 32 else b.zext(value, ir.VectorType(ir.IntType(32), source.count))
        return b.sitofp(wide, target.code)
    if wanted == bits:
        return b.bitcast(value, target.code)
    if wanted < bits:
        return b.trunc(value, target.code)
    return (b.sext if source.word[0] == "i" else b.zext)(value, target.code)


def _simply_chosen(b: Any, kind: Vector, order: str, values: Any) -> Any:
    """In each lane the first where `order` holds, else the second."""
    compare = b.icmp_unsigned if kind.word[0] == "u" else b.icmp_signed
    held = (b.fcmp_ordered if kind.real else compare)(order, *values)
    return b.select(held, *values)


def _chosen(b: Any, kind: Vector, order: str, values: Any) -> Any:
    """In each lane the first where `order` holds or it is no number, else the second."""
    one, other = values
    if kind.real:
        ordered = b.fcmp_ordered(order, one, other)
        return b.select(b.or_(ordered, b.fcmp_unordered("uno", one, one)), one, other)
    return _simply_chosen(b, kind, order, values)


@intrinsic
def larger(typing: Any, one: Any, other: Any) -> Any:
    """The larger in each lane; NaN if one is."""

    def emit(context: Any, builder: Any, _: Any, values: Any) -> Any:
        return _chosen(builder, one, ">", values)

    return one(one, one), emit


@intrinsic
def smaller(typing: Any, one: Any, other: Any) -> Any:
    """The smaller in each lane; NaN if one is."""

    def emit(context: Any, builder: Any, _: Any, values: Any) -> Any:
        return _chosen(builder, one, "<", values)

    return one(one, one), emit


@intrinsic
def greater(typing: Any, one: Any, other: Any) -> Any:
    """The larger in each lane, of numbers none of which is NaN: one instruction."""

    def emit(context: Any, builder: Any, _: Any, values: Any) -> Any:
        return _simply_chosen(builder, one, ">", values)

    return one(one, one), emit


@intrinsic
def lesser(typing: Any, one: Any, other: Any) -> Any:
    """The smaller in each lane, of numbers none of which is NaN."""

    def emit(context: Any, builder: Any, _: Any, values: Any) -> Any:
        return _simply_chosen(builder, one, "<", values)

    return one(one, one), emit


def _called(b: Any, name: str, kind: Vector, values: Any) -> Any:
    """LLVM's function `name` of vectors of reals."""
    shape = ir.FunctionType(kind.code, [kind.code] * len(values))
    whole = f"llvm.{name}.v{kind.count}f{ELEMENTS[kind.word].bitwidth}"
    return b.call(cgutils.get_or_insert_function(b.module, shape, whole), values)


def rounding(word: str) -> Callable:
    """rounded: real numbers as integers of 8 or 16 bits: halves to even, clipped; NaN is 0."""

    @intrinsic
    def rounded(typing: Any, numbers: Any) -> Any:
        target = Vector(word, numbers.count)

        def emit(context: Any, b: Any, _: Any, values: Any) -> Any:
            top = ir.Constant(numbers.code, [2.0 ** ELEMENTS[word].bitwidth - 1] * numbers.count)
            value = b.select(b.fcmp_ordered(">", values[0], top), top, values[0])  # NaN stays
            if numbers.word == "f32" and PACKS:
                return _packed(b, value, target)
            zero = ir.Constant(numbers.code, [0.0] * numbers.count)
            value = b.select(b.fcmp_ordered(">", value, zero), value, zero)
            return convert_lanes(b, _called(b, "rint", numbers, [value]), numbers, target)

        return target(numbers), emit

    return rounded


# Lanes of a register of 32-bit numbers, and LLVM's names of what converts and packs it on x86.
FEATURES = host.cpu()[1].split(",")
PACKS: tuple = ()
if "+avx2" in FEATURES:
    PACKS = (8, "avx.cvt.ps2dq.256", "avx2.packssdw", "avx2.packuswb", "avx2.packusdw")
elif "+sse4.1" in FEATURES:
    PACKS = (4, "sse2.cvtps2dq", "sse2.packssdw.128", "sse2.packuswb.128", "sse41.packusdw")


def pieces(b: Any, value: Any, count: int) -> list[Any]:
    """A vector as registers of `count` lanes."""
    starts = range(0, value.type.count, count)
    return [shuffle(b, value, value, list(range(i, i + count))) for i in starts]


def join(b: Any, parts: list[Any]) -> Any:
    """Registers side by side as one vector."""
    while len(parts) > 1:
        parts = [_beside(b, *parts[i : i + 2]) for i in range(0, len(parts), 2)]
    return parts[0]


def _beside(b: Any, one: Any, other: Any) -> Any:
    return shuffle(b, one, other, list(range(2 * one.type.count)))


def _packed(b: Any, value: Any, target: Vector) -> Any:
    """Real numbers rounded and packed to bytes or words, clipped by the packing."""
    lanes, convert, words, to_bytes, to_words = PACKS
    whole = ir.VectorType(ir.IntType(32), lanes)
    parts = [instruction(b, convert, whole, part) for part in pieces(b, value, lanes)]
    places = [list(range(i, i + lanes)) for i in range(0, value.type.count, lanes)]
    names = [words, to_bytes] if target.word == "u8" else [to_words]
    for name, bits in zip(names, (16, 8), strict=False):
        packed = ir.VectorType(ir.IntType(bits), 2 * parts[0].type.count)
        parts = [instruction(b, name, packed, *parts[i : i + 2]) for i in range(0, len(parts), 2)]
        places = [in_pairs(places[i], places[i + 1], lanes) for i in range(0, len(places), 2)]
    return join(b, [_in_order(b, *pair) for pair in zip(parts, places, strict=True)])


def in_pairs(one: list[int], other: list[int], lanes: int) -> list[int]:
    """Which numbers stand where after packing: x86 packs each 128 bits of a register alone."""
    blocks = lanes // 4
    size = len(one) // blocks
    return [
        n for i in range(0, len(one), size) for part in (one, other) for n in part[i : i + size]
    ]


def _in_order(b: Any, part: Any, places: list[int]) -> Any:
    first = min(places)
    back = [places.index(first + i) for i in range(len(places))]
    return shuffle(b, part, part, back)


def instruction(b: Any, name: str, result: Any, *values: Any) -> Any:
    """One of x86's own instructions."""
    shape = ir.FunctionType(result, [value.type for value in values])
    return b.call(cgutils.get_or_insert_function(b.module, shape, f"llvm.x86.{name}"), values)


def shuffle(b: Any, one: Any, other: Any, places: list[int]) -> Any:
    """Lanes of two registers, counted through, in a new order."""
    order = ir.Constant(ir.VectorType(ir.IntType(32), len(places)), places)
    return b.shuffle_vector(one, other, order)


@intrinsic
def product_sum(typing: Any, a: Any, b: Any, c: Any) -> Any:
    """a * b + c of reals, in one instruction where there is one."""

    def emit(context: Any, builder: Any, _: Any, values: Any) -> Any:
        return _called(builder, "fmuladd", a, values)

    return a(a, a, a), emit
