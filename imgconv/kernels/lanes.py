"""Vectors of LANES float32 numbers as a type of kernels: `load`, `store`, `spread`, `+ - *`.

LLVM vectorises plain loops, but the loops of networks hold a dozen sums in registers and meet
the same channels again and again. Written with vectors they say what the machine does, and
compile in a fraction of the time. A vector lies anywhere: alignment is that of one number.
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
from numba.core.typing.templates import ConcreteTemplate, infer_global, signature
from numba.extending import intrinsic

from .dialect import FUSED, LANES

VECTOR = ir.VectorType(ir.FloatType(), LANES)
INDEX, POINTER = types.intp, types.CPointer(types.float32)


class Lanes(types.Type):
    """LANES numbers side by side."""

    def __init__(self) -> None:
        super().__init__(name=f"float32x{LANES}")


lanes = Lanes()


@register_default(Lanes)
class _Model(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, VECTOR)


def _operator(function: Callable, instruction: str) -> None:
    """Let `function` of two vectors be one instruction."""

    @infer_global(function)
    class _Typing(ConcreteTemplate):
        cases = (signature(lanes, lanes, lanes),)

    @lower_builtin(function, Lanes, Lanes)
    def _lower(context: Any, builder: Any, _: Any, values: Any) -> Any:
        # "contract": a product may be fused with a sum, as in the dialect's plain loops.
        return getattr(builder, instruction)(*values, flags=("contract",))


for _function, _instruction in (
    (operator.add, "fadd"), (operator.sub, "fsub"), (operator.mul, "fmul"),
    (operator.truediv, "fdiv"),
):  # fmt: skip
    _operator(_function, _instruction)


def _place(builder: Any, pointer: Any, index: Any) -> Any:
    return builder.bitcast(builder.gep(pointer, [index]), VECTOR.as_pointer())


def _constant(number: float) -> ir.Constant:
    return ir.Constant(VECTOR, [number] * LANES)


@intrinsic
def load(typing: Any, pointer: Any, index: Any) -> Any:
    """The LANES numbers from pointer[index] on."""

    def emit(context: Any, builder: Any, _: Any, values: Any) -> Any:
        return builder.load(_place(builder, *values), align=4)

    return lanes(pointer, INDEX), emit


@intrinsic
def store(typing: Any, pointer: Any, index: Any, vector: Any) -> Any:
    """pointer[index ...] = vector."""

    def emit(context: Any, builder: Any, _: Any, values: Any) -> Any:
        builder.store(values[2], _place(builder, *values[:2]), align=4)
        return context.get_dummy_value()

    return types.void(pointer, INDEX, lanes), emit


@intrinsic
def spread(typing: Any, number: Any) -> Any:
    """The same float32 in every lane."""

    def emit(context: Any, builder: Any, _: Any, values: Any) -> Any:
        undefined = ir.Constant(VECTOR, ir.Undefined)
        first = builder.insert_element(undefined, values[0], ir.IntType(32)(0))
        order = ir.Constant(ir.VectorType(ir.IntType(32), LANES), None)
        return builder.shuffle_vector(first, undefined, order)

    return lanes(types.float32), emit


@intrinsic
def fma(typing: Any, a: Any, b: Any, c: Any) -> Any:
    """a * b + c, rounded once where the machine can."""

    def emit(context: Any, builder: Any, _: Any, values: Any) -> Any:
        if not FUSED:
            return builder.fadd(values[2], builder.fmul(*values[:2]))
        shape = ir.FunctionType(VECTOR, [VECTOR] * 3)
        name = f"llvm.fma.v{LANES}f32"
        return builder.call(cgutils.get_or_insert_function(builder.module, shape, name), values)

    return lanes(lanes, lanes, lanes), emit


@intrinsic
def greater(typing: Any, a: Any, b: Any) -> Any:
    """The greater in each lane, a where they cannot be compared: what is not a number stays."""

    def emit(context: Any, builder: Any, _: Any, values: Any) -> Any:
        a, b = values
        return builder.select(builder.fcmp_ordered("<", a, b), b, a)

    return lanes(lanes, lanes), emit


@intrinsic
def lesser(typing: Any, a: Any, b: Any) -> Any:
    """The lesser in each lane, a where they cannot be compared."""

    def emit(context: Any, builder: Any, _: Any, values: Any) -> Any:
        a, b = values
        return builder.select(builder.fcmp_ordered(">", a, b), b, a)

    return lanes(lanes, lanes), emit


@intrinsic
def leak(typing: Any, a: Any, slope: Any) -> Any:
    """a, but a * slope where a is negative."""

    def emit(context: Any, builder: Any, _: Any, values: Any) -> Any:
        a, slope = values
        below = builder.fcmp_ordered("<", a, _constant(0.0))
        return builder.select(below, builder.fmul(a, slope), a)

    return lanes(lanes, lanes), emit


@intrinsic
def power_of_two(typing: Any, n: Any) -> Any:
    """2 ** n of whole numbers n from -126 to 127, made of their bits."""

    def emit(context: Any, builder: Any, _: Any, values: Any) -> Any:
        bits = ir.VectorType(ir.IntType(32), LANES)
        whole = builder.fptosi(values[0], bits)
        exponent = builder.add(whole, ir.Constant(bits, [127] * LANES))
        return builder.bitcast(builder.shl(exponent, ir.Constant(bits, [23] * LANES)), VECTOR)

    return lanes(lanes), emit


@intrinsic
def below(typing: Any, a: Any, b: Any, yes: Any, no: Any) -> Any:
    """In each lane `yes` where a < b, else `no`."""

    def emit(context: Any, builder: Any, _: Any, values: Any) -> Any:
        a, b, yes, no = values
        return builder.select(builder.fcmp_ordered("<", a, b), yes, no)

    return lanes(lanes, lanes, lanes, lanes), emit
