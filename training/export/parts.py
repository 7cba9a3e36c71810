"""Converters of parts: what is cut out of values, put into them and laid side by side."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch

from .building import Call, Operand, Unsupported, Value, open_size

END = (1 << 63) - 1


def concat(call: Call, parts: Sequence[Operand], axis: int = 0) -> str:
    return call.add("concat", *parts, axis=axis)


def stack(call: Call, parts: Sequence[Operand], axis: int = 0) -> str:
    axis = axis % (rank(parts[0]) + 1)
    return concat(call, [call.add("unsqueeze", part, axes=[axis]) for part in parts], axis)


def rank(x: Any) -> int:
    return int(x.ndim)


def hstack(call: Call, parts: Sequence[Operand]) -> str:
    return concat(call, parts, 0 if rank(parts[0]) == 1 else 1)


def part(
    call: Call, x: Operand, axis: int = 0, start: Any = None, end: Any = None, step: int = 1
) -> Operand:
    """x[start:end:step] along an axis."""
    if start in (None, 0) and (end is None or (isinstance(end, int) and end >= END)) and step == 1:
        return x
    starts, ends = call.vector([start or 0]), call.vector([END if end is None else end])
    if isinstance(starts, list) and isinstance(ends, list):
        return call.add("slice", x, starts=starts, ends=ends, axes=[axis], steps=[step])
    vectors = [_positions(given) for given in (starts, ends, [axis], [step])]
    return call.add("slice", x, *vectors)


def _positions(given: list[int] | str) -> Operand:
    return torch.tensor(given) if isinstance(given, list) else given


def put(
    call: Call, x: Value, y: Operand, axis: int = 0, start: Any = None, end: Any = None,
    step: int = 1,
) -> Operand:  # fmt: skip
    """x with x[start:end] replaced by y: what an operation in place on a part comes to."""
    size, start, end = x.shape[axis], start or 0, END if end is None else end
    if step != 1 or not isinstance(start, int) or not isinstance(end, int) or min(start, end) < 0:
        raise Unsupported("writes in place to every other position, or to computed ones")
    parts: list[Operand] = [y]
    if start:
        parts.insert(0, part(call, x, axis, 0, start))
    if end < END and (open_size(size) or end < size):
        parts.append(part(call, x, axis, end))
    return concat(call, parts, axis) if len(parts) > 1 else y


def put_one(call: Call, x: Value, y: Operand, axis: int, index: int) -> Operand:
    """The same for one position."""
    index = index if index >= 0 or open_size(x.shape[axis]) else index + x.shape[axis]
    one = call.add("unsqueeze", y, axes=[axis])
    return put(call, x, one, axis, index, index + 1)


def select(call: Call, x: Operand, axis: int, index: Any) -> str:
    """One position of an axis, which goes."""
    if isinstance(index, Value):
        raise Unsupported("selects a position that is computed")
    return call.add("squeeze", part(call, x, axis, index, index + 1 or END), axes=[axis])


def narrow(call: Call, x: Operand, axis: int, start: Any, count: Any) -> Operand:
    if isinstance(start, Value) or isinstance(count, Value):
        raise Unsupported("starts or ends at a position that is computed")
    return part(call, x, axis, start, start + count)


def split(call: Call, x: Value, size: Any, axis: int = 0) -> tuple[str, ...]:
    """Parts of one size, the last as long as what is left."""
    whole = x.shape[axis]
    if open_size(whole) or isinstance(size, Value):
        raise Unsupported("splits an open size")
    sizes = [min(size, whole - at) for at in range(0, whole, size)]
    return split_sizes(call, x, sizes, axis)


def split_sizes(call: Call, x: Value, sizes: Sequence[Any], axis: int = 0) -> tuple[str, ...]:
    if any(isinstance(size, Value) for size in sizes):
        raise Unsupported("splits by sizes that are computed")
    return call.add_many("split", len(sizes), x, sizes=list(sizes), axis=axis)


def chunk(call: Call, x: Value, count: int, axis: int = 0) -> tuple[str, ...]:
    whole = x.shape[axis]
    return split(call, x, math.ceil(whole / count) if not open_size(whole) else whole, axis)


def tensor_split(call: Call, x: Value, count: int, axis: int = 0) -> tuple[str, ...]:
    """The first parts are one longer where the size does not divide."""
    whole = x.shape[axis]
    if open_size(whole):
        raise Unsupported("splits an open size")
    sizes = [whole // count + (i < whole % count) for i in range(count)]
    return split_sizes(call, x, sizes, axis)


def unbind(call: Call, x: Value, axis: int = 0) -> list[str]:
    parts = split(call, x, 1, axis)
    return [call.add("squeeze", one, axes=[axis]) for one in parts]


def flip(call: Call, x: Value, axes: Sequence[int]) -> str:
    count = len(axes)
    return call.add(
        "slice", x, starts=[-1] * count, ends=[-END] * count, axes=list(axes), steps=[-1] * count
    )


def roll(call: Call, x: Value, shifts: Sequence[int], axes: Sequence[int] = ()) -> Operand:
    if len(axes) != len(shifts):
        raise Unsupported("rolls all axes as one")
    result: Operand = x
    for shift, axis in zip(shifts, axes, strict=True):
        if shift:
            ends = [part(call, result, axis, -shift), part(call, result, axis, 0, -shift)]
            result = concat(call, ends, axis)
    return result


CONVERTERS: dict[str, Callable[..., Any]] = {
    "cat": concat, "concat": concat, "concatenate": concat, "stack": stack, "hstack": hstack,
    "slice": part, "select": select, "slice_scatter": put, "select_scatter": put_one,
    "copy": lambda call, x, y, *_: y, "narrow": narrow, "split": split,
    "split_with_sizes": split_sizes, "split.sizes": split_sizes, "chunk": chunk,
    "tensor_split": tensor_split, "unbind": unbind,
    "flip": flip, "roll": roll,
}  # fmt: skip
