"""Converters of other layers: normalisations, dense layers, resizing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from .building import Call, Operand, Unsupported, Value, open_size


def filled(call: Call, given: Operand, like: Tensor | int, number: float) -> Operand:
    """A vector that a layer without one of its own would have."""
    if given is not None:
        return given
    size = like if isinstance(like, int) else like.numel()
    return torch.full((size,), number)


def channels(x: Value) -> int:
    if open_size(x.shape[1]):
        raise Unsupported("normalises an open number of channels")
    return int(x.shape[1])


def batch_norm(
    call: Call, x: Value, w: Operand, b: Operand, mean: Tensor | None, variance: Tensor | None,
    training: bool, momentum: float, epsilon: float, cudnn: bool = True,
) -> str:  # fmt: skip
    if training or mean is None:
        raise Unsupported("normalises by the batch at hand (track_running_stats=False)")
    scale, bias = filled(call, w, mean, 1), filled(call, b, mean, 0)
    return call.add("batch_norm", x, scale, bias, mean, variance, epsilon=epsilon)


def batch_norm_no_training(
    call: Call, x: Value, w: Operand, b: Operand, mean: Tensor, variance: Tensor,
    momentum: float, epsilon: float,
) -> list[str]:  # fmt: skip
    return [batch_norm(call, x, w, b, mean, variance, False, momentum, epsilon)]


def instance_norm(
    call: Call, x: Value, w: Operand, b: Operand, mean: Tensor | None, variance: Tensor | None,
    use_input: bool, momentum: float, epsilon: float, cudnn: bool,
) -> str:  # fmt: skip
    if not use_input:
        return batch_norm(call, x, w, b, mean, variance, False, momentum, epsilon)
    scale, bias = filled(call, w, channels(x), 1), filled(call, b, channels(x), 0)
    return call.add("instance_norm", x, scale, bias, epsilon=epsilon)


def group_norm(
    call: Call, x: Value, groups: int, w: Operand = None, b: Operand = None,
    epsilon: float = 1e-5, cudnn: bool = True,
) -> str:  # fmt: skip
    scale, bias = filled(call, w, channels(x), 1), filled(call, b, channels(x), 0)
    return call.add("group_norm", x, scale, bias, groups=groups, epsilon=epsilon)


def layer_norm(
    call: Call, x: Value, shape: Sequence[int], w: Operand = None, b: Operand = None,
    epsilon: float = 1e-5, cudnn: bool = True,
) -> str:  # fmt: skip
    if any(isinstance(size, Value) for size in shape):
        raise Unsupported("normalises over an open size")
    scale = torch.ones(list(shape)) if w is None else w
    return call.add("layer_norm", x, scale, b, axis=-len(shape), epsilon=epsilon)


def rms_norm(
    call: Call, x: Value, shape: Sequence[int], w: Operand = None, epsilon: float | None = None
) -> str:
    """w x / sqrt(mean(x^2) + epsilon)."""
    tiny = torch.finfo(torch.float32).eps if epsilon is None else epsilon
    square = call.add("mul", x, x)
    mean = call.add("reduce_mean", square, axes=list(range(-len(shape), 0)), keepdims=True)
    root = call.add("sqrt", call.add("add", mean, tiny))
    y = call.add("div", x, root)
    return y if w is None else call.add("mul", y, w)


def local_response_norm(
    call: Call, x: Value, size: int, alpha: float, beta: float, bias: float
) -> str:
    if size % 2 == 0:
        raise Unsupported("normalises over an even number of channels")
    return call.add("local_response_norm", x, size=size, alpha=alpha, beta=beta, bias=bias)


def dense(call: Call, x: Value, w: Tensor, b: Operand = None) -> str:
    return call.add("dense", x, w, b)


def resize(mode: str, coordinates: str, **more: Any) -> Callable[..., str]:
    """Interpolation to given sizes or by given factors; those decide where pixels lie."""

    def convert(call: Call, x: Value, sizes: Sequence[Any] | None, *rest: Any) -> str:
        aligned, scales = rest if len(rest) == 2 else (False, rest[0])
        found = {
            "mode": mode,
            "coordinates": "align_corners" if aligned else coordinates,
            "axes": list(range(2, x.ndim)),
            **more,
        }
        if scales is not None:
            return call.add("resize", x, scales=[float(s) for s in scales], **found)
        assert sizes is not None
        factors = [multiple_of(to, size) for to, size in zip(sizes, x.shape[2:], strict=True)]
        if all(factors) and not aligned:
            return call.add("resize", x, scales=factors, **found)
        vector = call.vector(sizes)
        if isinstance(vector, str):
            return call.add("resize", x, None, vector, **found)
        return call.add("resize", x, sizes=vector, **found)

    return convert


def multiple_of(wanted: Any, size: Any) -> float:
    """wanted / size where that is a whole number for every size of the input, else 0.

    A fixed factor, unlike a fixed size, can be computed tile by tile.
    """
    wanted = wanted.like if isinstance(wanted, Value) else wanted
    if isinstance(wanted, int) or isinstance(size, int):
        fixed = isinstance(wanted, int) and isinstance(size, int) and wanted % size == 0
        return wanted / size if fixed else 0
    ratio = wanted.node.expr / size.node.expr
    return float(ratio) if ratio.is_Integer else 0


def shuffle(operator: str) -> Callable[..., str]:
    return lambda call, x, block: call.add(operator, x, block=block, order="CRD")


CONVERTERS: dict[str, Callable[..., Any]] = {
    "local_response_norm": local_response_norm,
    "batch_norm": batch_norm, "_native_batch_norm_legit_no_training": batch_norm_no_training,
    "instance_norm": instance_norm, "group_norm": group_norm, "layer_norm": layer_norm,
    "rms_norm": rms_norm, "linear": dense,
    **dict.fromkeys(("upsample_nearest1d", "upsample_nearest2d", "upsample_nearest3d"),
                    resize("nearest", "asymmetric", rounding="floor")),
    **dict.fromkeys(("_upsample_nearest_exact1d", "_upsample_nearest_exact2d"),
                    resize("nearest", "half_pixel", rounding="round_prefer_ceil")),
    **dict.fromkeys(("upsample_linear1d", "upsample_bilinear2d", "upsample_trilinear3d"),
                    resize("linear", "half_pixel")),
    "upsample_bicubic2d": resize("cubic", "half_pixel", cubic=-0.75),
    "_upsample_bilinear2d_aa": resize(
        "linear", "half_pixel", antialias=True, exclude_outside=True),
    "pixel_shuffle": shuffle("pixel_shuffle"), "pixel_unshuffle": shuffle("pixel_unshuffle"),
}  # fmt: skip
