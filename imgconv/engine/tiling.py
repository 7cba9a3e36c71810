"""Tiles: parts of an image that are computed one by one, and whose results make up the whole."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from imgconv.errors import InputError

from .reach import Support
from .receptive_field import WINOGRAD, Field

END = 1 << 60  # behind every pixel


@dataclass(frozen=True)
class Tile:
    """read: rows and columns of the inputs. keep: of each output of the tile the part that is
    right, write: the part of the whole output that it is."""

    read: tuple[slice, slice]
    keep: Mapping[str, tuple[slice, slice]]
    write: Mapping[str, tuple[slice, slice]]


@dataclass(frozen=True)
class Cut:
    """A tile in one direction: see Tile."""

    read: slice
    keep: Mapping[str, slice]
    write: Mapping[str, slice]

    def tile(self, name: str, begin: int, end: int) -> Tile:
        """Rows begin ... end of an output, made of these columns."""
        rows = slice(0, end - begin), slice(begin, end)
        keep, write = {name: (rows[0], self.keep[name])}, {name: (rows[1], self.write[name])}
        return Tile((slice(0, END), self.read), keep, write)


def tiles(field: Field, pixels: int, block: int = WINOGRAD) -> list[Tile]:
    """Tiles of at most `pixels` input pixels, row by row.

    Every sample of every output is kept from exactly one tile, one that holds all that the
    sample depends on. Tiles begin at multiples of stride * block, and all have one size but for
    the last of each row and column. The field is that of receptive_field(graph, shapes, block).

    InputError where the network cannot be tiled, or no tile is so small.
    """
    if field.reasons:
        raise InputError("cannot be computed in tiles: " + "; ".join(field.reasons))
    height, width = tile_size(field, pixels, block)
    rows = _cuts(field, 0, height, field.stride * block)
    columns = _cuts(field, 1, width, field.stride * block)
    return [
        Tile(
            (row.read, column.read),
            {name: (row.keep[name], column.keep[name]) for name in field.outputs},
            {name: (row.write[name], column.write[name]) for name in field.outputs},
        )
        for row, column in itertools.product(rows, columns)
    ]


def strips(field: Field, count: int, block: int = WINOGRAD) -> list[Cut]:
    """The columns of about so many strips that are as high as the image; fewer where each would
    be narrower than what the network sees."""
    size, align = field.size[1], field.stride * block
    overlap = _overlap(field, 1, align)
    wide = -(-(size + (count - 1) * overlap) // (count * align)) * align
    return _cuts(field, 1, min(size, max(wide, _least(field, 1, align))), align)


def tile_size(field: Field, pixels: int, block: int = WINOGRAD) -> tuple[int, int]:
    """Height and width of tiles of at most `pixels`, such that the fewest are computed twice."""
    align = field.stride * block
    (H, W), top, left = field.size, _least(field, 0, align), _least(field, 1, align)
    if top * left > pixels:
        raise InputError(
            f"found room for tiles of {pixels} pixels, this network needs {top}x{left}: "
            "allow it more memory"
        )
    best: tuple[int, int, int] | None = None
    whole = [H] if H * left <= pixels else []
    for height in (*range(top, min(H, pixels // left) + 1, align), *whole):
        width = W if height * W <= pixels else pixels // height // align * align
        if width >= left:
            work = _count_computed(field, 0, height, align) * _count_computed(
                field, 1, width, align
            )
            best = min(best or (work, height, width), (work, height, width))
    return best[1:] if best else (top, left)


def _overlap(field: Field, axis: int, align: int) -> int:
    return sum(-(-field.reach[side] // align) * align for side in (axis, axis + 2))


def _least(field: Field, axis: int, align: int) -> int:
    """The shortest tile that keeps something, or the whole image."""
    return min(field.size[axis], _overlap(field, axis, align) + align)


def _count_computed(field: Field, axis: int, length: int, align: int) -> int:
    """Rows (columns) of all tiles of this length, those twice that lie in two."""
    size, overlap = field.size[axis], _overlap(field, axis, align)
    if length >= size:
        return size
    return size + (-(-(size - overlap) // (length - overlap)) - 1) * overlap


def _cuts(field: Field, axis: int, length: int, align: int) -> list[Cut]:
    """The image in one direction: each cut begins where what is still missing begins to depend."""
    sides = {name: trace.sides[axis] for name, trace in field.outputs.items()}
    size, done, cuts = field.size[axis], 0, []
    while lows := [low for side in sides.values() for low in side.low[_sample(side, done) :][:1]]:
        start = int(min(lows)) // align * align
        stop = min(size, start + length)
        end = END if stop == size else _complete(sides, stop, align)
        if end <= done:
            raise InputError(f"found tiles of {length} pixels, less than an output depends on")
        write = {n: slice(_sample(side, done), _sample(side, end)) for n, side in sides.items()}
        keep = {n: _shift(write[n], side, start) for n, side in sides.items()}
        cuts.append(Cut(slice(start, stop), keep, write))
        done = end
    return cuts


def _sample(side: Support, pixel: int) -> int:
    """The sample at a pixel that is a multiple of its step; one behind the last for END."""
    return min(pixel * side.step.denominator // side.step.numerator, len(side.low))


def _complete(sides: Mapping[str, Support], stop: int, align: int) -> int:
    """Up to which multiple of `align` no output depends on anything from `stop` on."""
    ends = [END]
    for side in sides.values():
        count = int(np.searchsorted(side.high, stop, "left"))
        if count < len(side.high):
            ends.append(math.floor(count * side.step) // align * align)
    return min(ends)


def _shift(part: slice, side: Support, start: int) -> slice:
    begin = start * side.step.denominator // side.step.numerator
    return slice(part.start - begin, part.stop - begin)
