"""The model `photo` over planes larger than memory should be: the level first, then band by band.

What depends on all of a plane (how bright it is, what of it is clipped, the level of its noise) is
found in passes of its own; all is to the bit as `Cleaning` makes it of the whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from imgconv.engine.rows import RowSource, run_rows
from imgconv.images.bands import BAND
from imgconv.ops.alpha import white
from imgconv.tasks.large_plane import LargePlane

from .opponent import BACK
from .photo import BRIGHT, Photo, bright_step, gauge_white, gauged_levels, of_rgb, told_levels
from .prepare import Opponent
from .read import (
    EDGE,
    PLACE,
    clipped_shares,
    inner,
    less_texture,
    percentile,
    row_sums,
    silence,
    silent_places,
    spread_of,
)
from .source import source
from .subgraph import only


@dataclass(frozen=True)
class Survey:
    """low, high: of all values. bright: what nearly all are below. grey: whether all channels are
    alike."""

    low: float
    high: float
    bright: float
    grey: bool


def survey(plane: LargePlane) -> Survey:
    """Of a plane of colours (H, W, C)."""
    return survey_reals(plane) if plane.dtype.kind == "f" else survey_integers(plane)


def survey_integers(plane: LargePlane) -> Survey:
    channels, levels = plane.shape[2], int(white(plane.dtype)) + 1
    step = bright_step(plane.shape)
    counts = np.zeros((channels, levels), np.int64)
    low, high, grey = levels, 0, True
    for top, bottom in plane.spans():
        rows = plane.rows(top, bottom)
        low, high = min(low, int(rows.min())), max(high, int(rows.max()))
        grey = grey and bool((rows == rows[..., :1]).all())
        some = rows[-top % step :: step, ::step]
        for c in range(channels):
            counts[c] += np.bincount(some[..., c].ravel(), minlength=levels)
    seen = counts[:1] if grey else counts
    return Survey(low, high, percentile(seen.sum(0), BRIGHT), grey)


def survey_reals(plane: LargePlane) -> Survey:
    low, high, grey = np.inf, -np.inf, True
    for span in plane.spans():
        rows = plane.rows(*span)
        low, high = min(low, float(rows.min())), max(high, float(rows.max()))
        grey = grey and bool((rows == rows[..., :1]).all())
    some = plane.sampled(bright_step(plane.shape))
    bright = float(np.percentile(np.abs(some[..., :1] if grey else some), BRIGHT))
    return Survey(low, high, bright, grey)


@dataclass(frozen=True)
class LargePhoto:
    """The model over large planes."""

    photo: Photo

    def removed(
        self, plane: LargePlane, top: float, tell: Callable[[dict[str, Any]], None]
    ) -> Iterator[np.ndarray]:
        """What is to be taken out of a plane (H, W, 1 or 3), float32 (h, W, 1 or 3) after another.

        top: the value of white; `tell` is called with what was found out, once it is.
        """
        seen, channels = survey(plane), plane.shape[2]
        plane = plane.channels((0,)) if seen.grey else plane
        levels, nothing = self._levels(plane, seen, top)
        level = of_rgb(levels, seen.grey)
        tell({"noise_level": round(255 * level, 4)})
        if level <= (nothing if self.photo.sigma is None else 0):
            for begin, end in plane.spans():
                yield np.zeros((end - begin, plane.shape[1], channels), np.float32)
            return
        for noise in self._noise(plane, levels, seen.grey, top):
            wide = np.broadcast_to(np.moveaxis(noise, 0, 2), (*noise.shape[1:], channels))
            yield np.array(wide, order="C")

    def _levels(self, plane: LargePlane, seen: Survey, top: float) -> tuple[np.ndarray, float]:
        if self.photo.sigma is not None:
            return told_levels(self.photo.sigma, seen.grey), 0.0
        reach = gauge_white(seen.bright, top)
        found = less_texture(*spread_of(self._sums(plane, seen, reach)))
        return gauged_levels(found, seen.grey, reach, top)

    def _sums(self, plane: LargePlane, seen: Survey, reach: float) -> np.ndarray:
        """Of every row of places that counts: see row_sums."""
        height, width, channels = plane.shape
        row = width * channels * plane.dtype.itemsize
        step = max(PLACE, BAND // row // PLACE * PLACE)
        ends = [
            clipped_shares(np.moveaxis(plane.rows(y, y + step), 2, 0), seen.low, seen.high)
            for y in range(0, height, step)
        ]
        mute = silent_places(np.concatenate(ends))
        model = replace(self.photo.model, graph=only(self.photo.model.graph, "gauge"))
        sums, begin = [], 0
        for band in run_rows(model, {"image": source(plane)}, prepare=Opponent(reach)):
            end = begin + band.shape[1]
            sums.append(row_sums_of(band if mute is None else silence(band, mute[begin:end])))
            begin = end
        every = np.concatenate(sums, axis=1)
        return every[:, inner(every.shape[1], 2 * EDGE + 1)[0]]

    def _noise(
        self, plane: LargePlane, levels: np.ndarray, grey: bool, top: float
    ) -> Iterator[np.ndarray]:
        """What is to be taken out, (1 or 3, h, W) after (1 or 3, h, W), in the image's unit."""
        height, width = plane.shape[:2]
        level = np.broadcast_to(levels[:, None, None], (2, height, width))
        back = (BACK[:1, :1] if grey else BACK) * np.float32(top)
        model = replace(self.photo.model, graph=only(self.photo.model.graph, "noise"))
        return run_rows(
            model,
            {"image": source(plane), "level": RowSource.of(level)},
            prepare=Opponent(top),
            finish=partial(_to_colours, back),
        )


def _to_colours(back: np.ndarray, noise: np.ndarray) -> np.ndarray:
    return np.tensordot(back, noise[: len(back)], 1)


def row_sums_of(gauge: np.ndarray) -> np.ndarray:
    """row_sums of a band (3, h, w), of the columns that count."""
    return row_sums(gauge[:, :, inner(2 * EDGE + 1, gauge.shape[2])[1]])
