"""Activations, sums, products and joins of blocked channels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from imgconv import kernels, threads
from imgconv.engine.fusion import Stage, clamp_of
from imgconv.engine.operators.operator import UNCLAMPED
from imgconv.kernels import layout

from .layer import Arrays, Shapes, V, Work, pad_channels

ACTIVATIONS = {
    "sigmoid": layout.SIGMOID, "tanh": layout.TANH, "gelu": layout.GELU, "silu": layout.SILU,
}  # fmt: skip
COMBINATIONS = {"add": layout.ADD, "sub": layout.SUBTRACT, "mul": layout.MULTIPLY}
SMALLEST = 2**15  # vectors of a band that are worth a thread


def _in_bands(call: Callable[[int, int], None], vectors: int) -> None:
    threads.run(call, vectors, SMALLEST)


def activation(stage: Stage, tensors: Arrays, shapes: Shapes, *unused: Any) -> Work | None:
    node, name = stage.node, stage.node.inputs[0]
    clamp = clamp_of(node, tensors)
    kind = ACTIVATIONS.get(node.operator, layout.CLAMP)
    if kind == layout.CLAMP and clamp is None:
        return None
    if node.operator == "gelu" and node.attributes.get("approximate", "none") == "tanh":
        kind = layout.GELU_TANH
    numbers = (clamp or UNCLAMPED).numbers

    def run(values: Arrays, out: np.ndarray) -> None:
        def band(begin: int, end: int) -> None:
            kernels.activate(values[name], out, kind, begin * V, end * V, *numbers)

        _in_bands(band, out.size // V)

    return Work(run, frozenset({name}), "blocks")


def combination(stage: Stage, tensors: Arrays, shapes: Shapes, *unused: Any) -> Work | None:
    """a + b, a - b or a * b of equal shapes, or with a number for each channel."""
    a, b = stage.node.inputs
    if a not in tensors and b not in tensors and shapes[a] == shapes[b]:
        kind = COMBINATIONS[stage.node.operator]
        scalars = stage.clamp.numbers

        def run(values: Arrays, out: np.ndarray) -> None:
            def band(begin: int, end: int) -> None:
                kernels.combine(
                    values[a], values[b], out, kind, begin * V, end * V, *scalars
                )  # fmt: skip

            _in_bands(band, out.size // V)

        return Work(run, frozenset({a, b}), "blocks")
    for image, other in ((a, b), (b, a)):
        if image not in tensors and shapes[image] == shapes[stage.output]:
            numbers = tensors[other].shape if other in tensors else shapes[other]
            if _one_a_channel(numbers, shapes[image]):
                return _by_channel(stage, tensors, shapes, image, other)
    return None


def _one_a_channel(numbers: tuple[int, ...], image: tuple[int, ...]) -> bool:
    full = (1,) * (4 - len(numbers)) + tuple(numbers)
    return full[2:] == (1, 1) and full[0] in (1, image[0]) and full[1] in (1, image[1])


def _by_channel(stage: Stage, tensors: Arrays, shapes: Shapes, image: str, other: str) -> Work:
    n, C, h, w = shapes[image]
    operator, first = stage.node.operator, stage.node.inputs[0] == image
    clamp = stage.clamp
    slopes = pad_channels(np.full(C, clamp.slope, np.float32), C, 1.0)
    ones = pad_channels(None, C, 1.0)

    def run(values: Arrays, out: np.ndarray) -> None:
        numbers = tensors[other] if other in tensors else values[other]
        full = np.broadcast_to(numbers.reshape((1,) * (4 - numbers.ndim) + numbers.shape),
                               (n, C, 1, 1))  # fmt: skip
        for i in range(n):
            each = pad_channels(full[i, :, 0, 0], C)
            if operator == "mul":
                factors, terms = each, pad_channels(None, C)
            elif operator == "add" or first:
                factors, terms = ones, each if operator == "add" else -each
            else:
                factors, terms = -ones, each
            _scale(values[image][i], factors, terms, slopes, out[i], h * w, clamp.numbers)

    return Work(run, frozenset({image}), "blocks")


def _scale(
    image: np.ndarray,
    factors: np.ndarray,
    terms: np.ndarray,
    slopes: np.ndarray,
    out: np.ndarray,
    pixels: int,
    scalars: tuple[float, float, float],
) -> None:
    def band(begin: int, end: int) -> None:
        kernels.scale(image, factors, terms, slopes, out, pixels, begin, end, *scalars[1:])

    _in_bands(band, out.size // V)


def prelu(stage: Stage, tensors: Arrays, shapes: Shapes, *unused: Any) -> Work | None:
    name, slope = stage.node.inputs
    if slope not in tensors or len(shapes[name]) != 4:
        return None
    if not _one_a_channel(tensors[slope].shape, shapes[name]):
        return None
    _, C, h, w = shapes[name]
    slopes = pad_channels(np.broadcast_to(tensors[slope].ravel(), C), C, 1.0)
    ones, zeros = pad_channels(None, C, 1.0), pad_channels(None, C)

    def run(values: Arrays, out: np.ndarray) -> None:
        for n in range(len(out)):
            _scale(
                values[name][n], ones, zeros, slopes, out[n], h * w, (1.0, -np.inf, np.inf)
            )  # fmt: skip

    return Work(run, frozenset({name}), "blocks")


def batch_norm(stage: Stage, tensors: Arrays, shapes: Shapes, *unused: Any) -> Work | None:
    name, *rest = stage.node.inputs
    if any(other not in tensors for other in rest) or len(shapes[name]) != 4:
        return None
    scale, bias, mean, var = (tensors[other].astype(np.float64) for other in rest)
    s = scale / np.sqrt(var + stage.node.attributes.get("epsilon", 1e-5))
    _, C, h, w = shapes[name]
    clamp = stage.clamp
    factors, terms = pad_channels(s, C), pad_channels(bias - mean * s, C)
    slopes = pad_channels(np.full(C, clamp.slope, np.float32), C, 1.0)

    def run(values: Arrays, out: np.ndarray) -> None:
        for n in range(len(out)):
            _scale(values[name][n], factors, terms, slopes, out[n], h * w, clamp.numbers)

    return Work(run, frozenset({name}), "blocks")


def join(stage: Stage, tensors: Arrays, shapes: Shapes, *unused: Any) -> Work | None:
    """concat of channels: those that do not lie in the result already are copied there."""
    names = stage.node.inputs
    if stage.node.attributes.get("axis", 1) not in (1, -3):
        return None
    if any(name in tensors or len(shapes[name]) != 4 for name in names):
        return None
    channels = [shapes[name][1] for name in names]

    def run(values: Arrays, out: np.ndarray) -> None:
        at = 0
        for name, C in zip(names, channels, strict=True):
            if at % V == 0 and C % V == 0:
                target, source = out[:, at // V : (at + C) // V], values[name]
                if target.ctypes.data != source.ctypes.data:
                    np.copyto(target, source)
            else:
                _place(values[name], out, C, at)
            at += C
        if at % V:  # zeros behind C: what lay there, times weights of 0, may be NaN
            out[:, -1, :, :, at % V :] = 0

    return Work(run, frozenset(names), "blocks", by_rows=True)


def _place(source: np.ndarray, out: np.ndarray, C: int, at: int) -> None:
    """Channels that do not begin on a whole block, lane by lane."""
    for c in range(C):
        b, lane = divmod(at + c, V)
        out[:, b, :, :, lane] = source[:, c // V, :, :, c % V]
