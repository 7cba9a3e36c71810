"""Arithmetic, comparisons and functions, number by number, with NumPy's broadcasting."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .axes import broadcast, same
from .operator import FLAG, Fast, Operator
from .reach import POINTWISE, Shape

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
BLOCK = 1 << 13  # numbers at a time: all steps find them in the cache
TAIL = (0.254829592, -0.284496736, 1.421413741, -1.453152027, 1.061405429)


@quiet
def erf(x: np.ndarray) -> np.ndarray:
    """2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x, to within 2e-7: float32.

    Abramowitz and Stegun: the series 7.1.5 up to |x| = 1, then 7.1.26.
    """
    flat, y = x.reshape(-1), np.empty(x.size, np.float32)
    for i in range(0, x.size, BLOCK):
        y[i : i + BLOCK] = _erf(flat[i : i + BLOCK].astype(np.float64))
    return y.reshape(x.shape)


def _erf(x: np.ndarray) -> np.ndarray:
    size, square = np.abs(x), np.minimum(x * x, 1)
    t = 1 / (1 + 0.3275911 * size)
    near, far = np.zeros_like(x), np.zeros_like(x)
    for a in reversed(SERIES):
        near *= square
        near += a
    for a in reversed(TAIL):
        far += a
        far *= t
    return np.where(size < 1, x * near, np.copysign(1 - far * np.exp(-size * size), x))


def _plain(
    name: str, function: Callable[..., Any], formula: str, rule: Callable[..., Any], *x: str
) -> Operator:
    """An operator that NumPy has."""

    @quiet
    def apply(*arrays: np.ndarray) -> Any:
        return function(*arrays)

    apply.__doc__ = f"{formula}."
    return Operator(apply, rule, POINTWISE, x, fast=_COMBINED if name in COMBINED else None)


_COMBINED = Fast("elementwise.combination", clamps=True)
COMBINED = ("add", "sub", "mul")
TWO = {
    "add": (np.add, "x + y"),
    "sub": (np.subtract, "x - y"),
    "mul": (np.multiply, "x y"),
    "equal": (np.equal, "x = y"),
    "greater": (np.greater, "x > y"),
    "greater_or_equal": (np.greater_equal, "x >= y"),
    "less": (np.less, "x < y"),
    "less_or_equal": (np.less_equal, "x <= y"),
    "and": (np.logical_and, "x and y, each true where it is not 0"),
    "or": (np.logical_or, "x or y, each true where it is not 0"),
    "xor": (np.logical_xor, "either x or y, each true where it is not 0"),
}
ONE = {
    "abs": (np.abs, "|x|"),
    "ceil": (np.ceil, "the least whole number from x on"),
    "cos": (np.cos, "cos x"),
    "exp": (np.exp, "e^x"),
    "floor": (np.floor, "the greatest whole number up to x"),
    "log": (np.log, "ln x"),
    "neg": (np.negative, "-x"),
    "not": (np.logical_not, "true where x is 0"),
    "round": (np.rint, "the whole number next to x, the even one of two"),
    "sign": (np.sign, "-1, 0 or 1"),
    "sin": (np.sin, "sin x"),
    "sqrt": (np.sqrt, "the square root of x"),
}

OPERATORS = {
    **{name: _plain(name, *entry, _shape, "x", "y") for name, entry in TWO.items()},
    **{name: _plain(name, *entry, same, "x") for name, entry in ONE.items()},
    "div": Operator(div, _shape, POINTWISE, ("x", "y")),
    "pow": Operator(pow_, _shape, POINTWISE, ("x", "y")),
    "mod": Operator(mod, _shape, POINTWISE, ("x", "y"), {"truncated": FLAG}),
    "min": Operator(minimum, _shape, POINTWISE, ("x*",)),
    "max": Operator(maximum, _shape, POINTWISE, ("x*",)),
    "where": Operator(where, _shape, POINTWISE, ("condition", "x", "y")),
    "reciprocal": Operator(reciprocal, same, POINTWISE, ("x",)),
    "erf": Operator(erf, same, POINTWISE, ("x",)),
}
