"""Activations: what follows a convolution, number by number (softmax: along an axis)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from imgconv.errors import InputError

from .arithmetic import erf, quiet
from .axes import axis_of, broadcast, format_shape, same
from .operator import AXIS, NUMBER, Clamp, Fast, Operator, choice
from .reach import POINTWISE, Shape, over_axis

f32 = np.float32


def relu(x: np.ndarray) -> np.ndarray:
    """max(x, 0)."""
    return np.maximum(x, f32(0))


def leaky_relu(x: np.ndarray, *, slope: float = 0.01) -> np.ndarray:
    """x where x >= 0, slope x below."""
    return np.where(x < 0, f32(slope) * x, x)


def prelu(x: np.ndarray, slope: np.ndarray) -> np.ndarray:
    """x where x >= 0, slope x below; the slope broadcasts, (C, 1, 1) is one a channel."""
    return np.where(x < 0, slope * x, x)


def prelu_shape(x: Shape, slope: Shape) -> Shape:
    if broadcast(x, slope) != tuple(x):
        raise InputError(
            f"found slopes of shape {format_shape(slope)}, the input is {format_shape(x)}"
        )
    return tuple(x)


@quiet
def elu(x: np.ndarray, *, alpha: float = 1.0) -> np.ndarray:
    """x where x >= 0, alpha (exp(x) - 1) below."""
    return np.where(x < 0, f32(alpha) * np.expm1(np.minimum(x, f32(0))), x)


def selu(
    x: np.ndarray, *, alpha: float = 1.6732632423543772, gamma: float = 1.0507009873554805
) -> np.ndarray:
    """gamma elu(x, alpha)."""
    return f32(gamma) * elu(x, alpha=alpha)


@quiet
def celu(x: np.ndarray, *, alpha: float = 1.0) -> np.ndarray:
    """x where x >= 0, alpha (exp(x / alpha) - 1) below."""
    return np.where(x < 0, f32(alpha) * np.expm1(np.minimum(x, f32(0)) / f32(alpha)), x)


@quiet
def sigmoid(x: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-x)), from exp(-|x|), which never overflows."""
    e = np.exp(-np.abs(x))
    return np.where(x < 0, e, f32(1)) / (f32(1) + e)


def tanh(x: np.ndarray) -> np.ndarray:
    """(exp(x) - exp(-x)) / (exp(x) + exp(-x))."""
    return np.tanh(x)


@quiet
def gelu(x: np.ndarray, *, approximate: str = "none") -> np.ndarray:
    """x (1 + erf(x / sqrt 2)) / 2; tanh: x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2."""
    if approximate == "tanh":
        inner = f32(np.sqrt(2 / np.pi)) * (x + f32(0.044715) * x * x * x)
        return f32(0.5) * x * (f32(1) + np.tanh(inner))
    return f32(0.5) * x * (f32(1) + erf(x * f32(np.sqrt(0.5))))


def silu(x: np.ndarray) -> np.ndarray:
    """x sigmoid(x)."""
    return x * sigmoid(x)


@quiet
def softplus(x: np.ndarray) -> np.ndarray:
    """log(1 + exp(x)) = max(x, 0) + log(1 + exp(-|x|))."""
    return np.maximum(x, f32(0)) + np.log1p(np.exp(-np.abs(x)))


def softsign(x: np.ndarray) -> np.ndarray:
    """x / (1 + |x|)."""
    return x / (f32(1) + np.abs(x))


def mish(x: np.ndarray) -> np.ndarray:
    """x tanh(softplus(x))."""
    return x * np.tanh(softplus(x))


def hard_sigmoid(x: np.ndarray, *, alpha: float = 0.2, beta: float = 0.5) -> np.ndarray:
    """max(0, min(1, alpha x + beta))."""
    return np.clip(f32(alpha) * x + f32(beta), f32(0), f32(1))


def hard_swish(x: np.ndarray) -> np.ndarray:
    """x max(0, min(1, x / 6 + 1/2))."""
    return x * hard_sigmoid(x, alpha=1 / 6, beta=0.5)


def thresholded_relu(x: np.ndarray, *, alpha: float = 1.0) -> np.ndarray:
    """x where x > alpha, 0 elsewhere."""
    return np.where(x > f32(alpha), x, f32(0))


def clip_shape(x: Shape, low: Any = None, high: Any = None) -> Shape:
    """The bounds are shapes, or attributes."""
    for bound in (low, high):
        if isinstance(bound, tuple) and math.prod(bound) != 1:
            raise InputError(f"found a bound of {format_shape(bound)}, allowed one number")
    return tuple(x)


def clip(x: np.ndarray, low: Any = None, high: Any = None) -> np.ndarray:
    """min(max(x, low), high), either may be left out; high where low > high."""
    if low is not None:
        x = np.maximum(x, np.asarray(low, x.dtype).reshape(()))
    return x if high is None else np.minimum(x, np.asarray(high, x.dtype).reshape(()))


@quiet
def softmax(x: np.ndarray, *, axis: int = -1) -> np.ndarray:
    """exp(x) / sum exp(x) along an axis of x, which has any shape.

    The maximum is taken off before, which changes nothing but keeps exp from overflowing.
    """
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True, dtype=np.float64).astype(f32)


@quiet
def log_softmax(x: np.ndarray, *, axis: int = -1) -> np.ndarray:
    """x - log sum exp(x) along an axis of x, which has any shape."""
    shifted = x - x.max(axis, keepdims=True)
    sums = np.exp(shifted).sum(axis, keepdims=True, dtype=np.float64)
    return shifted - np.log(sums).astype(f32)


def along_axis_shape(x: Shape, *, axis: int = -1) -> Shape:
    axis_of(axis, len(x))
    return tuple(x)


def _clip_clamp(x: None, low: Any = None, high: Any = None) -> Clamp:
    """The clamp where the bounds are numbers, or arrays of one."""
    bounds = Clamp()
    return Clamp(
        low=bounds.low if low is None else float(np.asarray(low).reshape(())),
        high=bounds.high if high is None else float(np.asarray(high).reshape(())),
    )


_ALPHA, _X = {"alpha": NUMBER}, ("x",)
_FAST, _AXIS = Fast("elementwise.activation"), {"axis": AXIS}

OPERATORS = {
    "relu": Operator(relu, same, POINTWISE, _X, fast=_FAST, clamp=lambda x: Clamp(low=0.0)),
    "leaky_relu": Operator(
        leaky_relu, same, POINTWISE, _X, {"slope": NUMBER},
        fast=_FAST, clamp=lambda x, *, slope=0.01: Clamp(slope),
    ),
    "prelu": Operator(
        prelu, prelu_shape, POINTWISE, ("x", "slope"), fast=Fast("elementwise.prelu")
    ),
    "elu": Operator(elu, same, POINTWISE, _X, _ALPHA),
    "selu": Operator(selu, same, POINTWISE, _X, {**_ALPHA, "gamma": NUMBER}),
    "celu": Operator(celu, same, POINTWISE, _X, _ALPHA),
    "sigmoid": Operator(sigmoid, same, POINTWISE, _X, fast=_FAST),
    "tanh": Operator(tanh, same, POINTWISE, _X, fast=_FAST),
    "gelu": Operator(
        gelu, same, POINTWISE, _X, {"approximate": choice("none", "tanh")}, fast=_FAST
    ),
    "silu": Operator(silu, same, POINTWISE, _X, fast=_FAST),
    "softplus": Operator(softplus, same, POINTWISE, _X),
    "softsign": Operator(softsign, same, POINTWISE, _X),
    "mish": Operator(mish, same, POINTWISE, _X),
    "hard_sigmoid": Operator(hard_sigmoid, same, POINTWISE, _X, {**_ALPHA, "beta": NUMBER}),
    "hard_swish": Operator(hard_swish, same, POINTWISE, _X),
    "thresholded_relu": Operator(thresholded_relu, same, POINTWISE, _X, _ALPHA),
    "clip": Operator(
        clip, clip_shape, POINTWISE, ("x", "low?", "high?"), {"low": NUMBER, "high": NUMBER},
        fast=_FAST, clamp=_clip_clamp,
    ),
    "softmax": Operator(softmax, along_axis_shape, over_axis(-1), _X, _AXIS),
    "log_softmax": Operator(log_softmax, along_axis_shape, over_axis(-1), _X, _AXIS),
}  # fmt: skip
