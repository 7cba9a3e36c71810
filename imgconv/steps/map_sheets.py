"""Sheets of feature maps of images that are larger than memory should be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from itertools import islice

import numpy as np

from imgconv.images import Image
from imgconv.images.bands import BAND, BandedPlane, RowReader, in_bands_of
from imgconv.images.pyramid import shrink
from imgconv.ops.alpha import fit
from imgconv.ops.areas import Areas, rows_of_strip


def large_sheets(
    image: Image, channels: int, maps: Iterator[BandedPlane], name: str, labels: list[str]
) -> Iterator[np.ndarray]:
    """A sheet of each plane of a large image, whose first `channels` the layer sees.

    maps: of one plane after the other. They are reduced, as the picture is, to means of areas.
    """
    from imgconv.ops.sheet import map_sheet, size_in_sheet

    info = image.info
    for number in range(info.planes):
        made = islice(maps, len(labels))
        first = next(made)
        size = size_in_sheet(len(labels), first.shape)
        small = [reduce_bands(first, first.bands, size)[..., 0]]
        small += [reduce_bands(one, one.bands, size)[..., 0] for one in made]
        with RowReader(image, number) as reader:
            step = max(1, BAND // (info.width * info.channels * 4))
            spans = ((y, min(y + step, info.height)) for y in range(0, info.height, step))
            rows = (reader.rows(*span)[..., :channels] for span in spans)
            shape = info.height, info.width, channels
            like = BandedPlane(shape, info.dtype, iter(()))
            picture = fit(reduce_bands(like, rows, size), info.dtype)
        yield map_sheet(picture, small, name, labels, (shape, first.shape[:2]))


def reduce_bands(
    like: BandedPlane, bands: Iterable[np.ndarray], size: tuple[int, int]
) -> np.ndarray:
    """float32 (h, w, C) means of a plane (H, W, C) that comes in bands of rows.

    size: (h, w); what is not a number counts as 0, infinity as the largest number. What is more
    than twice too large is made smaller by a whole factor first, which takes less time.
    """
    sides = like.shape[:2]
    step = tuple(max(1, n // (2 * m)) for n, m in zip(sides, size, strict=True))
    height, width = (-(-n // s) for n, s in zip(sides, step, strict=True))
    smaller = (
        shrink(rows.astype(np.float32), (step[0], step[1]), width)
        for rows in in_bands_of(bands, step[0])
    )
    areas, top = Areas((height, width), size), 0
    for rows in in_bands_of(smaller, rows_of_strip(width)):
        areas.add(top, len(rows), partial(_rows_of, np.moveaxis(rows, 2, 0)))
        top += len(rows)
    return np.moveaxis(areas.means(), 0, 2)


def _rows_of(planes: np.ndarray, begin: int, end: int) -> np.ndarray:
    return planes[:, begin:end]
