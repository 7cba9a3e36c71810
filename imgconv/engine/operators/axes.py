"""Axes and broadcasting: what the shape rules of many operators share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from imgconv.errors import InputError

from .reach import Shape


def axis_of(axis: int, rank: int) -> int:
    """`axis` counted from the front; InputError where the array has no such axis."""
    if not -rank <= axis < max(rank, 1):
        raise InputError(f"found axis {axis}, allowed {-rank} to {rank - 1} for {rank} axes")
    return int(axis) % max(rank, 1)


def axes_of(axes: Sequence[int] | np.ndarray, rank: int) -> tuple[int, ...]:
    """Axes (n,), negative ones counted from the end, as numbers from 0 on in rising order.

    InputError where an array of `rank` axes has no such axis, and where one is named twice.
    """
    found = tuple(axis_of(int(axis), rank) for axis in np.ravel(np.asarray(axes)))
    if len(set(found)) < len(found):
        raise InputError(f"found axes {list(found)}, allowed each axis once")
    return tuple(sorted(found))


def broadcast(*shapes: Shape) -> Shape:
    """The shape of NumPy's broadcasting, of sizes of any length."""
    rank = max(len(shape) for shape in shapes)
    full = [(1,) * (rank - len(shape)) + tuple(shape) for shape in shapes]
    sizes = [{shape[axis] for shape in full} - {1} for axis in range(rank)]
    if any(len(each) > 1 for each in sizes):
        raise InputError(
            f"shapes {' and '.join(format_shape(shape) for shape in shapes)} do not fit together: "
            "an axis must be equal or 1"
        )
    return tuple(next(iter(each), 1) for each in sizes)


def same(x: Shape, *_: Any, **__: Any) -> Shape:
    """The shape rule of everything that works element by element."""
    return tuple(x)


def to_integers(values: Any) -> list[int]:
    """Sizes or positions, given as attribute or as a tensor."""
    return [int(value) for value in np.ravel(np.asarray(values))]


def format_shape(shape: Sequence[Any]) -> str:
    return "x".join("?" if size is None else str(size) for size in shape) or "a single number"


def along(vector: np.ndarray, axis: int, rank: int) -> np.ndarray:
    """A vector shaped so that it broadcasts along one axis: (n,) -> (1, n, 1, 1)."""
    return np.reshape(vector, [-1 if i == axis else 1 for i in range(rank)])
