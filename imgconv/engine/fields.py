"""The receptive field of the units of any value of a graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from imgconv.errors import InputError

from .graph import Graph, select_needed
from .reach import Trace, Traces

LARGE = 4096  # pixels of an image whose borders do not matter to a unit in the middle


def part(graph: Graph, outputs: Sequence[str]) -> Graph:
    """The graph that ends in these values."""
    ends = tuple(dict.fromkeys(outputs))
    nodes, read = select_needed(graph.nodes, ends)
    tensors = {name: array for name, array in graph.tensors.items() if name in read}
    return Graph(dict(graph.inputs), ends, nodes, tensors)


def open_sizes(graph: Graph) -> Graph:
    """The graph for images of any size."""
    inputs = {n: (*s[:2], None, None) if len(s) == 4 else s for n, s in graph.inputs.items()}
    return replace(graph, inputs=inputs)


def image_input(graph: Graph) -> str:
    """The first input with rows and columns; "" where there is none."""
    return next((name for name, shape in graph.inputs.items() if len(shape) == 4), "")


def trace(graph: Graph, size: tuple[int, int]) -> dict[str, Trace]:
    """The traces of all values that depend on a neighbourhood only, for an image of this size."""
    shapes = {
        name: (shape[0] or 1, shape[1] or 1, *size)
        if len(shape) == 4
        else tuple(n or 1 for n in shape)
        for name, shape in graph.inputs.items()
    }
    return Traces(graph, shapes, 1).of


def last_local(graph: Graph, size: tuple[int, int]) -> str:
    """The last value of rows and columns whose units see a neighbourhood, not all of the image."""
    found = trace(graph, size)
    names = [name for node in graph.nodes for name in node.outputs if name in found]
    return names[-1] if names else ""


def unit_field(graph: Graph, value: str) -> int:
    """Pixels in height that one unit of the value sees, far from borders (the theory's figure)."""
    rows = _unbound(open_sizes(part(graph, [value])), value).rows
    middle = len(rows.low) // 2
    return int(rows.high[middle] - rows.low[middle]) + 1


def _unbound(graph: Graph, value: str) -> Trace:
    """The trace in an image so large that borders do not matter, of a side that the network takes:
    a multiple of 16 for most, 16 n + 12 for the first U-Net."""
    for more in (0, 12, *range(1, 32)):
        try:
            return trace(graph, (LARGE + more, LARGE + more))[value]
        except InputError as problem:
            last = problem
    raise last
