"""Converters whose meaning has changed between ONNX's operator sets, and dense layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .calls import Call, Converter, Unsupported

TRAINING = "in training mode (export the network after .eval())"


def arithmetic(operator: str) -> Converter:
    """Before operator set 7 the second input could start at an axis of the first."""

    def convert(call: Call) -> None:
        second, axis = call.input(1), call.get("axis")
        if call.opset < 7 and axis is not None:
            behind = call.rank() - axis % call.rank() - call.rank(1)
            second = _with_axes_behind(call, second, behind)
        call.give(call.add(operator, call.input(0), second))

    return convert


def _with_axes_behind(call: Call, name: str, count: int) -> str:
    """Axes of size 1 after the last."""
    rank = len(call.building.shape(name))
    return call.add("unsqueeze", name, axes=[rank + n for n in range(count)]) if count > 0 else name


def prelu(call: Call) -> None:
    """Before operator set 7 a vector of slopes belonged to the channels."""
    slope = call.input(1)
    if call.opset < 7 and call.rank(1) == 1 and call.shape(1) != (1,):
        slope = _with_axes_behind(call, slope, call.rank() - 2)
    call.give(call.add("prelu", call.input(0), slope))


def clip(call: Call) -> None:
    """Limits are attributes before operator set 11, inputs from then on."""
    limits = {"low": call.get("min"), "high": call.get("max")}
    found = {name: float(limit) for name, limit in limits.items() if limit is not None}
    call.give(call.add("clip", *call.first_inputs(3), **found))


def along_axis(operator: str) -> Converter:
    """Over one axis from operator set 13 on; before, over all from that one on, as if one."""

    def convert(call: Call) -> None:
        rank = max(call.rank(), 1)
        axis = int(call.get("axis", -1 if call.opset >= 13 else 1)) % rank
        behind = call.shape()[axis + 1 :]
        if call.opset >= 13 or not behind or (call.building.exact and set(behind) == {1}):
            call.give(call.add(operator, call.input(0), axis=axis))
            return
        flat = call.add("flatten", call.input(0), axis=axis)
        sizes = call.add("shape", call.input(0))
        call.give(call.add("reshape", call.add(operator, flat, axis=1), sizes))

    return convert


def gemm(call: Call) -> None:
    """alpha A' B' + beta C, as a dense layer: of weights (K, C) and a bias (K,)."""
    x, weights, bias = call.input(0), call.input(1), call.input(2)
    if call.get("transA", 0):
        x = call.add("transpose", x, permutation=[1, 0])
    if not call.get("transB", 0):
        weights = call.add("transpose", weights, permutation=[1, 0])
    weights = _multiply(call, weights, call.get("alpha", 1.0))
    results = call.building.shape(weights)[0]
    if not bias:
        call.give(call.add("dense", x, weights))
        return
    bias = _multiply(call, bias, call.get("beta", 1.0))
    if int(np.prod(call.building.shape(bias)[:-1])) > 1 or _is_column(call, bias, results):
        call.give(call.add("add", call.add("dense", x, weights), bias))
        return
    row = call.add("expand", call.add("reshape", bias, shape=[-1]), shape=[results])
    call.give(call.add("dense", x, weights, row))


def _is_column(call: Call, bias: str, results: int) -> bool:
    """A bias that cannot be spread to (results,)."""
    return int(np.prod(call.building.shape(bias))) not in (1, results)


def _multiply(call: Call, name: str, factor: float) -> str:
    return name if factor == 1 else call.add("mul", name, call.const(factor))


def matmul(call: Call) -> None:
    """A dense layer where the second matrix is one of weights."""
    weights = call.constant(1)
    if weights is not None and weights.ndim == 2 and call.rank() > 1:
        turned = call.add("transpose", call.input(1), permutation=[1, 0])
        call.give(call.add("dense", call.input(0), turned))
        return
    call.give(call.add("matmul", *call.inputs))


def batch_norm(call: Call) -> None:
    """Statistics are given; old operator sets have flags for other ways."""
    if call.get("training_mode", 0) or (call.opset < 7 and not call.get("is_test", 0)):
        raise Unsupported(TRAINING)
    if not call.get("spatial", 1):
        raise Unsupported("with spatial=0")
    call.single_output(TRAINING)
    call.give(call.add("batch_norm", *call.inputs[:5], epsilon=float(call.get("epsilon", 1e-5))))


def group_norm(call: Call) -> None:
    """Scale and bias belong to the groups in operator set 18, to the channels from 21 on."""
    groups, channels = int(call.get("num_groups")), call.shape()[1]
    scale, bias = call.inputs[1:3]
    if call.opset < 21 and groups > 0:
        scale, bias = (_repeat(call, name, groups, channels // groups) for name in (scale, bias))
    epsilon = float(call.get("epsilon", 1e-5))
    call.give(call.add("group_norm", call.input(0), scale, bias, groups=groups, epsilon=epsilon))


def _repeat(call: Call, name: str, groups: int, times: int) -> str:
    """(groups,) -> (groups * times,), each `times` in a row."""
    wide = call.add("expand", call.add("reshape", name, shape=[groups, 1]), shape=[groups, times])
    return call.add("reshape", wide, shape=[groups * times])


def layer_norm(call: Call) -> None:
    """The mean and 1 / deviation, where they are wanted too, are computed beside it."""
    axis, epsilon = int(call.get("axis", -1)), float(call.get("epsilon", 1e-5))
    result = call.add("layer_norm", *call.first_inputs(3), axis=axis, epsilon=epsilon)
    if not any(map(call.building.is_used, call.outputs[1:])):
        call.give(result)
        return
    axes = list(range(axis % call.rank(), call.rank()))
    mean = call.add("reduce_mean", call.input(0), axes=axes)
    apart = call.add("sub", call.input(0), mean)
    variance = call.add("reduce_mean", call.add("mul", apart, apart), axes=axes)
    deviation = call.add("sqrt", call.add("add", variance, call.const(epsilon)))
    call.give(result, mean, call.add("reciprocal", deviation))


def upsample(call: Call) -> None:
    """Scales are an attribute in operator set 7, an input in 9."""
    scales = call.get("scales")
    _resize_of_old(call, call.input(1) if scales is None else call.const(scales))


def resize(call: Call) -> None:
    """Inputs x and scales in operator set 10; x, region, scales, sizes from 11 on."""
    if call.opset < 11:
        _resize_of_old(call, call.input(1))
        return
    found: dict[str, Any] = {
        "mode": call.get("mode", "nearest"),
        "coordinates": call.get("coordinate_transformation_mode", "half_pixel"),
    }
    if found["mode"] == "nearest":
        found["rounding"] = call.get("nearest_mode", "round_prefer_floor")
    for ours, (theirs, as_type) in FURTHER.items():
        if theirs in call.attributes:
            found[ours] = as_type(call.get(theirs))
    region = call.input(1) if found["coordinates"] == "tf_crop_and_resize" else ""
    scales, sizes = _unless_empty(call, 2), _unless_empty(call, 3)
    call.give(call.add("resize", call.input(0), "" if sizes else scales, sizes, region, **found))


FURTHER: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "cubic": ("cubic_coeff_a", float),
    "exclude_outside": ("exclude_outside", bool),
    "antialias": ("antialias", bool),
    "extrapolation": ("extrapolation_value", float),
    "axes": ("axes", lambda values: [int(n) for n in values]),
    "keep": ("keep_aspect_ratio_policy", str),
}  # of resize: ours, ONNX's


def _unless_empty(call: Call, index: int) -> str:
    """An empty array was how an input was left out."""
    value = call.constant(index)
    return call.input(index) if value is None or value.size else ""


def _resize_of_old(call: Call, scales: str) -> None:
    """First pixels fall on each other; nearest rounds down, or up where the image shrinks."""
    known = call.building.number(scales)
    if known is None:
        raise Unsupported("with scales computed from the image")
    found: dict[str, Any] = {"mode": {"bilinear": "linear"}.get(call.get("mode"), call.get("mode"))}
    if found["mode"] in (None, "nearest"):
        found |= {"mode": "nearest", "rounding": "ceil" if (known < 1).any() else "floor"}
    call.give(call.add("resize", call.input(0), scales, coordinates="asymmetric", **found))


CONVERTERS: dict[str, Converter] = {
    "Add": arithmetic("add"),
    "BatchNormalization": batch_norm,
    "Clip": clip,
    "Div": arithmetic("div"),
    "Gemm": gemm,
    "GroupNormalization": group_norm,
    "LayerNormalization": layer_norm,
    "LogSoftmax": along_axis("log_softmax"),
    "MatMul": matmul,
    "Mul": arithmetic("mul"),
    "PRelu": prelu,
    "Pow": arithmetic("pow"),
    "Resize": resize,
    "Softmax": along_axis("softmax"),
    "Sub": arithmetic("sub"),
    "Upsample": upsample,
}
