"""Fields that are larger than memory should be, of a file that is segmented."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from imgconv.images import Image, Info
from imgconv.images.bands import BAND, BandedPlane
from imgconv.tasks.fields_of_view import Field, Stack
from imgconv.tasks.large_plane import LargePlane
from imgconv.tasks.positions import Positions
from imgconv.tasks.segment.large import LARGE, LargeSegmentation

ELSEWHERE = np.empty((0, 0, 0), np.uint8)
BYTES = 3 << 30  # at most, of what is done in bands


def is_large(info: Info) -> bool:
    return info.height * info.width > LARGE


def large_fields(stack: Stack, source: Positions) -> Iterator[tuple[Field, LargePlane]]:
    """Each field and all its channels, read when they are asked for where the file allows that."""
    if not all(map(_has_regions, source.images)):
        for one in stack.read(source):
            yield one, LargePlane.of(one.pixels)
        return
    planes = [(image, n) for image in source.images for n in range(image.info.planes)]
    shape = (source.info.height, source.info.width, stack.channels)
    together = max(image.rows_together() for image in source.images)
    for number, place in enumerate(np.ndindex(*stack.sizes), 1):
        where = {axis: n + 1 for axis, n in zip(stack.axes, place, strict=True)}
        mine = [planes[n] for n in stack.planes_of(number - 1)]

        def read(rows: slice, columns: slice, mine: list[tuple[Image, int]] = mine) -> np.ndarray:
            parts = [image.region(rows, columns, n) for image, n in mine]
            return np.concatenate(parts, axis=2)[..., : stack.channels]

        yield Field(number, where, ELSEWHERE), LargePlane(shape, source.info.dtype, read, together)


def _has_regions(image: Image) -> bool:
    """Whether any rows and columns are decoded without the whole."""
    info = image.info
    row = info.width * info.channels * info.dtype.itemsize
    together = image.rows_together() if image.read_region else 0
    return 0 < together * row <= 8 * BAND and not info.source_dtype and not image.in_order


def probability_plane(found: LargeSegmentation) -> BandedPlane:
    """(H, W, 1), once."""
    bands = found.probability() if found.probability else iter(())
    shape = (*found.labels.shape, 1)
    return BandedPlane(shape, np.dtype(np.float32), (band[..., None] for band in bands))
