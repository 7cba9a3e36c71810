"""A network of any layout as one that takes images (1, C, H, W).

Which input is the image, and in which order its axes are, is what the card says, or a guess from
the shapes: a size of 1, 3 or 4 is the channels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from imgconv.errors import InputError

from .builder import Builder
from .graph import Graph, Node, select_needed, shorten
from .operators.axes import format_shape
from .operators.reach import Shape
from .outputs import output_axes
from .receptive_field import WINOGRAD, receptive_field

LAYOUTS = ("NCHW", "NHWC", "CHW", "HWC", "NHW", "HW")
CHANNELS = (1, 3, 4, 2)
PROBE = 1024  # pixels of an image whose shapes are asked for
Sizes = tuple[int | None, ...]


@dataclass(frozen=True)
class ImageInput:
    """An input that takes an image; None is a size that is open."""

    name: str
    layout: str
    shape: Sizes  # as the network has it

    def _size(self, letter: str) -> int | None:
        return self.shape[self.layout.index(letter)] if letter in self.layout else 1

    @property
    def channels(self) -> int | None:
        return self._size("C")

    @property
    def size(self) -> tuple[int | None, int | None]:
        """Height and width."""
        return self._size("H"), self._size("W")

    @property
    def outer(self) -> Sizes:
        """The shape as (N, C, H, W)."""
        return (1, self.channels, *self.size)

    def nodes(self, source: str, names: Builder) -> list[Node]:
        """From an image (1, C, H, W) called `source` to the network's input."""
        last = self.layout.endswith("C")
        gone = [("NHWC" if last else "NCHW").index(a) for a in "NCHW" if a not in self.layout]
        nodes, label = [], f"layout of {self.name}"
        if last:
            turned = names.unique(f"{self.name} turned") if gone else self.name
            order = {"permutation": [0, 2, 3, 1]}
            nodes.append(Node("transpose", (source,), (turned,), order, label))
            source = turned
        if gone:
            nodes.append(Node("squeeze", (source,), (self.name,), {"axes": sorted(gone)}, label))
        return nodes


def image_input(graph: Graph, card: Mapping[str, Any] = {}) -> ImageInput:
    """The input that is the image. InputError where none can be, or the card names another."""
    rules = card.get("image") if isinstance(card.get("image"), dict) else {}
    assert rules is not None
    named, layout = rules.get("input"), rules.get("layout")
    if named is not None and named not in graph.inputs:
        raise InputError(
            f"there is no input '{shorten(str(named))}': the network has {', '.join(graph.inputs)}"
        )
    names = [named] if named else sorted(graph.inputs, key=lambda n: -len(graph.inputs[n]))
    for name in names:
        found = as_image(name, graph.inputs[name], layout)
        if found:
            return found
    shapes = " and ".join(f"'{n}' of {format_shape(s)}" for n, s in graph.inputs.items())
    raise InputError(f"takes no image: its inputs are {shapes}")


def as_image(name: str, shape: Sizes, layout: str | None = None) -> ImageInput | None:
    """An input of this shape as an image, if it can be one; in the layout that is given."""
    if layout is not None:
        if layout not in LAYOUTS or len(layout) != len(shape):
            fitting = [one for one in LAYOUTS if len(one) == len(shape)]
            raise InputError(
                f"layout {shorten(layout)} of the input '{name}' ({format_shape(shape)}): allowed "
                f"{', '.join(fitting) or 'none'}"
            )
        return ImageInput(name, layout, shape)
    last = len(shape) > 2 and shape[-1] in CHANNELS and shape[-3] not in CHANNELS
    match len(shape):
        case 4:
            return ImageInput(name, "NHWC" if last else "NCHW", shape)
        case 3:
            return ImageInput(name, "HWC" if last else "CHW", shape)
        case 2 if None in shape or min(n or 0 for n in shape) > 8:
            return ImageInput(name, "HW", shape)
    return None


@dataclass(frozen=True, eq=False)
class Constants:
    """Inputs whose values are given once for all images; one object, so that it is hashed."""

    arrays: Mapping[str, np.ndarray]


NO_CONSTANTS = Constants({})


@lru_cache(8)
def _adapted(graph: Graph, images: tuple[ImageInput, ...], given: Constants) -> Graph:
    taken = {*graph.inputs, *graph.tensors, *(n for node in graph.nodes for n in node.outputs)}
    builder, inputs, names = Builder(taken), {}, {}
    nodes: list[Node] = []
    for image in images:
        if image.layout == "NCHW":
            inputs[image.name] = image.outer
            continue
        names[image.name] = builder.unique(f"{image.name} image")
        inputs[names[image.name]] = image.outer
        nodes += image.nodes(names[image.name], builder)
    tensors = {**graph.tensors, **given.arrays}
    return Graph(inputs, graph.outputs, (*nodes, *graph.nodes), tensors)


def adapt(
    graph: Graph, images: Sequence[ImageInput], given: Constants = NO_CONSTANTS
) -> tuple[Graph, tuple[str, ...]]:
    """The graph with inputs (1, C, H, W), and their names in the order of `images`.

    given: all inputs that are no images. InputError names those that are missing. The same graph
    for the same arguments, so that it is prepared once.
    """
    known = {image.name for image in images} | set(given.arrays)
    if missing := [name for name in graph.inputs if name not in known]:
        shape = format_shape(graph.inputs[missing[0]])
        raise InputError(
            f"the network also takes '{shorten(missing[0])}' ({shape}): give it by `input`, as "
            f"{shorten(missing[0])}=VALUE, a number or an image"
        )
    found = _adapted(graph, tuple(images), given)
    return found, tuple(found.inputs)


@lru_cache(8)
def one_output(graph: Graph, name: str) -> Graph:
    """The graph without what only its other outputs need."""
    nodes, read = select_needed(graph.nodes, (name,))
    tensors = {one: array for one, array in graph.tensors.items() if one in read}
    return Graph(graph.inputs, (name,), nodes, tensors)


@lru_cache(32)
def open_sizes(graph: Graph, size: tuple[int, int]) -> Graph | None:
    """A graph made for one size of image as one for `size`, where that is the same function.

    It is one if it shapes and every result depends on a neighbourhood only.
    """
    inputs = {name: (*shape[:2], None, None) for name, shape in graph.inputs.items()}
    found = Graph(inputs, graph.outputs, graph.nodes, graph.tensors)
    shapes = {name: (1, shape[1] or 1, *size) for name, shape in graph.inputs.items()}
    try:
        reasons = receptive_field(found, shapes, WINOGRAD).reasons
    except InputError:
        return None
    return None if reasons else found


@lru_cache(32)
def missing_pixels(graph: Graph, output: str, step: int, more: int) -> tuple[int, int]:
    """Rows and columns of the image that the output lacks, as convolutions without padding leave
    out their border: the image has to be continued by so many."""
    side = more + -(-PROBE // step) * step
    shapes: dict[str, Shape] = {n: (1, s[1] or 1, side, side) for n, s in graph.inputs.items()}
    try:
        axes = output_axes(graph, shapes)[output]
    except InputError:
        return 0, 0
    if axes.rows is None or axes.columns is None:
        return 0, 0
    rows, columns = (max(0, int(side.less / side.ratio)) for side in (axes.rows, axes.columns))
    return rows, columns
