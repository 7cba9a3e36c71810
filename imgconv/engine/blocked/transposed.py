"""Transposed convolution over blocked channels: one small convolution for each phase.

out[k, y, x] gathers the taps u with (y + top - u) a multiple of the stride s: those that leave
the same remainder as y + top. For the results of one remainder they are a convolution of stride
1 with the stencil's rows p, p + s, p + 2s, ... backwards, which writes every s-th row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from imgconv.engine.fusion import Stage
from imgconv.engine.operators.convolution import transposed_windows

from .convolution import Geometry, Layer, tap_by_tap
from .layer import Arrays, Shapes, Weights, Work, pad_channels


@dataclass(frozen=True)
class Phase:
    """Along one axis: the results first, first + s, ..., and the taps that they gather."""

    first: int
    count: int
    taps: tuple[int, ...]  # in the order in which the image's pixels come
    before: int  # zeros before the image


def phases(size: int, kernel: int, stride: int, before: int) -> Iterator[Phase]:
    """The phases of an axis of `size` results."""
    for first in range(min(stride, size)):
        remainder, place = (first + before) % stride, (first + before) // stride
        taps = tuple(reversed(range(remainder, kernel, stride)))
        yield Phase(first, -(-(size - first) // stride), taps, len(taps) - 1 - place)


def prepare(
    stage: Stage, tensors: Arrays, shapes: Shapes, prepared: dict[Any, Any], *unused: Any
) -> Work | None:
    """The layer made ready; None where plain NumPy has to do it."""
    node = stage.node
    name, weight, *rest = node.inputs
    if weight not in tensors or name in tensors or len(shapes[name]) != 4:
        return None
    w, attributes = tensors[weight], node.attributes
    weights = Weights(w, weight, prepared)
    at = transposed_windows(shapes[name], w.shape, dict(attributes))
    few = any(k < s for k, s in zip(at.kernel, at.strides, strict=True))
    if attributes.get("groups", 1) != 1 or at.dilations != (1, 1) or few:
        return None
    if rest and rest[0] and rest[0] not in tensors:
        return None
    (H, W), (h, w_) = shapes[name][2:], shapes[stage.output][2:]
    biases = pad_channels(tensors[rest[0]] if rest and rest[0] else None, w.shape[1])
    parts: list[Layer] = []
    (down, across), (top, left) = at.strides, at.before
    for r in phases(h, at.kernel[0], down, top):
        for c in phases(w_, at.kernel[1], across, left):
            stencil = weights.part((r.taps, c.taps), _stencil(r.taps, c.taps))
            g = Geometry(
                w.shape[0], w.shape[1], H, W, r.count, c.count,
                (len(r.taps), len(c.taps)), (1, 1), (1, 1), r.before, c.before,
            )  # fmt: skip
            parts.append(
                tap_by_tap(
                    g, stencil, biases, stage.clamp, (down, across), (r.first, c.first), (h, w_)
                )
            )

    def run(values: Arrays, out: np.ndarray) -> None:
        for n in range(len(out)):
            extra = values[stage.extra][n] if stage.extra else None
            for part in parts:
                part(values[name][n], extra, out[n])

    return Work(run, frozenset({name, stage.extra} - {""}), "phases", by_rows=not stage.extra)


def _stencil(rows: tuple[int, ...], columns: tuple[int, ...]) -> Callable[[np.ndarray], np.ndarray]:
    """Weights (C, K, kh, kw) as the stencils (K, C, ...) of one phase."""
    return lambda w: w[:, :, rows][:, :, :, columns].transpose(1, 0, 2, 3)
