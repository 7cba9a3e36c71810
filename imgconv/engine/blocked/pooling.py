"""Max and average pooling over blocked channels."""

from __future__ import annotations

from typing import Any

import numpy as np

from imgconv import kernels, threads
from imgconv.engine.fusion import Stage
from imgconv.engine.operators.pooling import count_taps
from imgconv.engine.operators.sliding import windows
from imgconv.kernels.layout import MAX, MEAN, Sliding, pack

from .layer import Arrays, Shapes, Work

KINDS = {"max_pool": MAX, "average_pool": MEAN}
SMALLEST = 2**16  # numbers of a band that are worth a thread


def prepare(stage: Stage, tensors: Arrays, shapes: Shapes, *unused: Any) -> Work | None:
    """The pool made ready; None where plain NumPy has to do it."""
    node, name = stage.node, stage.node.inputs[0]
    if name in tensors or len(shapes[name]) != 4 or len(node.outputs) > 1:
        return None
    a, (H, W) = node.attributes, shapes[name][2:]
    at = windows(
        (H, W), a["kernel"], a.get("strides"), a.get("dilations"), a.get("pads"),
        a.get("auto_pad") or "", bool(a.get("ceil")),
    )  # fmt: skip
    shares = np.empty(0, np.float32)
    if node.operator == "average_pool":
        padding = bool(a.get("count_include_pad"))
        counts = [count_taps(size, at, i, padding) for i, size in enumerate((H, W))]
        shares = (1 / np.concatenate(counts)).astype(np.float32)
    h, w = at.out
    sizes = Sliding(
        H=H, W=W, h=h, w=w, kernel_h=at.kernel[0], kernel_w=at.kernel[1],
        down=at.strides[0], across=at.strides[1],
        dilation_down=at.dilations[0], dilation_across=at.dilations[1],
        top=at.before[0], left=at.before[1], kind=KINDS[node.operator], begin=0, end=0,
    )  # fmt: skip
    nothing = np.empty(0, np.float32)
    scalars = stage.clamp.numbers

    def run(values: Arrays, out: np.ndarray) -> None:
        """Of all images at once: a channel is pooled alike, whichever image it is of."""
        given, made = (each.reshape(-1, *each.shape[2:]) for each in (values[name], out))

        def band(begin: int, end: int) -> None:
            part = pack(sizes._replace(begin=begin, end=end))
            kernels.slide(given, nothing, nothing, shares, made, part, *scalars)

        threads.run(band, len(made) * h, max(1, SMALLEST // (8 * w)))

    return Work(run, frozenset({name}), "blocks")
