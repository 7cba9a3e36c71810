"""Whole pixels moved at once.

A pixel of three or four channels is copied as four elements in one load and one store. What is
too much lands on the next pixel, which is written afterwards; so lines have a little room at
their end, and pixels are written in order.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from .dialect import device, shift

ELEMENTS = {
    "u8": types.uint8, "u16": types.uint16, "i16": types.int16, "i32": types.int32,
    "f32": types.float32, "f64": types.float64,
}  # fmt: skip
TOGETHER = 4  # elements


@intrinsic
def move(typing: Any, target: Any, source: Any) -> Any:
    """Copy four elements."""

    def emit(context: Any, builder: Any, _: Any, values: Any) -> Any:
        four = ir.VectorType(values[0].type.pointee, TOGETHER).as_pointer()
        size = target.dtype.bitwidth // 8
        here, there = (builder.bitcast(value, four) for value in values)
        builder.store(builder.load(there, align=size), here, align=size)
        return context.get_dummy_value()

    return types.void(target, source), emit


@device
def take(dense, line, count, step, C):
    """Every `step`-th pixel: dense[j*C + c] = line[j*step*C + c] for j < count, c < C."""
    if C == 3:
        for j in range(count):
            move(shift(dense, 3 * j), shift(line, 3 * step * j))
    elif C == 4:
        for j in range(count):
            move(shift(dense, 4 * j), shift(line, 4 * step * j))
    elif C == 1 and step == 2:  # constants: LLVM makes shuffles of them
        for j in range(count):
            dense[j] = line[2 * j]
    elif C == 1:
        for j in range(count):
            dense[j] = line[step * j]
    else:
        for j in range(count):
            for c in range(C):
                dense[j * C + c] = line[j * step * C + c]


@device
def spread(line, phases, count, steps, length, C):
    """Phases pixel by pixel in turn: line[(m*steps + f)*C + c] = phases[f*length + m*C + c].

    For m < count, f < steps, c < C.
    """
    if C == 3 and steps == 2:
        second = shift(phases, length)
        for m in range(count):
            move(shift(line, 6 * m), shift(phases, 3 * m))
            move(shift(line, 6 * m + 3), shift(second, 3 * m))
    elif C == 1 and steps == 2:
        second = shift(phases, length)
        for m in range(count):
            line[2 * m] = phases[m]
            line[2 * m + 1] = second[m]
    elif C == 3 or C == 4:
        for m in range(count):
            for f in range(steps):
                move(shift(line, (m * steps + f) * C), shift(phases, f * length + m * C))
    else:
        for m in range(count):
            for f in range(steps):
                for c in range(C):
                    line[(m * steps + f) * C + c] = phases[f * length + m * C + c]
