"""Where the batch, the rows and the columns of the image are in each output of a network.

Found by asking for shapes: of one image and of two, of a higher and of a wider one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from ..errors import InputError
from .graph import Graph
from .operators.reach import Shape
from .shapes import infer


@dataclass(frozen=True)
class Side:
    """An axis that grows with the image: it has ratio * n - less samples for n pixels."""

    axis: int
    ratio: Fraction
    less: Fraction


@dataclass(frozen=True)
class Axes:
    """Of an output; None where it has none, or where that is not known."""

    batch: int | None = None
    rows: Side | None = None
    columns: Side | None = None

    @property
    def is_image(self) -> bool:
        return self.rows is not None and self.columns is not None


STEP = 2**8 * 3 * 5 * 7  # pixels of which every usual stride is a divisor


def output_axes(graph: Graph, shapes: Mapping[str, Shape], step: int = STEP) -> dict[str, Axes]:
    """The axes of every output, for images (N, C, H, W) whose sides grow by `step` pixels.

    Where a network does not take other images than these, its outputs are read as it is usual:
    (1, K, h, w), or numbers about the whole image.
    """
    found = infer(graph, shapes)
    more = {axis: _larger(graph, shapes, axis, n) for axis, n in ((0, 1), (2, step), (3, step))}
    axes = {}
    for name in graph.outputs:
        shape = found[name]
        batch = _grown(shape, more[0], name)
        first = batch if more[0] else 0
        if first is not None and shape[first : first + 1] != (1,):
            first = None
        sides = [
            _side(shape, more[axis], name, _length(shapes, axis), step)
            or _usual(shape, more[axis], axis, _length(shapes, axis))
            for axis in (2, 3)
        ]
        axes[name] = Axes(first, *sides)
    return axes


def _larger(
    graph: Graph, shapes: Mapping[str, Shape], axis: int, more: int
) -> dict[str, Shape] | None:
    """Shapes for images that are longer along one axis; None where they do not fit."""
    wanted = dict(shapes)
    for name, shape in shapes.items():
        if len(shape) == 4:
            wanted[name] = tuple(n + more * (i == axis) for i, n in enumerate(shape))
    try:
        return infer(Graph(wanted, graph.outputs, graph.nodes, graph.tensors), wanted)
    except InputError:
        return None


def _grown(shape: Shape, other: Mapping[str, Shape] | None, name: str) -> int | None:
    """The one axis that has another size in the other shape."""
    if other is None or len(other[name]) != len(shape):
        return None
    unlike = [i for i, (n, m) in enumerate(zip(shape, other[name], strict=True)) if n != m]
    return unlike[0] if len(unlike) == 1 else None


def _side(
    shape: Shape, other: Mapping[str, Shape] | None, name: str, length: int, step: int
) -> Side | None:
    axis = _grown(shape, other, name)
    if axis is None or other is None:
        return None
    ratio = Fraction(other[name][axis] - shape[axis], step)
    return Side(axis, ratio, ratio * length - shape[axis])


def _usual(shape: Shape, other: Mapping[str, Shape] | None, axis: int, length: int) -> Side | None:
    """Of a network that takes no other size: rows and columns behind batch and channels."""
    if other is not None or len(shape) != 4:
        return None
    return Side(axis, Fraction(shape[axis], length), Fraction(0))


def _length(shapes: Mapping[str, Shape], axis: int) -> int:
    return next(shape[axis] for shape in shapes.values() if len(shape) == 4)
