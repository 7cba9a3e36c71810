"""Planes that are larger than memory should be: read, computed and written band by band."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from imgconv import doing
from imgconv.images import Image, bands
from imgconv.images.bands import BandedPlane, RowReader, ahead
from imgconv.ops.alpha import is_opaque
from imgconv.tasks.large_plane import LargePlane
from imgconv.threads import check_abandoned

from .operation import Banded, Operation, Result

if TYPE_CHECKING:
    from imgconv.ops.rows import Look, Rows

MEMORY = 24 * bands.BAND  # bytes that an image takes on its way
NOTHING = np.empty((0, 0, 0), np.uint8)
ALIGNED = 16  # rows, where no tile says more


def is_large(image: Image) -> bool:
    """Whether bands are worth it, and can be read."""
    info = image.info
    size = info.height * info.width * info.channels * info.dtype.itemsize
    if image.read_region is None or size < bands.LARGE:
        return False
    return 0 < image.rows_together() * size // info.height <= 8 * bands.BAND


def like(rows: Rows | Banded) -> np.ndarray:
    """An array of the result's shape and type that takes no memory."""
    return np.broadcast_to(np.zeros((), rows.dtype), rows.shape)


def stream_planes(
    image: Image, rows: Rows | Banded, operation: Operation, told: list[Result]
) -> Iterator[Any]:
    """Each plane of the result; what is said of it is kept in `told` when its bands are through."""
    for plane in range(image.info.planes):
        if isinstance(rows, Banded):
            made = _checked(rows.bands(large_plane(image, plane), told.append))
        else:
            made = _bands(image, plane, rows, operation, told)
        yield BandedPlane(rows.shape, rows.dtype, made)


def large_plane(image: Image, plane: int) -> LargePlane:
    """A plane of an image that has regions."""
    info = image.info

    def read(rows: slice, columns: slice) -> np.ndarray:
        return image.region(rows, columns, plane)

    shape = info.height, info.width, info.channels
    return LargePlane(shape, info.dtype, read, image.rows_together())


def _checked(bands: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    """The bands, one ahead; ends when the batch was abandoned."""
    doing.say("computing")
    for band in ahead(bands):
        check_abandoned()
        yield band


def _bands(
    image: Image, plane: int, rows: Rows, operation: Operation, told: list[Result]
) -> Iterator[np.ndarray]:
    counts: Counter[str] = Counter()
    if rows.covered and not _is_opaque(image, plane):
        rows = rows.covered
    while rows.look:
        rows = _after_a_look(image, plane, rows.look(), operation)
    with RowReader(image, plane) as reader:
        spans = list(_spans(image, rows))
        made = ahead(_compute(reader, rows, operation, spans, counts))
        doing.say("computing")
        for band in doing.count("band", made, len(spans)):
            check_abandoned()
            yield band
    notes = operation.notes_of(counts) if counts else ()
    told.append(Result(NOTHING, (*rows.notes, *notes)))


def _after_a_look(image: Image, plane: int, look: Look, operation: Operation) -> Rows:
    """What is to be done, once all of the plane has passed."""
    doing.say("looking at all values")
    with RowReader(image, plane) as reader:
        spans = list(_spans(image, look.rows))
        for _ in _compute(reader, look.rows, operation, spans, Counter()):
            check_abandoned()
    return look.then()


def _is_opaque(image: Image, plane: int) -> bool:
    """Whether its alpha covers everything: it is read until it does not."""
    doing.say("looking at alpha")
    with RowReader(image, plane) as reader:
        step = reader.step
        spans = ((n, min(n + step, reader.height)) for n in range(0, reader.height, step))
        return all(is_opaque(reader.rows(*span)) for span in spans)


def _compute(
    reader: RowReader,
    rows: Rows,
    operation: Operation,
    spans: list[tuple[int, int]],
    counts: Counter[str],
) -> Iterator[np.ndarray]:
    for begin, end in spans:
        top, bottom = rows.reads(begin, end)
        given = np.ascontiguousarray(reader.rows(top, bottom))
        found = rows.work(given, top, begin, end)
        if len(found) == len(given[begin - top : end - top]):
            counts.update(operation.count(given[begin - top : end - top], found, begin))
        yield found


def _spans(image: Image, rows: Rows) -> Iterator[tuple[int, int]]:
    """Rows of the result that are made together: whole tiles of what is written, where these are
    not large, for their rows are put together by whoever writes them."""
    info, (height, width, channels) = image.info, rows.shape
    made = width * channels * rows.dtype.itemsize
    read = info.width * info.channels * info.dtype.itemsize * info.height // max(1, height)
    tile = info.tiff.tile[0] if info.tiff and info.tiff.tile else ALIGNED
    step = max(bands.BAND // max(made, read, 1), rows.least)
    unit = math.lcm(tile, rows.together) if step >= tile else max(ALIGNED, rows.together)
    step = max(1, step // unit) * unit
    for begin in range(0, height, step):
        yield begin, min(begin + step, height)
