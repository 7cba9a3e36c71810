"""The operators that run over blocked channels, by name; all others run in plain NumPy."""

from __future__ import annotations

from typing import Any

from ..fusion import Stage
from . import convolution, elementwise, pooling, resize, transposed
from .layer import Arrays, Shapes, Work

SIMPLE = {
    "max_pool": pooling.prepare,
    "average_pool": pooling.prepare,
    "resize": resize.prepare,
    "concat": elementwise.join,
    "add": elementwise.combination,
    "sub": elementwise.combination,
    "mul": elementwise.combination,
    "prelu": elementwise.prelu,
    "batch_norm": elementwise.batch_norm,
    **dict.fromkeys(
        ("relu", "leaky_relu", "clip", "sigmoid", "tanh", "gelu", "silu"), elementwise.activation
    ),
}


def prepare(
    stage: Stage, tensors: Arrays, shapes: Shapes, prepared: dict[Any, Any], chosen: str = ""
) -> Work | None:
    """The stage made ready for blocked channels, or None: then plain NumPy does it.

    prepared: what has been made of the weights for other sizes. chosen: a convolution's
    algorithm, "" for the cheapest.
    """
    operator = stage.node.operator
    if any(len(shapes[name]) != 4 for name in stage.node.outputs):
        return None
    if operator == "conv":
        return convolution.prepare(stage, tensors, shapes, prepared, chosen)
    if operator == "conv_transpose":
        return transposed.prepare(stage, tensors, shapes, prepared)
    simple = SIMPLE.get(operator)
    return simple(stage, tensors, shapes) if simple else None
