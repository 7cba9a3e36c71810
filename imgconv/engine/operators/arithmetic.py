"""Arithmetic, comparisons and functions, number by number, with NumPy's broadcasting."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .axes import broadcast, same
from .operator import FLAG, Operator, Shape

quiet = np.errstate(all="ignore")  # infinities and NaN are results, as in every network library


def _shape(*shapes: Shape, **_: Any) -> Shape:
    return broadcast(*shapes)


@quiet
def div(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """x / y; of integers the quotient without its fraction, rounded towards zero."""
    if np.result_type(x, y).kind not in "iub":
        return np.divide(x, y)
    y = np.where(y == 0, 1, y)
    return (np.sign(x) * np.sign(y) * (np.abs(x) // np.abs(y))).astype(np.result_type(x, y))


@quiet
def pow_(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """x^y, in the type of x."""
    if x.dtype.kind in "iu" and (y.dtype.kind == "f" or np.any(y < 0)):
        return np.power(x.astype(np.float64), y).astype(x.dtype)
    return np.power(x, y.astype(x.dtype))


@quiet
def mod(x: np.ndarray, y: np.ndarray, *, truncated: bool = False) -> np.ndarray:
    """x - y floor(x / y), with the sign of y; `truncated`: of x (C's fmod)."""
    return np.fmod(x, y) if truncated else np.mod(x, y)


def minimum(*x: np.ndarray) -> np.ndarray:
    """The least of all, place by place."""
    return functools.reduce(np.minimum, x)


def maximum(*x: np.ndarray) -> np.ndarray:
    """The greatest of all, place by place."""
    return functools.reduce(np.maximum, x)


def where(condition: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """x where the condition is not 0, y elsewhere."""
    return np.where(condition != 0, x, y)


@quiet
def reciprocal(x: np.ndarray) -> np.ndarray:
    """1 / x."""
    return np.float32(1) / x


SERIES = [2 / math.sqrt(math.pi) * (-1) ** n / (math.factorial(n) * (2 * n + 1)) for n in range(13)]
TAIL = (0.254829592, -0.284496736, 1.421413741, -1.453152027, 1.061405429)


@quiet
def erf(x: np.ndarray) -> np.ndarray:
    """2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x, to within 2e-7.

    Abramowitz and Stegun: the series 7.1.5 up to |x| = 1, then 7.1.26.
    """
    wide = x.astype(np.float64)
    size, square = np.abs(wide), np.minimum(wide * wide, 1)
    t = 1 / (1 + 0.3275911 * size)
    near, far = np.zeros_like(wide), np.zeros_like(wide)
    for a in reversed(SERIES):
        near = near * square + a
    for a in reversed(TAIL):
        far = (far + a) * t
    beyond = np.copysign(1 - far * np.exp(-size * size), wide)
    return np.where(size < 1, wide * near, beyond).astype(np.float32)


def _of_two(function: Callable[..., Any]) -> Operator:
    return Operator(quiet(lambda x, y: function(x, y)), _shape, ("x", "y"))


def _of_one(function: Callable[..., Any]) -> Operator:
    return Operator(quiet(lambda x: function(x)), same, ("x",))


OPERATORS = {
    **{name: _of_two(function) for name, function in {
        "add": np.add, "sub": np.subtract, "mul": np.multiply,
        "equal": np.equal, "greater": np.greater, "greater_or_equal": np.greater_equal,
        "less": np.less, "less_or_equal": np.less_equal,
        "and": np.logical_and, "or": np.logical_or, "xor": np.logical_xor,
    }.items()},
    **{name: _of_one(function) for name, function in {
        "abs": np.abs, "ceil": np.ceil, "cos": np.cos, "exp": np.exp, "floor": np.floor,
        "log": np.log, "neg": np.negative, "not": np.logical_not, "round": np.rint,
        "sign": np.sign, "sin": np.sin, "sqrt": np.sqrt,
    }.items()},
    "div": Operator(div, _shape, ("x", "y")),
    "pow": Operator(pow_, _shape, ("x", "y")),
    "mod": Operator(mod, _shape, ("x", "y"), {"truncated": FLAG}),
    "min": Operator(minimum, _shape, ("x*",)),
    "max": Operator(maximum, _shape, ("x*",)),
    "where": Operator(where, _shape, ("condition", "x", "y")),
    "reciprocal": Operator(reciprocal, same, ("x",)),
    "erf": Operator(erf, same, ("x",)),
}  # fmt: skip
