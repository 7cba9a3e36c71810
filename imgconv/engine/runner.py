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

import numpy as np

from imgconv.errors import InputError

from .graph import Graph
from .model_file import Model
from .network import Network
from .plan import Plan
from .receptive_field import WINOGRAD, receptive_field
from .tiling import Tile, tiles
from .turn import turn

MEMORY = 800 * 2**20  # bytes for the values of a network, unless the caller says otherwise

Images = Mapping[str, np.ndarray]


def run(
    model: Model,
    inputs: Images,
    *,
    prepare: Callable[[np.ndarray], np.ndarray] | None = None,
    finish: Callable[[str, np.ndarray], np.ndarray] | None = None,
    memory: int = MEMORY,
) -> dict[str, np.ndarray]:
    """The outputs (K, h, w) by name, for images (C, H, W) by the names of the model's inputs.

    prepare makes float32 of a piece of an image (of any dtype; as it is if left out), finish what
    is kept of a piece of an output: pixel by pixel both, so that a large image is never there as
    floats. memory: bytes that the network's values may take. An image whose sides are no
    multiples of the card's `multiple` is continued by reflection, by its last pixels where it is
    too small for that. InputError where the network does not fit the image, or would need more
    memory and cannot be tiled. One image at a time in a process, on all threads.
    """
    frame = _frame(inputs, int(model.card.get("multiple", 1)))
    with turn():
        return _run(prepared(model.graph), frame, inputs, prepare, finish, memory)


def _run(
    network: Network,
    frame: _Frame,
    inputs: Images,
    prepare: Callable[[np.ndarray], np.ndarray] | None,
    finish: Callable[[str, np.ndarray], np.ndarray] | None,
    memory: int,
) -> dict[str, np.ndarray]:
    shapes = {name: (1, len(image), frame.high, frame.wide) for name, image in inputs.items()}
    plan = network.plan(shapes)
    results: dict[str, np.ndarray] = {}
    for tile in _tiles(network, plan, shapes, memory):
        pieces = {name: frame.piece(image, tile, prepare) for name, image in inputs.items()}
        for name, made in network(pieces, plan.algorithms).items():
            _keep(results, name, made, tile, frame, plan, finish)
    network.rest()
    return results


@lru_cache(4)  # within a turn, so that none is made twice
def prepared(graph: Graph) -> Network:
    """The network of a graph; those of the last graphs stay ready."""
    return Network(graph)


@dataclass(frozen=True)
class _Frame:
    """The size of the image, and the size to which it is continued."""

    height: int
    width: int
    high: int
    wide: int

    def piece(self, image: np.ndarray, tile: Tile | None, prepare: Callable | None) -> np.ndarray:
        """A tile of the image as (1, C, h, w)."""
        rows, columns = tile.read if tile else (slice(0, self.high), slice(0, self.wide))
        part = image[:, _places(rows, self.height)][:, :, _places(columns, self.width)]
        return np.asarray(prepare(part) if prepare else part, np.float32)[None]

    def cropped(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The size of an output of that shape that belongs to the image, whatever its scale."""
        h, w = shape[2:]
        return -(-self.height * h // self.high), -(-self.width * w // self.wide)


def _frame(inputs: Images, multiple: int) -> _Frame:
    sizes = {image.shape[1:] for image in inputs.values()}
    if len(sizes) != 1 or any(image.ndim != 3 for image in inputs.values()):
        raise InputError(f"found images of the sizes {sorted(sizes)}, allowed one size (C, H, W)")
    ((height, width),) = sizes
    return _Frame(height, width, *(-(-n // multiple) * multiple for n in (height, width)))


def _places(part: slice, size: int) -> slice | np.ndarray:
    """Where the pixels of a part lie in an axis of `size`: behind its end, reflected."""
    if part.stop <= size:
        return part
    at = np.arange(part.start, part.stop)
    if part.stop <= 2 * size - 1:
        return np.where(at < size, at, 2 * (size - 1) - at)
    return np.minimum(at, size - 1)


def _tiles(
    network: Network, plan: Plan, shapes: Mapping[str, tuple[int, ...]], memory: int
) -> Iterator[Tile | None]:
    """The tiles that fit into the memory; None is the whole image."""
    if plan.peak <= memory:
        yield None
        return
    field = receptive_field(network.graph, shapes, WINOGRAD)
    pixels = math.prod(field.size)
    if field.reasons:
        raise InputError(
            f"needs {plan.peak / 2**20:.0f} MB for an image of {field.size[1]}x{field.size[0]}, "
            f"allowed {memory / 2**20:.0f}, and cannot be computed in tiles: "
            + "; ".join(field.reasons)
        )
    yield from tiles(field, int(pixels * memory / plan.peak))


def _keep(
    results: dict[str, np.ndarray],
    name: str,
    made: np.ndarray,
    tile: Tile | None,
    frame: _Frame,
    plan: Plan,
    finish: Callable[[str, np.ndarray], np.ndarray] | None,
) -> None:
    """Put what a tile has made of an output where it belongs."""
    whole = plan.shapes[name]
    if len(whole) != 4:  # no image: numbers about all of it
        results[name] = finish(name, made[0]) if finish else made[0]
        return
    h, w = frame.cropped(whole)
    write = tile.write[name] if tile else (slice(0, h), slice(0, w))
    keep = tile.keep[name] if tile else write
    rows, columns = (
        slice(part.start, max(part.start, min(part.stop, size)))
        for part, size in zip(write, (h, w), strict=True)
    )
    kept = made[0][:, keep[0], keep[1]]
    piece = kept[:, : rows.stop - rows.start, : columns.stop - columns.start]
    piece = finish(name, piece) if finish else piece
    if name not in results:
        results[name] = np.empty((len(piece), h, w), piece.dtype)
    results[name][:, rows, columns] = piece
