"""Nearest and bilinear resizing over blocked channels."""

from __future__ import annotations

from typing import Any

import numpy as np

from imgconv import kernels, threads
from imgconv.engine.fusion import Stage
from imgconv.engine.operators.resizing import scales_and_sizes, taps
from imgconv.kernels.layout import Resizing, pack

from .layer import Arrays, Shapes, Work

SMALLEST = 2**16  # numbers of a band that are worth a thread


def prepare(stage: Stage, tensors: Arrays, shapes: Shapes, *unused: Any) -> Work | None:
    """The resizing made ready; None where plain NumPy has to do it."""
    node, name = stage.node, stage.node.inputs[0]
    given = [tensors.get(other) for other in node.inputs[1:]]
    unknown = any(
        other and value is None for other, value in zip(node.inputs[1:], given, strict=True)
    )
    if name in tensors or unknown or len(shapes[name]) != 4 or not _usual(stage):
        return None
    attributes = {k: v for k, v in node.attributes.items() if k not in ("scales", "sizes")}
    scales = given[0] if len(given) > 0 and given[0] is not None else node.attributes.get("scales")
    sizes = given[1] if len(given) > 1 and given[1] is not None else node.attributes.get("sizes")
    factors, out = scales_and_sizes(shapes[name], scales, sizes, **attributes)
    if out[:2] != tuple(shapes[name][:2]):
        return None
    (H, W), (h, w) = shapes[name][2:], out[2:]
    rows, down = _table(H, h, factors[2], attributes)
    columns, across = _table(W, w, factors[3], attributes)
    linear = int(attributes.get("mode", "nearest") == "linear")

    def run(values: Arrays, result: np.ndarray) -> None:
        """Of all images at once: a channel is resized alike, whichever image it is of."""
        given, made = (each.reshape(-1, *each.shape[2:]) for each in (values[name], result))

        def band(begin: int, end: int) -> None:
            sizes = pack(Resizing(H=H, W=W, h=h, w=w, begin=begin, end=end))
            kernels.resize_blocks(given, rows, columns, down, across, made, sizes, linear)

        threads.run(band, len(made) * h, max(1, SMALLEST // (8 * w)))

    return Work(run, frozenset({name}), "blocks")


def _usual(stage: Stage) -> bool:
    a = stage.node.attributes
    unusual = a.get("antialias") or a.get("exclude_outside")
    return not unusual and a.get("mode") != "cubic" and a.get("coordinates") != "tf_crop_and_resize"


def _table(
    size: int, out: int, scale: float, attributes: dict[str, Any]
) -> tuple[np.ndarray, np.ndarray]:
    """The pixels before and after every result, one table behind the other, and the share
    of the second."""
    index, weights, _ = taps(size, out, scale, **attributes)
    both = index[:, [0, -1]].T
    return np.ascontiguousarray(both).ravel(), np.ascontiguousarray(weights[:, -1])
