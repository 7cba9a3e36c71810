"""One large image in blocks of rows that others compute: on a cluster's workers.

A worker reads the rows that its block is made of and writes the block into a file of its own; one
process reads these in order and writes the result. So no two ever write one file, tile or shard,
and the result is that of one machine to the bit.
"""

# ruff: noqa: PTH102, PTH107, PTH118, PTH120, PTH123
# Names stay the text that was typed: pathlib would turn ./-x.png into -x.png.
from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from imgconv import doing
from imgconv.images import Image, open_image
from imgconv.images.bands import BandedPlane
from imgconv.memory import share
from imgconv.threads import check_abandoned

from .bands import MEMORY, NOTHING, _spans
from .operation import Result

if TYPE_CHECKING:
    from imgconv.batch import Done, Item
    from imgconv.ops.rows import Rows

    from .planes import EachPlane

SPANS = 4  # bands of a block: what it reads above and below them is read by two
Counts = dict[str, int]
Span = tuple[int, int]


class Block(NamedTuple):
    """Bands of rows of the result of one plane."""

    source: str
    image: int  # of the file's, from 0
    plane: int
    spans: tuple[Span, ...]


Elsewhere = Callable[[list[Block], str], Iterator[tuple[str, Counts]]]
"""(blocks, folder for files) -> for each block, in order, its file, and what was counted."""


def write_in_blocks(step: EachPlane, item: Item, elsewhere: Elsewhere) -> Done | None:
    """The item's file, made of blocks from elsewhere; None, and nothing done, where its planes are
    not large, or cannot be made of some of their rows."""
    told: list[Result] = []
    with open_image(item.source, **step.reading) as source:
        streamed = [] if item.paged or step.to_srgb else step.streams(item, source, told)
        known = [step.operation.by_rows(image.info) for image in source.images]
        if not streamed or any(one is None or one.covered or one.look for one in known):
            return None
        if any(image.in_order for image in source.images):  # each worker would begin at the top
            return None
        with _folder_beside(item.target) as folder, share(MEMORY):
            images = [
                Image(
                    made.info,
                    partial(_planes, step, image, (item.source, n), told, elsewhere, folder),
                )
                for n, (image, made) in enumerate(zip(source.images, streamed, strict=True))
            ]
            notes = step.write(item.target, images)
        return step.done([item.target], [*source.notes, *notes], told)


@contextmanager
def _folder_beside(target: str) -> Iterator[str]:
    """A folder for blocks, which goes with all that late workers still put into it."""
    import shutil

    around = os.path.dirname(os.path.realpath(target))
    folder = os.path.join(around, f".imgconv-{os.urandom(16).hex()}.part")
    os.mkdir(folder)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _planes(
    step: EachPlane,
    image: Image,
    place: tuple[str, int],
    told: list[Result],
    elsewhere: Elsewhere,
    folder: str,
) -> Iterator[Any]:
    rows = step.operation.by_rows(image.info)
    assert rows is not None
    spans = list(_spans(image, rows))
    groups = [tuple(spans[n : n + SPANS]) for n in range(0, len(spans), SPANS)]
    for plane in range(image.info.planes):
        blocks = [Block(*place, plane, group) for group in groups]
        made = _bands(rows, blocks, elsewhere(blocks, folder), step, told)
        yield BandedPlane(rows.shape, rows.dtype, made)


def _bands(
    rows: Rows,
    blocks: list[Block],
    made: Iterator[tuple[str, Counts]],
    step: EachPlane,
    told: list[Result],
) -> Iterator[np.ndarray]:
    counts: Counter[str] = Counter()
    doing.say("computing")
    for block, (path, counted) in zip(doing.count("block", blocks, len(blocks)), made, strict=True):
        counts.update(counted)
        try:
            with open(path, "rb") as file:
                for begin, end in block.spans:
                    check_abandoned()
                    yield _read(file, (end - begin, *rows.shape[1:]), rows.dtype)
        finally:
            os.remove(path)
    told.append(Result(NOTHING, step.operation.notes_of(counts) if counts else ()))


def _read(file: Any, shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray:
    data = file.read(int(np.prod(shape)) * dtype.itemsize)
    return np.frombuffer(data, dtype).reshape(shape)


def make_block(step: EachPlane, block: Block, folder: str) -> tuple[str, Counts]:
    """On a worker: the block's file in this folder, and what was counted."""
    path = os.path.join(folder, f"{os.urandom(16).hex()}.block")
    counts: Counter[str] = Counter()
    try:
        with open_image(block.source, **step.reading) as source, open(path, "xb") as file:
            for band, counted in _compute(step, source.images[block.image], block):
                check_abandoned()
                file.write(np.ascontiguousarray(band).data)
                counts.update(counted)
    except BaseException:
        if os.path.exists(path):  # noqa: PTH110
            os.remove(path)
        raise
    return path, dict(counts)


def _compute(
    step: EachPlane, image: Image, block: Block
) -> Iterator[tuple[np.ndarray, Counter[str]]]:
    """Each band of a block, of rows that are read once."""
    rows = step.operation.by_rows(image.info)
    assert rows is not None
    wanted = [rows.reads(*span) for span in block.spans]
    first = min(top for top, _ in wanted)
    given = rows_of(image, block.plane, first, max(bottom for _, bottom in wanted))
    for (begin, end), (top, bottom) in zip(block.spans, wanted, strict=True):
        band = np.ascontiguousarray(given[top - first : bottom - first])
        found = rows.work(band, top, begin, end)
        same, counts = band[begin - top : end - top], Counter[str]()
        if len(same) == len(found):
            counts.update(step.operation.count(same, found, begin))
        yield found, counts


def rows_of(image: Image, plane: int, top: int, bottom: int) -> np.ndarray:
    """(bottom - top, W, C); above row 0 and below the last one lie those of the other end."""
    height, columns = image.info.height, slice(0, image.info.width)
    inner = max(0, top), min(height, bottom)
    parts = [(top + height, height)] if top < 0 else []
    parts += [inner]
    parts += [(0, bottom - height)] if bottom > height else []
    read = [image.region(slice(*part), columns, plane) for part in parts]
    return read[0] if len(read) == 1 else np.concatenate(read)
