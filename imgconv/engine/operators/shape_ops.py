"""What networks compute with shapes: integers, most of them known before anything runs."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from imgconv.errors import InputError

from .axes import same, to_integers
from .operator import NUMBER, RANK, Operator, choice, whole
from .reach import NOTHING, POINTWISE, Shape

TYPES = {"float32": np.float32, "int64": np.int64, "int32": np.int32, "bool": np.bool_}


def cast(x: np.ndarray, *, to: str) -> np.ndarray:
    """x, of any shape, in another type; fractions are cut off, bool is x != 0."""
    with np.errstate(invalid="ignore"):
        return x.astype(TYPES[to])


def shape_of_shape(x: Shape, *, start: int = 0, end: int | None = None) -> Shape:
    return (len(x[start:end]),)


def shape_of(x: np.ndarray, *, start: int = 0, end: int | None = None) -> np.ndarray:
    """int64 (n,): the sizes of the n axes of x from `start` to `end`."""
    return np.array(x.shape[start:end], np.int64)


def size(x: np.ndarray) -> np.ndarray:
    """int64 (): how many numbers x holds."""
    return np.array(x.size, np.int64)


def constant_of_shape_shape(shape: Any, **_: Any) -> Shape:
    found = tuple(to_integers(shape))
    if min(found, default=0) < 0:
        raise InputError(f"found the shape {list(found)}, allowed sizes from 0 on")
    return found


def constant_of_shape(shape: Any, *, value: float = 0, to: str = "float32") -> np.ndarray:
    """An array of the sizes `shape` (n,), `value` everywhere; InputError where one is negative."""
    return np.full(constant_of_shape_shape(shape), value, TYPES[to])


def range_shape(start: Any, limit: Any, delta: Any) -> Shape:
    first, last, step = (np.asarray(v).reshape(-1)[0].item() for v in (start, limit, delta))
    if step == 0 or not np.isfinite([first, last, step]).all():
        raise InputError(f"found a range from {first} to {last} by {step}")
    return (max(0, math.ceil((last - first) / step)),)


def range_(start: Any, limit: Any, delta: Any) -> np.ndarray:
    """(n,): start, start + delta, start + 2 delta, ... before limit.

    start, limit and delta are one number each; InputError where delta is 0 or one is not finite.
    """
    count = np.arange(*range_shape(start, limit, delta))
    first, step = (np.asarray(v).reshape(-1)[0] for v in (start, delta))
    return (first + count * step).astype(np.result_type(first, step))


OPERATORS = {
    "cast": Operator(cast, same, POINTWISE, ("x",), {"to": choice(*TYPES)}, required=("to",)),
    "shape": Operator(
        shape_of,
        shape_of_shape,
        NOTHING,
        ("x",),
        {"start": whole(-RANK, RANK), "end": whole(-RANK, RANK)},
    ),
    "size": Operator(size, lambda x: (), NOTHING, ("x",)),
    "constant_of_shape": Operator(
        constant_of_shape,
        constant_of_shape_shape,
        NOTHING,
        ("shape",),
        {"value": NUMBER, "to": choice(*TYPES)},
        reads=("shape",),
    ),
    "range": Operator(
        range_, range_shape, NOTHING, ("start", "limit", "delta"), reads=("start", "limit", "delta")
    ),
}
