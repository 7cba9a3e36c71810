"""Where the batch, the rows and the columns of the image are in each output of a network.

Found by asking for shapes: of one image and of two, of a higher and of a wider one.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from fractions import Fraction

from imgconv.errors import InputError

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
    """An output's axes; None where it has none, or where that is not known."""

    batch: int | None = None
    rows: Side | None = None
    columns: Side | None = None

    @property
    def places(self) -> tuple[int, int] | None:
        """Rows and columns once the batch's axis is gone; None where the output is no image."""
        if self.rows is None or self.columns is None:
            return None
        rows, columns = self.rows.axis, self.columns.axis
        if self.batch is None:
            return rows, columns
        return rows - (self.batch < rows), columns - (self.batch < columns)


STEP = 2**8 * 3 * 5 * 7  # pixels of which every usual stride is a divisor


def output_axes(
    graph: Graph,
    shapes: Mapping[str, Shape],
    found: Mapping[str, Shape] | None = None,
    step: int = STEP,
) -> dict[str, Axes]:
    """The axes of every output, for images (N, C, H, W) whose sides grow by `step` pixels.

    found: the shapes of all values for these images, where they are known. Where a network does
    not take other images than these, its outputs are read as it is usual: (1, K, h, w), or
    numbers about the whole image.
    """
    images = [name for name, shape in shapes.items() if len(shape) == 4]
    found = found or infer(graph, shapes)
    more = {axis: _larger(graph, shapes, axis, step, images) for axis in (2, 3)}
    batches, axes = batch_axes(graph, shapes, images, found), {}
    for name in graph.outputs:
        shape = found[name]
        sides = [
            _side(shape, more[axis], name, _length(shapes, axis), step)
            or _usual(shape, more[axis], axis, _length(shapes, axis))
            for axis in (2, 3)
        ]
        apart = {batches[name], *(side.axis for side in sides if side)}
        if len(apart) < 3:  # such as rows that a reshape puts into the batch
            sides = [None, None]
        axes[name] = Axes(batches[name], *sides)
    return axes


def batch_axes(
    graph: Graph,
    shapes: Mapping[str, Shape],
    inputs: Collection[str],
    found: Mapping[str, Shape] | None = None,
) -> dict[str, int | None]:
    """Which axis of each output counts the images of a batch, the first axis of these inputs;
    None where it has none. Where the network takes one image only, a first axis of 1."""
    found, more = found or infer(graph, shapes), _larger(graph, shapes, 0, 1, inputs)
    axes: dict[str, int | None] = {}
    for name in graph.outputs:
        at = _grown(found[name], more, name) if more else 0
        axes[name] = at if at is not None and found[name][at : at + 1] == (1,) else None
    return axes


def _larger(
    graph: Graph, shapes: Mapping[str, Shape], axis: int, more: int, inputs: Collection[str]
) -> dict[str, Shape] | None:
    """Shapes for images that are longer along one axis; None where they do not fit."""
    wanted = dict(shapes)
    for name in inputs:
        wanted[name] = tuple(n + more * (i == axis) for i, n in enumerate(shapes[name]))
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
    """The axes where a network takes no other size: rows and columns behind batch and channels."""
    if other is not None or len(shape) != 4:
        return None
    return Side(axis, Fraction(shape[axis], length), Fraction(0))


def _length(shapes: Mapping[str, Shape], axis: int) -> int:
    return next(shape[axis] for shape in shapes.values() if len(shape) == 4)
