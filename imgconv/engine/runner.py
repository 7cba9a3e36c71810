"""Images of any size through a network, in a fixed amount of memory.

An image is continued to the multiple of pixels that the network needs, cut into tiles if it would
need more memory than allowed, and the results are put together and cropped. Tiles overlap by what
the network sees, begin where its strides and Winograd's tiles begin, and use the algorithms that
the whole image would: the result is the same to the bit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from imgconv import doing
from imgconv.errors import InputError

from .graph import Graph
from .model_file import Model
from .network import Network
from .operators.reach import Shape
from .outputs import Axes, Side
from .plan import Plan
from .receptive_field import WINOGRAD, receptive_field
from .streaming import streams
from .tiling import Cut, Tile, tiles
from .turn import turn

MEMORY = 800 * 2**20  # bytes for the values of a network, unless the caller says otherwise

Images = Mapping[str, np.ndarray]
Margins = tuple[int, int, int, int]  # pixels at the top, left, bottom, right
NO_MARGINS: Margins = (0, 0, 0, 0)


def run(
    model: Model,
    inputs: Images,
    *,
    prepare: Callable[[np.ndarray], np.ndarray] | None = None,
    finish: Callable[[str, np.ndarray], np.ndarray] | None = None,
    memory: int = MEMORY,
    around: Margins = NO_MARGINS,
) -> dict[str, np.ndarray]:
    """The outputs (K, h, w) by name, for images (C, H, W) by the names of the model's inputs.

    An output keeps the order of axes that the network gives it; the batch's axis is taken off
    where it has one. prepare makes float32 of a piece of an image (of any dtype; as it is if left
    out), finish what is kept of a piece of an output: pixel by pixel both, so that a large image
    is never there as floats. memory: bytes that the network's values may take. An image whose
    sides are no multiples of the card's `multiple` (and `offset` more) is continued by reflection,
    by its last pixels where it is too small for that; around: and by so many pixels at its top,
    left, bottom and right. InputError where the network does not fit the image, or would need
    more memory and cannot be tiled. One image at a time in a process, on all threads.
    """
    frame = make_frame(inputs, model.card, around)
    with turn():
        return _run(prepare_network(model.graph), frame, inputs, prepare, finish, memory)


def _run(
    network: Network,
    frame: Frame,
    inputs: Images,
    prepare: Callable[[np.ndarray], np.ndarray] | None,
    finish: Callable[[str, np.ndarray], np.ndarray] | None,
    memory: int,
) -> dict[str, np.ndarray]:
    shapes = {name: (1, len(image), frame.high, frame.wide) for name, image in inputs.items()}
    plan = network.plan(shapes)
    axes = network.output_axes(shapes)
    results: dict[str, np.ndarray] = {}
    for part, name, made in _streamed(network, plan, shapes, frame, inputs, prepare, memory):
        place = place_of(name, plan.shapes[name], axes[name], frame, part)
        _keep(results, name, made, place, finish)
    if results:
        return results
    found = list(_tiles(network, plan, shapes, memory))
    for tile in doing.count("tile", found, len(found)):
        pieces = {name: frame.piece(image, tile, prepare) for name, image in inputs.items()}
        for name, made in network(pieces, plan.algorithms).items():
            place = place_of(name, plan.shapes[name], axes[name], frame, tile)
            _keep(results, name, made, place, finish)
    network.rest()
    return results


def _streamed(
    network: Network,
    plan: Plan,
    shapes: Mapping[str, Shape],
    frame: Frame,
    inputs: Images,
    prepare: Callable[[np.ndarray], np.ndarray] | None,
    memory: int,
) -> Iterator[tuple[Tile, str, np.ndarray]]:
    """Rows of outputs, and where they belong, of an image that is too large to be computed whole;
    nothing where it is not, or cannot be streamed."""
    if plan.peak <= memory:
        return
    field = receptive_field(network.graph, shapes, WINOGRAD)
    if field.reasons or not field.outputs:
        return
    found = streams(network, plan, field, shapes, memory)
    for cut, stream in doing.count("strip", found, len(found)):

        def feed(name: str, begin: int, end: int, cut: Cut = cut) -> np.ndarray:
            tile = Tile((slice(begin, end), cut.read), {}, {})
            return frame.piece(inputs[name], tile, prepare)

        for name, begin, end, made in stream.run(feed):
            yield cut.tile(name, begin, end), name, made


@lru_cache(4)  # within a turn, so that none is made twice
def prepare_network(graph: Graph) -> Network:
    """The network of a graph; those of the last graphs stay ready."""
    return Network(graph)


@dataclass(frozen=True)
class Frame:
    """The size of the image, and the larger one to which it is continued on all sides."""

    height: int
    width: int
    around: Margins
    high: int
    wide: int

    def piece(
        self, image: np.ndarray, tile: Tile | None, prepare: Callable[..., np.ndarray] | None
    ) -> np.ndarray:
        """A tile of the continued image as (1, C, h, w)."""
        rows, columns = tile.read if tile else (slice(0, self.high), slice(0, self.wide))
        top, left = self.around[:2]
        part = image[:, places(rows, self.height, top)]
        part = part[:, :, places(columns, self.width, left)]
        return np.asarray(prepare(part) if prepare else part, np.float32)[None]

    def samples(self, rows: Side, columns: Side) -> tuple[int, int]:
        """How many rows and columns of an output belong to the image and what is around it."""
        top, left, bottom, right = self.around
        height, width = self.height + top + bottom, self.width + left + right
        return _samples(rows, height), _samples(columns, width)


def _samples(side: Side, length: int) -> int:
    return max(0, math.ceil(side.ratio * length - side.less))


def make_frame(inputs: Images, card: Mapping[str, Any], around: Margins) -> Frame:
    sizes = {image.shape[1:] for image in inputs.values()}
    if len(sizes) != 1 or any(image.ndim != 3 for image in inputs.values()):
        raise InputError(f"found images of the sizes {sorted(sizes)}, allowed one size (C, H, W)")
    ((height, width),) = sizes
    step, more = int(card.get("multiple", 1)), int(card.get("offset", 0))
    top, left, bottom, right = around
    wanted = height + top + bottom, width + left + right
    return Frame(height, width, around, *(more + -(-max(n - more, 0) // step) * step
                                           for n in wanted))  # fmt: skip


def places(part: slice, size: int, before: int) -> slice | np.ndarray:
    """Where the pixels of a part lie in an axis of `size` that is continued by reflection."""
    begin, end = part.start - before, part.stop - before
    if begin >= 0 and end <= size:
        return slice(begin, end)
    at = np.arange(begin, end)
    if begin > -size and end <= 2 * size - 1:
        return np.abs(np.where(at < size, at, 2 * (size - 1) - at))
    return np.clip(at, 0, size - 1)


def _tiles(
    network: Network, plan: Plan, shapes: Mapping[str, tuple[int, ...]], memory: int
) -> Iterator[Tile | None]:
    """The tiles that fit into the memory; None is the whole image."""
    if plan.peak <= memory:
        yield None
        return
    field = receptive_field(network.graph, shapes, WINOGRAD)
    pixels = math.prod(field.size)
    if field.reasons or not field.outputs:
        raise InputError(
            f"needs {plan.peak / 2**20:.0f} MB for an image of {field.size[1]}x{field.size[0]}, "
            f"allowed {memory / 2**20:.0f}, and cannot be computed in tiles: "
            + ("; ".join(field.reasons) or "no output belongs to a part of the image")
        )
    most, peak, size = int(pixels * memory / plan.peak), plan.peak, field.size
    while True:  # constants and parts of fixed size do not shrink with a tile
        try:
            found = tiles(field, most)
        except InputError:
            raise InputError(
                f"needs {peak / 2**20:.0f} MB for {size[1]}x{size[0]} pixels, allowed "
                f"{memory / 2**20:.0f}, and smaller tiles are none"
            ) from None
        rows, columns = max((tile.read for tile in found), key=_area)
        size = rows.stop - rows.start, columns.stop - columns.start
        part = {name: (*shape[:2], *size) for name, shape in shapes.items()}
        peak = network.plan(part, plan.algorithms).peak
        if peak <= memory:
            break
        most = min(most, math.prod(size)) * memory // (peak + peak // 8)
    yield from found


def _area(read: tuple[slice, slice]) -> int:
    return math.prod(part.stop - part.start for part in read)


@dataclass(frozen=True)
class _Place:
    """What of a tile's output is kept, and which part of what shape it is; batch: of its axis."""

    batch: int | None
    keep: tuple[slice, ...] = ()
    write: tuple[slice, ...] = ()
    axes: tuple[int, int] | None = None
    size: tuple[int, int] = (0, 0)

    def take(self, made: np.ndarray) -> np.ndarray:
        """What is kept of a tile's output, without the batch's axis."""
        piece = made if self.batch is None else made[(slice(None),) * self.batch + (0,)]
        return piece if self.axes is None else piece[_part(piece.ndim, self.axes, self.keep)]


def place_of(name: str, shape: Shape, axes: Axes, frame: Frame, tile: Tile | None) -> _Place:
    """The place of an output of this shape for the whole image."""
    rows, columns = axes.rows, axes.columns
    if rows is None or columns is None or (tile and name not in tile.write):
        return _Place(axes.batch)
    wanted = frame.samples(rows, columns)
    h, w = (min(n, shape[side.axis]) for n, side in zip(wanted, (rows, columns), strict=True))
    write = tile.write[name] if tile else (slice(0, h), slice(0, w))
    keep = tile.keep[name] if tile else write
    inside = tuple(
        slice(part.start, max(part.start, min(part.stop, n)))
        for part, n in zip(write, (h, w), strict=True)
    )
    kept = tuple(
        slice(part.start, part.start + to.stop - to.start)
        for part, to in zip(keep, inside, strict=True)
    )
    return _Place(axes.batch, kept, inside, axes.places, (h, w))


def _keep(
    results: dict[str, np.ndarray],
    name: str,
    made: np.ndarray,
    place: _Place,
    finish: Callable[[str, np.ndarray], np.ndarray] | None,
) -> None:
    """Put what a tile has made of an output where it belongs."""
    piece = place.take(made)
    if 0 in piece.shape:  # of rows that the image is continued by
        return
    piece = finish(name, piece) if finish else piece
    if place.axes is None:  # numbers about all of the image
        results[name] = piece
        return
    if name not in results:
        shape = list(piece.shape)
        for axis, size in zip(place.axes, place.size, strict=True):
            shape[axis] = size
        results[name] = np.empty(shape, piece.dtype)
    results[name][_part(piece.ndim, place.axes, place.write)] = piece


def _part(rank: int, axes: tuple[int, int], parts: tuple[slice, ...]) -> tuple[slice, ...]:
    """An index that takes parts of two axes."""
    found = dict(zip(axes, parts, strict=True))
    return tuple(found.get(axis, slice(None)) for axis in range(rank))
