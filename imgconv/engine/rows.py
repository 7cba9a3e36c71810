"""The maps of an image of any height from top to bottom, as `run` makes them of the whole.

The tiles are those of `run`, so numbers are the same to the bit; one row of tiles is in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import groupby

import numpy as np

from imgconv import doing

from .model_file import Model
from .runner import MEMORY, NO_MARGINS, _frame, _keep, _Place, _place, _tiles, prepare_network
from .tiling import Tile
from .turn import turn

Rows = Callable[[int, int], np.ndarray]
"""Rows top..bottom of an image, (C, bottom - top, W); `top` is never smaller than before."""


def run_rows(
    model: Model,
    rows: Rows,
    shape: tuple[int, int, int],
    *,
    prepare: Callable[[np.ndarray], np.ndarray],
    channels: int,
    memory: int = MEMORY,
) -> Iterator[np.ndarray]:
    """The only output of a network with one input, (K, h, W) after (K, h, W), for an image of this
    shape (C, H, W). `prepare` makes the network's `channels` of a piece of the image, pixel by
    pixel. Raises InputError as `run` does.
    """
    (given,), (name,) = model.graph.inputs, model.graph.outputs
    image = _Rows(rows)
    frame = _frame({given: np.broadcast_to(np.float32(0), shape)}, model.card, NO_MARGINS)
    shapes = {given: (1, channels, frame.high, frame.wide)}
    with turn():
        network = prepare_network(model.graph)
        plan = network.plan(shapes)
        axes = network.output_axes(shapes)[name]
        tiles = list(_tiles(network, plan, shapes, memory))
    for _, row in groupby(doing.count("tile", tiles, len(tiles)), _first_row):
        results: dict[str, np.ndarray] = {}
        for tile in row:
            with turn():
                piece = frame.piece(image, tile, prepare)  # type: ignore[arg-type]
                made = network({given: piece}, plan.algorithms)[name]
            place = _place(name, plan.shapes[name], axes, frame, tile)
            _keep(results, name, made, _from_its_top(place), None)
        yield results[name]
    network.rest()


class _Rows:
    """An image of which whole rows are taken, as of an array (C, H, W)."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows

    def __getitem__(self, at: tuple[slice, slice | np.ndarray]) -> np.ndarray:
        wanted = at[1]
        if isinstance(wanted, slice):
            return self.rows(wanted.start, wanted.stop)
        first = int(wanted.min())
        return self.rows(first, int(wanted.max()) + 1)[:, wanted - first]


def _first_row(tile: Tile | None) -> int:
    return tile.read[0].start if tile else 0


def _from_its_top(place: _Place) -> _Place:
    """The place within the rows that the tile has a part of."""
    rows, columns = place.write
    high = rows.stop - rows.start
    return _Place(
        place.batch, place.keep, (slice(0, high), columns), place.axes, (high, place.size[1])
    )
