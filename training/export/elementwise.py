"""Converters of what works number by number, and of sums and means along axes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from .building import Call, Operand, Unsupported, Value, number, open_size

Axes = int | Sequence[int] | None


def real(call: Call, given: Any) -> Operand:
    """An operand as float32: sizes and truth values are cast."""
    if isinstance(given, Tensor) and given.dtype == torch.bool:
        return given.float()
    exact = not isinstance(given, Value) or (not given.is_size and given.like.is_floating_point())
    return given if exact else call.add("cast", given, to="float32")


def unary(operator: str) -> Callable[..., str]:
    return lambda call, x: call.add(operator, x)


def pair(operator: str) -> Callable[..., str]:
    """x op alpha y."""

    def convert(call: Call, x: Operand, y: Operand, alpha: float = 1) -> str:
        y = real(call, y)
        if alpha != 1:
            y = call.add("mul", y, alpha)
        return call.add(operator, real(call, x), y)

    return convert


def subtracted(call: Call, x: Operand, y: Operand, alpha: float = 1) -> str:
    """y - alpha x."""
    return pair("sub")(call, y, x, alpha)


def divided(call: Call, x: Operand, y: Operand, rounding_mode: str | None = None) -> str:
    result = call.add("div", real(call, x), real(call, y))
    if rounding_mode == "trunc":
        raise Unsupported("rounds towards zero")
    return call.add("floor", result) if rounding_mode else result


def scaled_product(operator: str) -> Callable[..., str]:
    """x + value (y op z)."""

    def convert(call: Call, x: Operand, y: Operand, z: Operand, value: float = 1) -> str:
        product = call.add(operator, y, z)
        return call.add("add", x, product if value == 1 else call.add("mul", product, value))

    return convert


def reversed_root(call: Call, x: Value) -> str:
    return call.add("reciprocal", call.add("sqrt", x))


def clip(call: Call, x: Value, low: Any = None, high: Any = None) -> str:
    """Between two numbers, or tensors of them, either of which may be left out."""
    if isinstance(low, Value | Tensor) or isinstance(high, Value | Tensor):
        bounds = (("max", low), ("min", high))
        result: Operand = x
        for operator, bound in bounds:
            result = result if bound is None else call.add(operator, result, bound)
        return call.operand(result)
    given = {"low": low, "high": high}
    found = {k: float(v) for k, v in given.items() if v is not None and math.isfinite(v)}
    return call.add("clip", x, **found)


def leaky_relu(call: Call, x: Value, slope: float = 0.01) -> str:
    return call.add("leaky_relu", x, slope=number(slope, "slope"))


def random_leaky_relu(
    call: Call, x: Value, low: float = 1 / 8, high: float = 1 / 3, *_: Any
) -> str:
    """Outside training the slope is the middle of its range."""
    return call.add("leaky_relu", x, slope=(low + high) / 2)


def prelu(call: Call, x: Value, slope: Tensor) -> str:
    """One slope a channel, or one for all."""
    axes = (1,) * max(x.ndim - 2, 0)
    if isinstance(slope, Value):
        raise Unsupported("has slopes that are computed")
    shaped = slope.detach().reshape(-1, *axes)
    call.weights.setdefault(id(shaped), call.weights.get(id(slope), "slope"))
    return call.add("prelu", x, shaped)


def elu(call: Call, x: Value, alpha: float = 1, scale: float = 1, input_scale: float = 1) -> str:
    if input_scale != 1:
        raise Unsupported("scales its input")
    y = call.add("elu", x, alpha=float(alpha))
    return y if scale == 1 else call.add("mul", y, scale)


def softplus(call: Call, x: Value, beta: float = 1, threshold: float = 20) -> str:
    """log(1 + exp(beta x)) / beta; beyond the threshold it is x, which there differs by 2e-9."""
    if threshold < 15:
        raise Unsupported(f"is linear from {threshold} on")
    if beta == 1:
        return call.add("softplus", x)
    return call.add("div", call.add("softplus", call.add("mul", x, beta)), beta)


def log_sigmoid(call: Call, x: Value) -> str:
    return call.add("neg", call.add("softplus", call.add("neg", x)))


def threshold(call: Call, x: Value, limit: float, value: float) -> str:
    return call.add("where", call.add("greater", x, limit), x, value)


def gated(call: Call, x: Value, axis: int = -1) -> str:
    """One half of the channels times the sigmoid of the other (GLU)."""
    if open_size(x.shape[axis]):
        raise Unsupported("halves an open size")
    half = x.shape[axis] // 2
    y, gate = call.add_many("split", 2, x, sizes=[half, half], axis=axis)
    return call.add("mul", y, call.add("sigmoid", gate))


def softmax(operator: str) -> Callable[..., str]:
    return lambda call, x, axis, dtype=None: call.add(operator, x, axis=axis)


def comparison(operator: str, negated: bool = False) -> Callable[..., str]:
    def convert(call: Call, x: Operand, y: Operand) -> str:
        result = call.add(operator, real(call, x), real(call, y))
        return call.add("not", result) if negated else result

    return convert


def where(call: Call, condition: Operand, x: Operand, y: Operand) -> str:
    return call.add("where", condition, real(call, x), real(call, y))


def axes_of(x: Value, axes: Axes) -> list[int]:
    if axes is None or axes == []:
        return list(range(x.ndim))
    return [axes] if isinstance(axes, int) else list(axes)


def reduce(operator: str) -> Callable[..., str]:
    def convert(
        call: Call, x: Value, axes: Axes = None, keep: bool = False, dtype: Any = None
    ) -> str:
        return call.add(operator, real(call, x), axes=axes_of(x, axes), keepdims=keep)

    return convert


def reduce_with_index(operator: str) -> Callable[..., list[str]]:
    """max and min along an axis; the positions that PyTorch also returns are not exported."""

    def convert(call: Call, x: Value, axis: int, keep: bool = False) -> list[str]:
        return [call.add(operator, x, axes=[axis], keepdims=keep)]

    return convert


def arg_max(call: Call, x: Value, axis: int | None = None, keep: bool = False) -> str:
    if axis is None:
        raise Unsupported("looks through all axes at once")
    return call.add("arg_max", x, axis=axis, keepdims=keep)


def length(
    call: Call, x: Value, order: float = 2, axes: Axes = None, keep: bool = False, **_: Any
) -> str:
    operator = {1.0: "reduce_l1", 2.0: "reduce_l2"}.get(order)
    if operator is None:
        raise Unsupported(f"is a norm of order {order}")
    return call.add(operator, x, axes=axes_of(x, axes), keepdims=keep)


def variance(call: Call, x: Value, axes: Axes = None, *rest: Any, **more: Any) -> str:
    """mean((x - mean)^2) n / (n - correction)."""
    keep = more.get("keepdim", rest[-1] if len(rest) == 2 else False)
    correction = more.get("correction", more.get("unbiased", rest[0] if rest else 1))
    correction = 1 if correction is None else int(correction)
    at = axes_of(x, axes)
    centred = call.add("sub", x, call.add("reduce_mean", x, axes=at, keepdims=True))
    square = call.add("mul", centred, centred)
    mean = call.add("reduce_mean", square, axes=at, keepdims=keep)
    if not correction:
        return mean
    sizes = [x.shape[axis] for axis in at]
    if any(map(open_size, sizes)):
        raise Unsupported("is an unbiased variance over an open size (unbiased=False can be)")
    count = math.prod(sizes)
    return call.add("mul", mean, count / (count - correction))


def deviation(call: Call, *given: Any, **more: Any) -> str:
    return call.add("sqrt", variance(call, *given, **more))


SAME = (
    "relu", "sigmoid", "tanh", "silu", "mish", "exp", "log", "sqrt", "abs", "erf", "floor", "ceil",
    "round", "sign", "sin", "cos", "neg", "reciprocal", "selu",
)  # fmt: skip

CONVERTERS: dict[str, Callable[..., Any]] = {
    **{name: unary(name) for name in SAME},
    "hardswish": unary("hard_swish"), "logical_not": unary("not"),
    "hardsigmoid": lambda call, x: call.add("hard_sigmoid", x, alpha=1 / 6, beta=0.5),
    "gelu": lambda call, x, approximate="none": call.add("gelu", x, approximate=approximate),
    "relu6": lambda call, x: clip(call, x, 0, 6), "hardtanh": clip,
    "clamp": clip, "clip": clip, "clamp_min": clip,
    "clamp_max": lambda call, x, high: clip(call, x, None, high),
    "leaky_relu": leaky_relu, "rrelu": random_leaky_relu, "prelu": prelu, "elu": elu,
    "celu": lambda call, x, alpha=1.0: call.add("celu", x, alpha=float(alpha)),
    "softplus": softplus, "log_sigmoid": log_sigmoid, "threshold": threshold, "glu": gated,
    "softmax": softmax("softmax"), "log_softmax": softmax("log_softmax"),
    "_softmax": softmax("softmax"), "_log_softmax": softmax("log_softmax"),
    "add": pair("add"), "sub": pair("sub"), "mul": pair("mul"), "div": divided,
    "rsub": subtracted, "true_divide": divided,
    "pow": pair("pow"), "square": lambda call, x: call.add("mul", x, x), "rsqrt": reversed_root,
    "log1p": lambda call, x: call.add("log", call.add("add", x, 1)),
    "maximum": pair("max"), "minimum": pair("min"),
    "addcmul": scaled_product("mul"), "addcdiv": scaled_product("div"),
    "gt": comparison("greater"), "ge": comparison("greater_or_equal"), "lt": comparison("less"),
    "le": comparison("less_or_equal"), "eq": comparison("equal"),
    "ne": comparison("equal", negated=True),
    "logical_and": lambda call, x, y: call.add("and", x, y),
    "logical_or": lambda call, x, y: call.add("or", x, y), "where": where,
    "mean": reduce("reduce_mean"), "sum": reduce("reduce_sum"), "amax": reduce("reduce_max"),
    "amin": reduce("reduce_min"), "logsumexp": reduce("reduce_log_sum_exp"),
    "max.dim": reduce_with_index("reduce_max"), "min.dim": reduce_with_index("reduce_min"),
    "max": reduce("reduce_max"), "min": reduce("reduce_min"), "argmax": arg_max,
    "max.other": pair("max"), "min.other": pair("min"),
    "linalg_vector_norm": length, "var": variance, "std": deviation,
}  # fmt: skip
