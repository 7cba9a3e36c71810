"""One number of many, along axes; sums are taken in float64."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .arithmetic import quiet
from .axes import axes_of, axis_of
from .operator import AXES, AXIS, FLAG, Operator
from .reach import Shape, Site, over, over_axis


def _axes(rank: int, axes: Any, none_is_none: bool) -> tuple[int, ...]:
    """All axes where none are given; with none_is_none: none."""
    if axes is None or np.size(axes) == 0:
        return () if none_is_none else tuple(range(rank))
    return axes_of(axes, rank)


def reduce_shape(
    x: Shape, axes: Any = None, *, keepdims: bool = True, none_is_none: bool = False
) -> Shape:
    at = _axes(len(x), axes, none_is_none)
    return tuple(1 if i in at else n for i, n in enumerate(x) if keepdims or i not in at)


def _reduce_axes(site: Site) -> tuple[int, ...]:
    none_is_none = bool(site.attributes.get("none_is_none"))
    return _axes(len(site.x), site.argument(1, "axes"), none_is_none)


def _reduce(formula: Callable[..., Any], text: str) -> Operator:
    @quiet
    def apply(
        x: np.ndarray, axes: Any = None, *, keepdims: bool = True, none_is_none: bool = False
    ) -> np.ndarray:
        at = _axes(x.ndim, axes, none_is_none)
        wide = x.astype(np.float64) if x.dtype.kind == "f" else x
        return np.asarray(formula(wide, axis=at, keepdims=bool(keepdims))).astype(x.dtype)

    apply.__doc__ = f"{text} over the axes (all where none are given)."
    attributes = {"axes": AXES, "keepdims": FLAG, "none_is_none": FLAG}
    return Operator(
        apply, reduce_shape, over(_reduce_axes), ("x", "axes?"), attributes, reads=("axes",)
    )


def _log_sum_exp(x: np.ndarray, **at: Any) -> np.ndarray:
    top = np.max(x, axis=at["axis"], keepdims=True)
    top = np.where(np.isfinite(top), top, 0)
    sums = np.log(np.sum(np.exp(x - top), **at))
    return sums + top.reshape(sums.shape)


def arg_shape(x: Shape, *, axis: int = 0, keepdims: bool = True, last: bool = False) -> Shape:
    return reduce_shape(x, [axis_of(axis, len(x))], keepdims=keepdims)


def arg_max(
    x: np.ndarray, *, axis: int = 0, keepdims: bool = True, last: bool = False
) -> np.ndarray:
    """int64 (A, 1, D) of (A, B, D), here for axis 1: where along it the largest number is.

    The first such one, or the `last`. Without keepdims (A, D).
    """
    found = np.argmax(np.flip(x, axis) if last else x, axis, keepdims=bool(keepdims))
    return x.shape[axis] - 1 - found if last else found


_ARG = {"axis": AXIS, "keepdims": FLAG, "last": FLAG}

OPERATORS = {
    "reduce_mean": _reduce(np.mean, "mean x"),
    "reduce_sum": _reduce(np.sum, "sum x"),
    "reduce_max": _reduce(np.max, "max x"),
    "reduce_min": _reduce(np.min, "min x"),
    "reduce_prod": _reduce(np.prod, "product of x"),
    "reduce_l1": _reduce(lambda x, **at: np.sum(np.abs(x), **at), "sum |x|"),
    "reduce_l2": _reduce(lambda x, **at: np.sqrt(np.sum(x * x, **at)), "sqrt(sum x^2)"),
    "reduce_sum_square": _reduce(lambda x, **at: np.sum(x * x, **at), "sum x^2"),
    "reduce_log_sum": _reduce(lambda x, **at: np.log(np.sum(x, **at)), "log(sum x)"),
    "reduce_log_sum_exp": _reduce(_log_sum_exp, "log(sum exp(x))"),
    "arg_max": Operator(arg_max, arg_shape, over_axis(0), ("x",), _ARG),
}
