"""The same numbers in another order or shape."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from imgconv.errors import InputError

from .axes import axes_of, axis_of, broadcast, format_shape, same, to_integers
from .operator import (
    AXES,
    AXIS,
    COUNT,
    FLAG,
    INTEGERS,
    NUMBER,
    RANK,
    WIDEST,
    Fast,
    Operator,
    wholes,
)
from .reach import POINTWISE, WHOLE, Axes, Pointwise, Shape, Site, over, over_axis


def identity(x: np.ndarray) -> np.ndarray:
    """x itself."""
    return x


def dropout(x: np.ndarray, *, ratio: float = 0.5) -> np.ndarray:
    """x itself: at inference nothing is dropped."""
    return x


def flatten_shape(x: Shape, *, axis: int = 1) -> Shape:
    at = axis + len(x) if axis < 0 else axis
    if not 0 <= at <= len(x):
        raise InputError(f"found axis {axis}, allowed {-len(x)} to {len(x)}")
    return (math.prod(x[:at]), math.prod(x[at:]))


def flatten(x: np.ndarray, *, axis: int = 1) -> np.ndarray:
    """(A, B, C, D) -> (A, B C D): the axes before `axis` become one, and those from it on."""
    return x.reshape(flatten_shape(x.shape, axis=axis))


def reshape_shape(x: Shape, shape: Any, *, allow_zero: bool = False) -> Shape:
    wanted = to_integers(shape)
    if not allow_zero:
        if any(n == 0 and i >= len(x) for i, n in enumerate(wanted)):
            raise InputError(f"found 0 beyond the {len(x)} axes of the input")
        wanted = [x[i] if n == 0 else n for i, n in enumerate(wanted)]
    known = math.prod(n for n in wanted if n != -1)
    if wanted.count(-1) == 1 and known > 0 and math.prod(x) % known == 0:
        wanted[wanted.index(-1)] = math.prod(x) // known
    if min(wanted, default=0) < 0 or math.prod(wanted) != math.prod(x) or len(wanted) > 2 * RANK:
        raise InputError(
            f"found the shape {format_shape(x)}, which cannot become {to_integers(shape)}"
        )
    return tuple(wanted)


def reshape(x: np.ndarray, shape: Any, *, allow_zero: bool = False) -> np.ndarray:
    """The same numbers in the same order, in another `shape` (n,) of sizes.

    0 keeps the size of that axis (with allow_zero it is a size of 0), -1 is what is left over.
    """
    return x.reshape(reshape_shape(x.shape, shape, allow_zero=allow_zero))


def transpose_shape(x: Shape, *, permutation: Sequence[int] | None = None) -> Shape:
    order = tuple(permutation) if permutation is not None else tuple(reversed(range(len(x))))
    if sorted(order) != list(range(len(x))):
        raise InputError(f"found the order {list(order)}, allowed each of {len(x)} axes once")
    return tuple(x[axis] for axis in order)


def transpose(x: np.ndarray, *, permutation: Sequence[int] | None = None) -> np.ndarray:
    """y[i_p0, i_p1, ...] = x[i_0, i_1, ...]; without an order: reversed."""
    transpose_shape(x.shape, permutation=permutation)
    return np.asarray(x.transpose(permutation), order="C")


def concat_shape(*x: Shape, axis: int) -> Shape:
    at = axis_of(axis, len(x[0]))
    rest = {tuple(n for i, n in enumerate(shape) if i != at) for shape in x}
    if len(rest) > 1 or len({len(shape) for shape in x}) > 1:
        found = " and ".join(format_shape(shape) for shape in x)
        raise InputError(f"found shapes {found}, which differ beside axis {at}")
    return (*x[0][:at], sum(shape[at] for shape in x), *x[0][at + 1 :])


def concat(*x: np.ndarray, axis: int) -> np.ndarray:
    """(A, B, D), (A, C, D) -> (A, B + C, D): one after the other along `axis`, here 1."""
    concat_shape(*(part.shape for part in x), axis=axis)
    return np.concatenate(x, axis)


def _parts(size: int, sizes: Any, count: int | None) -> list[int]:
    if sizes is not None:
        found = to_integers(sizes)
        if sum(found) != size or min(found, default=0) < 0:
            raise InputError(f"found parts of {found}, allowed {size} in total")
        return found
    if not count or count > max(size, 1):
        raise InputError(f"found {count} parts of an axis of {size}")
    step = -(-size // count)
    return [max(0, min(step, size - i * step)) for i in range(count)]


def split_shape(
    x: Shape, sizes: Any = None, *, axis: int = 0, count: int | None = None
) -> tuple[Shape, ...]:
    at = axis_of(axis, len(x))
    return tuple((*x[:at], n, *x[at + 1 :]) for n in _parts(x[at], sizes, count))


def split(
    x: np.ndarray, sizes: Any = None, *, axis: int = 0, count: int | None = None
) -> tuple[np.ndarray, ...]:
    """(A, B + C, D) -> (A, B, D), (A, C, D): parts along `axis`, here 1.

    They are of the sizes given, or `count` equal ones (the last may be smaller).
    """
    parts = _parts(x.shape[axis_of(axis, x.ndim)], sizes, count)
    return tuple(np.split(x, np.cumsum(parts)[:-1], axis))


def unsqueeze_shape(x: Shape, axes: Any) -> Shape:
    rank = len(x) + len(to_integers(axes))
    at = axes_of(axes, rank)
    sizes = iter(x)
    return tuple(1 if i in at else next(sizes) for i in range(rank))


def unsqueeze(x: np.ndarray, axes: Any) -> np.ndarray:
    """(A, B) -> (1, A, 1, B) for the axes 0 and 2: axes of size 1 that lie there in the result."""
    return x.reshape(unsqueeze_shape(x.shape, axes))


def squeeze_shape(x: Shape, axes: Any = None) -> Shape:
    ones = [i for i, n in enumerate(x) if n == 1]
    at = ones if axes is None else axes_of(axes, len(x))
    if not set(at) <= set(ones):
        raise InputError(
            f"found axes {list(at)} of the shape {format_shape(x)}, allowed those of 1"
        )
    return tuple(n for i, n in enumerate(x) if i not in at)


def squeeze(x: np.ndarray, axes: Any = None) -> np.ndarray:
    """(1, A, 1, B) -> (A, B): without axes of size 1, those given or all."""
    return x.reshape(squeeze_shape(x.shape, axes))


def expand_shape(x: Shape, shape: Any) -> Shape:
    wanted = to_integers(shape)
    if min(wanted, default=0) < 0:
        raise InputError(f"found the shape {wanted}, allowed sizes from 0 on")
    return broadcast(x, tuple(wanted))


def expand(x: np.ndarray, shape: Any) -> np.ndarray:
    """(A, 1) -> (A, B): x repeated where it has size 1.

    The result has the shape that x and `shape` have together by NumPy's broadcasting.
    """
    return np.asarray(np.broadcast_to(x, expand_shape(x.shape, shape)), order="C")


def tile_shape(x: Shape, repeats: Any) -> Shape:
    found = to_integers(repeats)
    if len(found) != len(x) or min(found, default=0) < 0:
        raise InputError(f"found repeats {found}, allowed one from 0 on for {len(x)} axes")
    return tuple(n * r for n, r in zip(x, found, strict=True))


def tile(x: np.ndarray, repeats: Any) -> np.ndarray:
    """(A, B) -> (r A, s B): x beside itself, repeats[a] times along axis a."""
    tile_shape(x.shape, repeats)
    return np.tile(x, to_integers(repeats))


def _unsqueeze_origins(site: Site) -> list[int | None]:
    new = axes_of(site.argument(1, "axes"), len(site.out))
    old = iter(range(len(site.x)))
    return [None if axis in new else next(old) for axis in range(len(site.out))]


def _squeeze_axes(site: Site) -> Sequence[int]:
    axes = site.argument(1, "axes")
    return [i for i, n in enumerate(site.x) if n == 1] if axes is None else to_integers(axes)


def _expand_origins(site: Site) -> list[int | None]:
    lead = len(site.out) - len(site.x)
    return [
        axis - lead if axis >= lead and site.x[axis - lead] == n else None
        for axis, n in enumerate(site.out)
    ]


def _tile_axes(site: Site) -> Sequence[int]:
    return [i for i, n in enumerate(to_integers(site.argument(1, "repeats"))) if n != 1]


def _permutation(site: Site) -> list[int | None]:
    return list(site.attributes.get("permutation") or reversed(range(len(site.x))))


_X = ("x",)

OPERATORS = {
    "identity": Operator(identity, same, POINTWISE, _X, unchanged=True),
    "dropout": Operator(dropout, same, POINTWISE, _X, {"ratio": NUMBER}, unchanged=True),
    "flatten": Operator(flatten, flatten_shape, WHOLE, _X, {"axis": AXIS}),
    "reshape": Operator(
        reshape, reshape_shape, WHOLE, ("x", "shape?"), {"shape": INTEGERS, "allow_zero": FLAG},
        required=("shape",), reads=("shape",),
    ),
    "transpose": Operator(
        transpose, transpose_shape, Axes(_permutation), _X, {"permutation": AXES}
    ),
    "concat": Operator(
        concat, concat_shape, Pointwise("axis"), ("x*",), {"axis": AXIS}, required=("axis",),
        fast=Fast("elementwise.join"),
    ),
    "split": Operator(
        split, split_shape, over_axis(0), ("x", "sizes?"),
        {"axis": AXIS, "count": COUNT, "sizes": wholes(0, 1 << 40, 4096)},
        reads=("sizes",), outputs=None,
    ),
    "unsqueeze": Operator(
        unsqueeze, unsqueeze_shape, Axes(_unsqueeze_origins), ("x", "axes?"), {"axes": AXES},
        required=("axes",), reads=("axes",),
    ),
    "squeeze": Operator(
        squeeze, squeeze_shape, over(_squeeze_axes), ("x", "axes?"), {"axes": AXES},
        reads=("axes",),
    ),
    "expand": Operator(
        expand, expand_shape, Axes(_expand_origins), ("x", "shape?"), {"shape": INTEGERS},
        required=("shape",), reads=("shape",),
    ),
    "tile": Operator(
        tile, tile_shape, over(_tile_axes), ("x", "repeats?"), {"repeats": wholes(0, WIDEST)},
        required=("repeats",), reads=("repeats",),
    ),
}  # fmt: skip
