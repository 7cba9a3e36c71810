"""The picture of labels that are not there as a whole: reduced for a PNG, and row by row at full
size. Both are what `overlay` draws of the whole."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property

import numpy as np
from PIL import Image

from imgconv.images.bands import in_bands_of
from imgconv.tasks.large_plane import LargePlane

from .overlay import (
    SIZES,
    Colours,
    Spot,
    Tone,
    colours_by,
    find_spots,
    find_tone,
    number,
    outline,
    sample_step,
)
from .packed import ROWS, PackedLabels


class LargeOverlay:
    """Of a plane (H, W, 1 or 3) and its labels, which have been numbered."""

    def __init__(self, plane: LargePlane, labels: PackedLabels, colours: Colours = ()) -> None:
        """`colours` are those of the outlines; without, those that stand out."""
        self.plane, self.labels = plane, labels
        self.colours = colours or colours_by(self._mean())

    @cached_property
    def tone(self) -> Tone:
        return find_tone(self.plane.sampled(sample_step(self.plane.shape)))

    def _mean(self) -> float:
        total = sum(
            int(self.tone(self.plane.rows(*span)).sum(dtype=np.int64))
            for span in self.plane.spans()
        )
        return total / (3 * self.plane.shape[0] * self.plane.shape[1])

    def reduced(self, factor: int) -> np.ndarray:
        """RGB (h, w, 3), so many times smaller."""
        pictures, labels = [], []
        for top, bottom, toned in self._bands(factor):
            pictures.append(np.asarray(Image.fromarray(toned).reduce(factor)))
            labels.append(self.labels.window(top, bottom)[::factor, ::factor].copy())
        table = np.array(self.colours, np.uint8)
        picture = outline(np.concatenate(pictures), np.concatenate(labels), table)
        return number(picture, self._spots(1 / factor), 1 / factor)

    def rows(self) -> Iterator[np.ndarray]:
        """RGB (h, W, 3) at full size, with outlines and numbers."""
        table, reach = np.array(self.colours, np.uint8), 2 * SIZES[0]
        spots = sorted(self._spots(1.0), key=lambda spot: spot.y)
        heights = [spot.y for spot in spots]
        for top, bottom, toned in self._bands(1):
            begin, end = max(0, top - 1), min(self.plane.shape[0], bottom + 1)
            around = ((top - begin, end - bottom), (0, 0), (0, 0))
            labels = self.labels.window(begin, end)  # a rim is seen from both of its sides
            picture = outline(np.pad(toned, around), labels, table)[top - begin :][: bottom - top]
            near = spots[bisect_left(heights, top - reach) : bisect_left(heights, bottom + reach)]
            near.sort(key=lambda spot: spot.label)
            yield number(picture, (replace(one, y=one.y - top) for one in near), 1.0)

    def _bands(self, multiple: int) -> Iterator[tuple[int, int, np.ndarray]]:
        """First row, last row and RGB of bands, all but the last of a multiple of rows."""
        toned = (self.tone(self.plane.rows(*span)) for span in self.plane.spans())
        top = 0
        for band in in_bands_of(toned, max(1, ROWS // multiple) * multiple):
            yield top, top + len(band), band
            top += len(band)

    def _spots(self, scale: float) -> Iterator[Spot]:
        for top, before, labels in self.labels.windows():
            for spot in find_spots(labels, scale):
                yield replace(spot, label=spot.label + before, y=spot.y + top)
