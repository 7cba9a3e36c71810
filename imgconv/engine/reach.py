"""What every value of a graph depends on: pixels of the input, for each row and each column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from .graph import Graph, Node
from .operators import OPERATORS
from .operators.axes import axis_of
from .operators.reach import Axes, NotLocal, Pointwise, Shape, Site, Sliding, Span
from .shapes import propagate

IMAGE = (2, 3)  # the axes of rows and columns


@dataclass(frozen=True)
class Support:
    """Along rows or columns of a value: sample i depends on pixels low[i] ... high[i].

    step: input pixels from one sample to the next. low and high never decrease.
    """

    step: Fraction
    low: np.ndarray
    high: np.ndarray


@dataclass(frozen=True)
class Trace:
    """Where a value's rows and columns are (its axes), and what they depend on."""

    place: tuple[int, int]
    rows: Support
    columns: Support

    @property
    def sides(self) -> tuple[Support, Support]:
        return self.rows, self.columns


class Traces:
    """One walk through a graph for inputs of given shapes.

    of: traces by value. spans: of what slides, by value. reasons: by value that depends on more
    than a neighbourhood, why; what depends on such a value has no trace.
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
        reach = OPERATORS[node.operator].reach
        if isinstance(reach, Pointwise):
            return self._join(node, output, reach)
        before = self.of.get(node.inputs[0])
        if before is None or any(name in self.of for name in node.inputs[1:]):
            raise NotLocal("reads the image where a constant is usual")
        if isinstance(reach, Sliding):
            return self._slide(reach, self._site(node, output), output, before)
        origins = reach.origins(self._site(node, output)) if isinstance(reach, Axes) else []
        if not set(before.place) <= set(origins):
            raise NotLocal("sees more of the image than a neighbourhood")
        rows, columns = before.place
        place = origins.index(rows), origins.index(columns)
        return Trace(place, before.rows, before.columns)

    def _site(self, node: Node, output: str) -> Site:
        shapes = [self.shapes[name] if name else None for name in node.inputs]
        values = [self.known.get(name) if name else None for name in node.inputs]
        return Site(node.attributes, shapes, values, self.shapes[output], self.block)

    def _slide(self, reach: Sliding, site: Site, output: str, before: Trace) -> Trace:
        if before.place != IMAGE or len(site.out) != 4 or 0 in site.out:
            raise NotLocal("works on other axes than rows and columns")
        rows, columns = (reach.span(site, axis) for axis in (0, 1))
        self.spans[output] = rows, columns
        return Trace(IMAGE, _compose(before.rows, rows), _compose(before.columns, columns))

    def _join(self, node: Node, output: str, reach: Pointwise) -> Trace:
        """The trace of values that lie over each other: what any of them depends on."""
        rank = len(self.shapes[output])
        shifts = {name: rank - len(self.shapes[name]) for name in node.inputs if name}
        traced = [(self.of[name], shift) for name, shift in shifts.items() if name in self.of]
        places = {(trace.place[0] + n, trace.place[1] + n) for trace, n in traced}
        place = next(iter(places))
        joined = axis_of(node.attributes[reach.joins], rank) if reach.joins else None
        if len(places) > 1 or joined in place:
            raise NotLocal("joins values along or across rows or columns")
        for name, shift in shifts.items():
            shape = (1,) * shift + self.shapes[name]
            if name not in self.of and any(shape[axis] > 1 for axis in place):
                raise NotLocal("joins the image with numbers for fixed pixels")
        rows, columns = (_union([trace.sides[i] for trace, _ in traced]) for i in (0, 1))
        return Trace(place, rows, columns)


def _every(size: int) -> Support:
    return Support(Fraction(1), np.arange(size), np.arange(size))


def _compose(before: Support, span: Span) -> Support:
    """What results depend on whose inputs depend on `before`; padding counts as its neighbour."""
    most = len(before.low) - 1
    low = before.low[np.clip(span.first, 0, most)]
    high = before.high[np.clip(span.last, 0, most)]
    steady = np.minimum.accumulate(low[::-1])[::-1], np.maximum.accumulate(high)
    return Support(before.step * span.step, *steady)


def _union(sides: Sequence[Support]) -> Support:
    if len({(side.step, len(side.low)) for side in sides}) > 1:
        raise NotLocal("joins values of different resolution")
    low = np.min([side.low for side in sides], axis=0)
    return Support(sides[0].step, low, np.max([side.high for side in sides], axis=0))
