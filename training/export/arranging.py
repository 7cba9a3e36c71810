"""Converters of what only moves numbers: parts, orders and shapes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch

from .building import Call, Operand, Unsupported, Value, is_same, open_size

END = (1 << 63) - 1


def as_it_is(call: Call, x: Operand, *_: Any, **__: Any) -> Operand:
    """Copies, memory formats, dropout outside training."""
    return x


def cast(call: Call, x: Value, *given: Any, **more: Any) -> Operand:
    """Every float is float32 here."""
    wanted = next((v for v in (*given, *more.values()) if isinstance(v, torch.dtype)), None)
    if wanted not in (None, torch.float32, torch.float64):
        raise Unsupported(f"casts to {str(wanted).removeprefix('torch.')}")
    if wanted is None or x.like.is_floating_point():
        return x
    return call.add("cast", x, to="float32")


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


def reshape(call: Call, x: Value, sizes: Sequence[Any]) -> str:
    """Sizes that stay become 0, a single open one becomes -1, so that no shape is computed."""
    wanted: list[Any] = [
        0 if isinstance(size, Value) and i < x.ndim and is_same(size.like, x.shape[i]) else size
        for i, size in enumerate(sizes)
    ]
    open_at = [i for i, size in enumerate(wanted) if isinstance(size, Value)]
    if len(open_at) == 1 and -1 not in [size for size in wanted if isinstance(size, int)]:
        wanted[open_at[0]] = -1
    return call.with_sizes("reshape", x, wanted, "shape")


def flatten(call: Call, x: Value, first: int = 0, last: int = -1) -> str:
    """The axes from the first to the last become one."""
    first, last = first % x.ndim, last % x.ndim
    if first == 1 and last == x.ndim - 1:
        return call.add("flatten", x, axis=1)
    return _reshaped_before(call, x, [0] * first + [-1], last + 1)


def unflatten(call: Call, x: Value, axis: int, sizes: Sequence[Any]) -> str:
    axis = axis % x.ndim
    return _reshaped_before(call, x, [0] * axis + list(sizes), axis + 1)


def _reshaped_before(call: Call, x: Value, sizes: list[Any], stays: int) -> str:
    """Other axes before, and from `stays` on the axes of x as they are."""
    behind = x.shape[stays:]
    if not any(map(open_size, behind)):
        return call.with_sizes("reshape", x, [*sizes, *behind], "shape")
    rest = call.add("shape", x, start=stays, end=x.ndim)
    front = call.vector(sizes)
    front_name = torch.tensor(front) if isinstance(front, list) else front
    return call.add("reshape", x, call.add("concat", front_name, rest, axis=0))


def transpose(call: Call, x: Value, one: int = -2, other: int = -1) -> str:
    order = list(range(x.ndim))
    order[one], order[other] = order[other], order[one]
    return call.add("transpose", x, permutation=order)


def permute(call: Call, x: Value, order: Sequence[int]) -> str:
    return call.add("transpose", x, permutation=[axis % x.ndim for axis in order])


def move(call: Call, x: Value, source: Any, target: Any) -> str:
    """movedim."""
    stays = torch.movedim(torch.empty(tuple(range(1, x.ndim + 1)), device="meta"), source, target)
    return call.add("transpose", x, permutation=[size - 1 for size in stays.shape])


def squeeze(call: Call, x: Value, axes: Any = None) -> Operand:
    """Only axes of size 1 go."""
    given = range(x.ndim) if axes is None else [axes] if isinstance(axes, int) else axes
    ones = [axis % x.ndim for axis in given if is_same(x.shape[axis], 1)]
    return call.add("squeeze", x, axes=ones) if ones else x


def unsqueeze(call: Call, x: Value, axis: int) -> str:
    return call.add("unsqueeze", x, axes=[axis % (x.ndim + 1)])


def expand(call: Call, x: Value, sizes: Sequence[Any], **_: Any) -> str:
    lead = len(sizes) - x.ndim
    wanted = [1 if is_same(n, -1) or _stays(x, i - lead, n) else n for i, n in enumerate(sizes)]
    return call.with_sizes("expand", x, wanted, "shape")


def _stays(x: Value, axis: int, size: Any) -> bool:
    return axis >= 0 and is_same(x.shape[axis], size.like if isinstance(size, Value) else size)


def expand_as(call: Call, x: Value, other: Value) -> str:
    return call.add("expand", x, call.add("shape", other))


def repeat(call: Call, x: Value, counts: Sequence[Any]) -> str:
    lead = len(counts) - x.ndim
    wide = call.add("unsqueeze", x, axes=list(range(lead))) if lead else x
    return call.with_sizes("tile", wide, counts, "repeats")


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


def channel_shuffle(call: Call, x: Value, groups: int) -> str:
    """(N, g C, H, W) -> (N, C g, H, W): the channels of all groups in turn."""
    grouped = call.add("reshape", x, shape=[0, groups, x.shape[1] // groups, -1])
    mixed = call.add("transpose", grouped, permutation=[0, 2, 1, 3])
    return call.add("reshape", mixed, call.add("shape", x))


MODES = {"constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def pad(
    call: Call, x: Value, pads: Sequence[Any], mode: str = "constant", value: Any = None
) -> str:
    """PyTorch lists pairs from the last axis on; here come all begins, then all ends."""
    axes = list(range(x.ndim - len(pads) // 2, x.ndim))
    ordered = [*reversed(pads[0::2]), *reversed(pads[1::2])]
    found: dict[str, Any] = {"mode": MODES[mode]}
    fill = None if not value else float(value)
    vector = call.vector(ordered)
    if isinstance(vector, str):
        return call.add("pad", x, vector, fill, torch.tensor(axes), **found)
    if fill is not None:
        found["value"] = fill
    return call.add("pad", x, pads=vector, axes=axes, **found)


def product(call: Call, x: Operand, y: Operand) -> str:
    return call.add("matmul", x, y)


def sum_and_product(call: Call, b: Operand, x: Operand, y: Operand) -> str:
    """b + x y (addmm)."""
    return call.add("add", b, call.add("matmul", x, y))


CONVERTERS: dict[str, Callable[..., Any]] = {
    **dict.fromkeys(
        ("clone", "contiguous", "detach", "alias", "lift_fresh_copy", "dropout", "feature_dropout",
         "alpha_dropout", "feature_alpha_dropout"), as_it_is),
    "to": cast, "_to_copy": cast, "type_as": as_it_is,
    "cat": concat, "concat": concat, "concatenate": concat, "stack": stack, "hstack": hstack,
    "slice": part, "select": select, "slice_scatter": put, "select_scatter": put_one,
    "copy": lambda call, x, y, *_: y, "narrow": narrow, "split": split,
    "split_with_sizes": split_sizes, "split.sizes": split_sizes, "chunk": chunk,
    "tensor_split": tensor_split, "unbind": unbind,
    "view": reshape, "reshape": reshape, "_unsafe_view": reshape, "flatten": flatten,
    "unflatten": unflatten, "permute": permute, "transpose": transpose, "swapaxes": transpose,
    "swapdims": transpose, "t": transpose, "mT": transpose, "movedim": move,
    "squeeze": squeeze, "unsqueeze": unsqueeze, "expand": expand, "expand_as": expand_as,
    "repeat": repeat, "flip": flip, "roll": roll, "channel_shuffle": channel_shuffle, "pad": pad,
    "constant_pad_nd": lambda call, x, pads, value=0: pad(call, x, pads, "constant", value),
    "matmul": product, "mm": product, "bmm": product, "addmm": sum_and_product,
}  # fmt: skip
