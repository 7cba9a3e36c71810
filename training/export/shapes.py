"""Converters of sizes: read from a value, computed with, made into arrays of one number."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import torch

from .building import Call, Unsupported, Value


def size(call: Call, x: Value, axis: int) -> str:
    axis = axis % x.ndim
    return call.add("shape", x, start=axis, end=axis + 1)


def constant(value: float | None) -> Callable[..., str]:
    """zeros, ones and full, of a shape that depends on the input's size."""

    def convert(call: Call, sizes: Sequence[Any], number: Any = None, **_: Any) -> str:
        vector = call.vector(sizes)
        shape = torch.tensor(vector) if isinstance(vector, list) else vector
        filled = float(number if value is None else value)
        return call.add("constant_of_shape", shape, value=filled)

    return convert


def constant_like(value: float | None) -> Callable[..., str]:
    def convert(call: Call, x: Value, number: Any = None, **_: Any) -> str:
        filled = float(number if value is None else value)
        return call.add("constant_of_shape", call.add("shape", x), value=filled)

    return convert


def whole(name: str) -> Callable[..., str]:
    """Integer arithmetic on sizes."""

    def convert(call: Call, x: Any, y: Any) -> str:
        if any(isinstance(getattr(one, "like", one), float | torch.SymFloat) for one in (x, y)):
            raise Unsupported("computes further with a fraction of a size")
        return call.add(name, call.operand(x, True), call.operand(y, True))

    return convert


def true_division(call: Call, x: Any, y: Any) -> str:
    """A size over a number, or the other way round, as float32."""
    given = [call.add("cast", n, to="float32") if isinstance(n, Value) else n for n in (x, y)]
    return call.add("div", *given)


def floor_division(call: Call, x: Any, y: Any) -> str:
    """(x - x mod y) / y: rounded down also where x is negative, as in -(-n // 2)."""
    x, y = call.operand(x, True), call.operand(y, True)
    return call.add("div", call.add("sub", x, call.add("mod", x, y)), y)


ARITHMETIC: dict[Any, Callable[..., Any]] = {
    operator.add: whole("add"), operator.sub: whole("sub"), operator.mul: whole("mul"),
    operator.mod: whole("mod"), operator.floordiv: floor_division, operator.truediv: true_division,
    operator.neg: lambda call, x: call.add("neg", x),
    torch.sym_max: whole("max"), torch.sym_min: whole("min"),
}  # fmt: skip
"""What Python computes with sizes while PyTorch traces."""


CONVERTERS: dict[str, Callable[..., Any]] = {
    "sym_size": size,
    "zeros": constant(0), "ones": constant(1), "full": constant(None),
    "zeros_like": constant_like(0), "ones_like": constant_like(1), "full_like": constant_like(None),
    "new_zeros": lambda call, x, sizes, **_: constant(0)(call, sizes),
    "new_ones": lambda call, x, sizes, **_: constant(1)(call, sizes),
}  # fmt: skip
