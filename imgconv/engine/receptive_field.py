"""The receptive field of a network, computed from its graph: what each output depends on."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from imgconv.errors import InputError

from .graph import Graph, Node
from .operators import OPERATORS
from .operators.reach import Pointwise, Shape
from .reach import Support, Trace, Traces

WINOGRAD = 4  # results of a 3x3 convolution, in each direction, that are computed together
WIDEST = 1 << 14  # pixels looked at for a field that no size bounds


@dataclass(frozen=True)
class Field:
    """What a network's outputs depend on, for inputs of `size` (height, width).

    stride: a part of the image that begins at a multiple of it has its samples where the whole
    image has them. reach: pixels beyond its own place that an output depends on, at most: top,
    left, bottom, right. reasons: why the network cannot be computed part by part, one a layer.
    """

    size: tuple[int, int]
    outputs: Mapping[str, Trace]
    stride: int
    reach: tuple[int, int, int, int]
    reasons: tuple[str, ...]


def receptive_field(
    graph: Graph, shapes: Mapping[str, Shape] | None = None, block: int = 1
) -> Field:
    """The field for inputs of these shapes (N, C, H, W), all of one height and width.

    Without shapes: for images so large that their borders do not matter. block: WINOGRAD counts
    all that a block of results computed together reads; a part equals the whole to the last bit
    only where all of it is there.
    """
    if shapes is None:
        return _unbound(graph, block)
    size = _size(shapes)
    traces = Traces(graph, shapes, block)
    stride = _stride(traces)
    reasons = list(traces.reasons.values()) or _unsteady(graph, shapes, traces, stride * block)
    outputs = {name: traces.of[name] for name in graph.outputs if name in traces.of}
    return Field(size, outputs, stride, _reach(outputs), tuple(reasons))


def _unbound(graph: Graph, block: int) -> Field:
    side, last = 64, None
    while True:
        shapes = {
            name: tuple(n or (side if axis > 1 else 1) for axis, n in enumerate(shape))
            for name, shape in graph.inputs.items()
        }
        field = receptive_field(graph, shapes, block)
        fits = last is not None and field.reach == last.reach
        if fits or field.reasons or side >= WIDEST or field.size < (side, side):
            return field
        side, last = 2 * side, field


def _size(shapes: Mapping[str, Shape]) -> tuple[int, int]:
    sizes = {(shape[2], shape[3]) for shape in shapes.values() if len(shape) == 4}
    if len(sizes) != 1:
        raise InputError(f"found images of {sorted(sizes)} pixels, allowed one height and width")
    return next(iter(sizes))


def _stride(traces: Traces) -> int:
    steps = {side.step.numerator for trace in traces.of.values() for side in trace.sides}
    return math.lcm(*steps)


def _reach(outputs: Mapping[str, Trace]) -> tuple[int, int, int, int]:
    reaches = [[_beyond(side) for side in trace.sides] for trace in outputs.values()]
    most = np.max(reaches, axis=0) if reaches else np.zeros((2, 2), int)
    (top, bottom), (left, right) = most.tolist()
    return top, left, bottom, right


def _beyond(side: Support) -> tuple[int, int]:
    """Pixels before and behind those at the place of a sample."""
    n, d, i = side.step.numerator, side.step.denominator, np.arange(len(side.low))
    before = np.max(i * n // d - side.low, initial=0)
    behind = np.max(side.high - (-(-(i + 1) * n // d) - 1), initial=0)
    return int(before), int(behind)


def _unsteady(graph: Graph, shapes: Mapping[str, Shape], whole: Traces, align: int) -> list[str]:
    """What is computed otherwise in an image of another size, and so in a part of the image.

    Compared are an image larger by a multiple of all strides, where every value has to grow as
    the image does, and one that is itself such a multiple, as parts in the middle are.
    """
    grown, even = ({**shapes}, {**shapes})
    for name, shape in shapes.items():
        if len(shape) == 4:
            grown[name] = (*shape[:2], *(n + align for n in shape[2:]))
            even[name] = (*shape[:2], *(-(-n // align) * align + align for n in shape[2:]))
    for other in [grown] if grown == even else [grown, even]:
        try:
            traces = Traces(graph, other, whole.block)
        except InputError as problem:
            return [f"takes images of one size only: {problem}"]
        for node in graph.nodes:
            steady = _steady(node.outputs[0], whole, traces, align if other is grown else None)
            if not steady or not _constant(node, whole, traces):
                return [f"{node} computes with the size of the image"]
    return []


def _steady(name: str, whole: Traces, other: Traces, grown: int | None) -> bool:
    """Whether a value of the other image, larger by `grown`, continues that of the whole one."""
    if name not in whole.of:
        return name not in other.of
    if name not in other.of or whole.of[name].place != other.of[name].place:
        return False
    for side, wider in zip(whole.of[name].sides, other.of[name].sides, strict=True):
        more = len(wider.low) - len(side.low)
        if side.step != wider.step or (grown is not None and more * side.step != grown):
            return False
    spans = zip(whole.spans.get(name, ()), other.spans.get(name, ()), strict=True)
    return all(
        np.array_equal(one.first[middle], two.first[middle])
        and np.array_equal(one.last[middle], two.last[middle])
        for one, two in spans
        for middle in [slice(len(one.first) // 4, len(one.first) // 2 + 1)]
    )


def _constant(node: Node, whole: Traces, other: Traces) -> bool:
    """Whether the numbers that are joined with those of the image are the same for both sizes."""
    pointwise = isinstance(OPERATORS[node.operator].reach, Pointwise)
    if not pointwise or not any(name in whole.of for name in node.inputs):
        return True
    return all(
        name in other.known and np.array_equal(whole.known[name], other.known[name])
        for name in node.inputs
        if name in whole.known
    )
