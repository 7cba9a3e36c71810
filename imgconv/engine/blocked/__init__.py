"""The forms of operators over blocked channels; all other operators run in plain NumPy."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np

from imgconv.engine.fusion import Stage
from imgconv.engine.operators import OPERATORS

from .layer import Arrays, Shapes, Work

MODULES = {one.fast.prepare.split(".")[0] for one in OPERATORS.values() if one.fast}


def prepare(
    stage: Stage, tensors: Arrays, shapes: Shapes, prepared: dict[Any, Any], chosen: str = ""
) -> Work | None:
    """The stage made ready for blocked channels, or None: then plain NumPy does it.

    prepared: what has been made of the weights for other sizes. chosen: a convolution's
    algorithm, "" for the cheapest.
    """
    fast = OPERATORS[stage.node.operator].fast
    if fast is None or any(len(shapes[name]) != 4 for name in stage.node.outputs):
        return None
    if any(0 in shapes[name] for name in (*stage.reads, *stage.node.outputs)):
        return None
    if any(tensors[name].dtype != np.float32 for name in stage.reads[1:] if name in tensors):
        return None
    module, function = fast.prepare.split(".")
    form = getattr(import_module(f".{module}", __name__), function)
    return form(stage, tensors, shapes, prepared, chosen)
