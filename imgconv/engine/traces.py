"""What every value of a graph depends on: pixels of the input, for each row and each column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from .graph import Graph, Node
from .operators import activations, arithmetic
from .operators.axes import axis_of, integers
from .operators.operator import Shape
from .shapes import propagate
from .spans import RULES, NotLocal, Site, Span

POINTWISE = {
    *arithmetic.OPERATORS, *activations.OPERATORS, "identity", "dropout", "cast", "concat",
} - {"softmax", "log_softmax"}  # fmt: skip
ALONG = {"softmax": -1, "log_softmax": -1, "lp_norm": -1, "arg_max": 0, "split": 0, "gather": 0}
IMAGE = (2, 3)  # the axes of rows and columns


@dataclass(frozen=True)
class Reach:
    """Of a value's samples along one direction: sample i depends on pixels low[i] ... high[i].

    step: input pixels from one sample to the next. low and high never decrease.
    """

    step: Fraction
    low: np.ndarray
    high: np.ndarray


@dataclass(frozen=True)
class Trace:
    """Where a value's rows and columns are (its axes), and what they depend on."""

    place: tuple[int, int]
    rows: Reach
    columns: Reach

    @property
    def sides(self) -> tuple[Reach, Reach]:
        return self.rows, self.columns


class Traces:
    """One walk through a graph for inputs of given shapes.

    of: traces by value. spans: of windows, by value. reasons: by value that depends on more than
    a neighbourhood, why; what depends on such a value has no trace.
    """

    def __init__(self, graph: Graph, shapes: Mapping[str, Shape], block: int) -> None:
        self.shapes, self.known = propagate(graph, shapes)
        self.block = block
        self.of = {
            name: Trace(IMAGE, _every(shape[2]), _every(shape[3]))
            for name, shape in shapes.items()
            if len(shape) == 4
        }
        self.spans: dict[str, tuple[Span, Span]] = {}
        self.reasons: dict[str, str] = {}
        self._lost: set[str] = set()
        for node in graph.nodes:
            self._visit(node)

    def _visit(self, node: Node) -> None:
        if any(name in self._lost for name in node.inputs):
            self._lost.update(node.outputs)
        elif any(name in self.of for name in node.inputs) and not (
            set(node.outputs) <= self.known.keys()
        ):
            try:
                self.of.update({name: self._trace(node, name) for name in node.outputs})
            except NotLocal as reason:
                self._lost.update(node.outputs)
                self.reasons[node.outputs[0]] = f"{node} {reason}"

    def _trace(self, node: Node, output: str) -> Trace:
        if node.operator in POINTWISE:
            return self._joined(node, output)
        before = self.of.get(node.inputs[0])
        if before is None or any(name in self.of for name in node.inputs[1:]):
            raise NotLocal("reads the image where a constant is usual")
        if node.operator in RULES:
            return self._windows(node, output, before)
        axes = self.known.get(node.inputs[1]) if len(node.inputs) > 1 else None
        shapes = self.shapes[node.inputs[0]], self.shapes[output]
        return Trace(_moved(node, before.place, *shapes, axes), before.rows, before.columns)

    def _windows(self, node: Node, output: str, before: Trace) -> Trace:
        shape = self.shapes[output]
        if before.place != IMAGE or len(shape) != 4 or 0 in shape:
            raise NotLocal("works on other axes than rows and columns")
        shapes = [self.shapes[name] if name else None for name in node.inputs]
        values = [self.known.get(name) if name else None for name in node.inputs]
        site = Site(node, shapes, values, shape, self.block)
        rows, columns = (RULES[node.operator](site, axis) for axis in (0, 1))
        self.spans[output] = rows, columns
        return Trace(IMAGE, _through(before.rows, rows), _through(before.columns, columns))

    def _joined(self, node: Node, output: str) -> Trace:
        """Of values that lie over each other: what any of them depends on."""
        rank = len(self.shapes[output])
        shifts = {name: rank - len(self.shapes[name]) for name in node.inputs if name}
        traced = [(self.of[name], shift) for name, shift in shifts.items() if name in self.of]
        places = {(trace.place[0] + n, trace.place[1] + n) for trace, n in traced}
        place = next(iter(places))
        if len(places) > 1 or _axis(node, "axis", rank, None) in place:
            raise NotLocal("joins values along or across rows or columns")
        for name, shift in shifts.items():
            shape = (1,) * shift + self.shapes[name]
            if name not in self.of and any(shape[axis] > 1 for axis in place):
                raise NotLocal("joins the image with numbers for fixed pixels")
        rows, columns = (_union([trace.sides[i] for trace, _ in traced]) for i in (0, 1))
        return Trace(place, rows, columns)


def _every(size: int) -> Reach:
    return Reach(Fraction(1), np.arange(size), np.arange(size))


def _through(before: Reach, span: Span) -> Reach:
    """What results depend on whose inputs depend on `before`; padding counts as its neighbour."""
    most = len(before.low) - 1
    low = before.low[np.clip(span.first, 0, most)]
    high = before.high[np.clip(span.last, 0, most)]
    steady = np.minimum.accumulate(low[::-1])[::-1], np.maximum.accumulate(high)
    return Reach(before.step * span.step, *steady)


def _union(reaches: Sequence[Reach]) -> Reach:
    if len({(reach.step, len(reach.low)) for reach in reaches}) > 1:
        raise NotLocal("joins values of different resolution")
    low = np.min([reach.low for reach in reaches], axis=0)
    return Reach(reaches[0].step, low, np.max([reach.high for reach in reaches], axis=0))


def _axis(node: Node, name: str, rank: int, default: int | None) -> int | None:
    axis = node.attributes.get(name, default)
    return None if axis is None else axis_of(axis, rank)


def _moved(
    node: Node, place: tuple[int, int], x: Shape, out: Shape, axes: np.ndarray | None
) -> tuple[int, int]:
    """Where rows and columns are after an operator that works along other axes."""
    given = node.attributes.get("axes") if axes is None else axes
    origins = _origins(node, len(x), len(out), None if given is None else integers(given))
    if place[0] not in origins or place[1] not in origins:
        raise NotLocal("sees more of the image than a neighbourhood")
    return origins.index(place[0]), origins.index(place[1])


def _origins(node: Node, rank: int, out: int, axes: list[int] | None) -> list[int | None]:
    """For every axis of the result the axis of the input that it is, untouched; or None."""
    if node.operator == "transpose":
        return list(node.attributes.get("permutation") or reversed(range(rank)))
    if node.operator == "unsqueeze" and axes is not None:
        new, old = {axis_of(axis, out) for axis in axes}, iter(range(rank))
        return [None if axis in new else next(old) for axis in range(out)]
    worked = _worked(node, rank, axes)
    kept = [None if axis in worked else axis for axis in range(rank)]
    if node.operator == "gather":
        return [*kept[: worked[0]], *[None] * (out - rank + 1), *kept[worked[0] + 1 :]]
    return kept if out == rank else [axis for axis in kept if axis is not None]


def _worked(node: Node, rank: int, axes: list[int] | None) -> list[int]:
    """The axes that an operator works along; all where that is not known to be less."""
    name, everything = node.operator, list(range(rank))
    if name in ("batch_norm", "local_response_norm"):
        return [1]
    if name in ALONG:
        return [axis_of(node.attributes.get("axis", ALONG[name]), rank)]
    if name == "layer_norm":
        return everything[axis_of(node.attributes.get("axis", -1), rank) :]
    if name == "dense":
        return [rank - 1]
    if name.startswith("reduce_") or name == "squeeze":
        if not axes:
            return [] if node.attributes.get("none_is_none") else everything
        return [axis_of(axis, rank) for axis in axes]
    return everything
