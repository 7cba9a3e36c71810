"""Normalisations; means and variances are summed in float64."""

from __future__ import annotations

from typing import Any

import numpy as np

from imgconv.errors import InputError

from .axes import along, axis_of, broadcast, format_shape
from .operator import AXIS, COUNT, NUMBER, POSITIVE, Fast, Operator, choice
from .reach import CHANNELS, WHOLE, Shape, Site, over, over_axis


def _per_channel(x: Shape, *vectors: Shape | None) -> Shape:
    if len(x) < 2:
        raise InputError(
            f"found an input of shape {format_shape(x)}, allowed (batch, channels, ...)"
        )
    for vector in vectors:
        if vector is not None and tuple(vector) != (x[1],):
            raise InputError(f"found {format_shape(vector)} numbers for {x[1]} channels")
    return tuple(x)


def batch_norm_shape(
    x: Shape, scale: Shape, bias: Shape, mean: Shape, variance: Shape, **_: Any
) -> Shape:
    return _per_channel(x, scale, bias, mean, variance)


def batch_norm(
    x: np.ndarray,
    scale: np.ndarray,
    bias: np.ndarray,
    mean: np.ndarray,
    variance: np.ndarray,
    *,
    epsilon: float = 1e-5,
) -> np.ndarray:
    """y[n,c] = scale[c] (x[n,c] - mean[c]) / sqrt(variance[c] + epsilon) + bias[c].

    x (N, C, H, W) or of other further axes, all others (C,) (Ioffe, Szegedy 2015).
    """
    batch_norm_shape(x.shape, scale.shape, bias.shape, mean.shape, variance.shape)
    factor = scale / np.sqrt(variance.astype(np.float64) + epsilon)
    y = x - along(mean, 1, x.ndim)
    y *= along(factor.astype(np.float32), 1, x.ndim)
    y += along(bias, 1, x.ndim)
    return y


def _standardise(x: np.ndarray, axes: tuple[int, ...], epsilon: float) -> np.ndarray:
    """(x - mean) / sqrt(variance + epsilon) over the axes."""
    y = x - x.mean(axes, dtype=np.float64, keepdims=True)
    variance = np.mean(y * y, axes, keepdims=True)
    return (y / np.sqrt(variance + epsilon)).astype(np.float32)


def instance_norm_shape(x: Shape, scale: Shape, bias: Shape, **_: Any) -> Shape:
    return _per_channel(x, scale, bias)


def instance_norm(
    x: np.ndarray, scale: np.ndarray, bias: np.ndarray, *, epsilon: float = 1e-5
) -> np.ndarray:
    """scale[c] (x - mean) / sqrt(variance + epsilon) + bias[c]; moments of x[n,c] over space.

    x (N, C, H, W) or of other spatial axes, scale and bias (C,) (Ulyanov, Vedaldi, Lempitsky
    2016).
    """
    instance_norm_shape(x.shape, scale.shape, bias.shape)
    y = _standardise(x, tuple(range(2, x.ndim)), epsilon)
    return y * along(scale, 1, x.ndim) + along(bias, 1, x.ndim)


def group_norm_shape(x: Shape, scale: Shape, bias: Shape, *, groups: int, **_: Any) -> Shape:
    if len(x) > 1 and x[1] % groups:
        raise InputError(f"found {groups} groups, allowed a divisor of {x[1]} channels")
    return _per_channel(x, scale, bias)


def group_norm(
    x: np.ndarray, scale: np.ndarray, bias: np.ndarray, *, groups: int, epsilon: float = 1e-5
) -> np.ndarray:
    """As instance_norm, with moments over space and the C / groups channels of a group.

    x (N, C, H, W) or of other spatial axes, scale and bias (C,) (Wu, He 2018).
    """
    group_norm_shape(x.shape, scale.shape, bias.shape, groups=groups)
    y = _standardise(x.reshape(x.shape[0], groups, -1), (2,), epsilon).reshape(x.shape)
    return y * along(scale, 1, x.ndim) + along(bias, 1, x.ndim)


def layer_norm_shape(
    x: Shape, scale: Shape, bias: Shape | None = None, *, axis: int = -1, **_: Any
) -> Shape:
    inner = tuple(x[axis_of(axis, len(x)) :])
    for found in (scale, bias):
        if found is not None and broadcast(inner, found) != inner:
            raise InputError(
                f"found weights of shape {format_shape(found)}, allowed {format_shape(inner)}"
            )
    return tuple(x)


def layer_norm(
    x: np.ndarray,
    scale: np.ndarray,
    bias: np.ndarray | None = None,
    *,
    axis: int = -1,
    epsilon: float = 1e-5,
) -> np.ndarray:
    """scale (x - mean) / sqrt(variance + epsilon) + bias; moments over `axis` and all after it.

    x (..., A, B), scale and bias (A, B) or what broadcasts to it, where A is that axis (Ba, Kiros,
    Hinton 2016).
    """
    layer_norm_shape(x.shape, scale.shape, None if bias is None else bias.shape, axis=axis)
    y = _standardise(x, tuple(range(axis_of(axis, x.ndim), x.ndim)), epsilon) * scale
    return y if bias is None else y + bias


def local_response_norm(
    x: np.ndarray, *, size: int, alpha: float = 1e-4, beta: float = 0.75, bias: float = 1.0
) -> np.ndarray:
    """y[n,c] = x[n,c] / (bias + alpha / size * sum_m x[n,m]^2)^beta.

    m runs over `size` channels from c - (size - 1) // 2 on, those that exist (Krizhevsky 2012).
    """
    channels = _per_channel(x.shape)[1]
    squares, sums = x * x, np.zeros_like(x)
    first = -((size - 1) // 2)
    for shift in range(max(first, 1 - channels), min(first + size, channels)):
        low, high = max(0, -shift), channels - max(0, shift)
        sums[:, low:high] += squares[:, low + shift : high + shift]
    sums *= np.float32(alpha / size)
    sums += np.float32(bias)
    return x / sums ** np.float32(beta)


def local_response_norm_shape(x: Shape, **_: Any) -> Shape:
    return _per_channel(x)


def lp_norm_shape(x: Shape, *, axis: int = -1, p: int = 2) -> Shape:
    axis_of(axis, len(x))
    return tuple(x)


def lp_norm(x: np.ndarray, *, axis: int = -1, p: int = 2) -> np.ndarray:
    """x / (sum |x|^p)^(1/p) along an axis of x, p = 1 or 2: float32; 0 where all are 0."""
    size = np.abs(x.astype(np.float64))
    length = (size**p).sum(axis, keepdims=True) ** (1 / p)
    return (x / np.where(length == 0, 1, length)).astype(np.float32)


def _layer_axes(site: Site) -> range:
    rank = len(site.x)
    return range(axis_of(site.attributes.get("axis", -1), rank), rank)


_AFFINE, _EPSILON = ("x", "scale", "bias"), {"epsilon": POSITIVE}

OPERATORS = {
    "batch_norm": Operator(
        batch_norm, batch_norm_shape, CHANNELS, (*_AFFINE, "mean", "variance"),
        {"epsilon": NUMBER}, fast=Fast("elementwise.batch_norm", clamps=True),
    ),
    "instance_norm": Operator(instance_norm, instance_norm_shape, WHOLE, _AFFINE, _EPSILON),
    "group_norm": Operator(
        group_norm,
        group_norm_shape,
        WHOLE,
        _AFFINE,
        {**_EPSILON, "groups": COUNT},
        required=("groups",),
    ),
    "layer_norm": Operator(
        layer_norm, layer_norm_shape, over(_layer_axes), ("x", "scale", "bias?"),
        {**_EPSILON, "axis": AXIS},
    ),
    "local_response_norm": Operator(
        local_response_norm,
        local_response_norm_shape,
        CHANNELS,
        ("x",),
        {"size": COUNT, "alpha": NUMBER, "beta": NUMBER, "bias": NUMBER},
        required=("size",),
    ),
    "lp_norm": Operator(
        lp_norm, lp_norm_shape, over_axis(-1), ("x",), {"axis": AXIS, "p": choice(1, 2)}
    ),
}  # fmt: skip
