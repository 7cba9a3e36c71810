"""Converters of what only moves numbers: parts, orders and shapes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from .building import Call, Operand, Unsupported, Value, is_same, open_size


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
    "view": reshape, "reshape": reshape, "_unsafe_view": reshape, "flatten": flatten,
    "unflatten": unflatten, "permute": permute, "transpose": transpose, "swapaxes": transpose,
    "swapdims": transpose, "t": transpose, "mT": transpose, "movedim": move,
    "squeeze": squeeze, "unsqueeze": unsqueeze, "expand": expand, "expand_as": expand_as,
    "repeat": repeat, "channel_shuffle": channel_shuffle, "pad": pad,
    "constant_pad_nd": lambda call, x, pads, value=0: pad(call, x, pads, "constant", value),
    "matmul": product, "mm": product, "bmm": product, "addmm": sum_and_product,
}  # fmt: skip
