"""The model `photo` over planes larger than memory should be: the level first, then band by band.

What depends on all of a plane (how bright it is, what of it is clipped, the level of its noise) is
found in passes of its own; all is to the bit as `Cleaning` makes it of the whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from imgconv.engine.rows import RowSource, run_rows
from imgconv.images.bands import BAND
from imgconv.ops.alpha import white
from imgconv.tasks.large_plane import LargePlane

from .micro import Micro
from .opponent import BACK
from .photo import BRIGHT, Photo, bright_step, gauge_white, gauged_levels, of_rgb, told_levels
from .prepare import Opponent, triple
from .read import (
    EDGE,
    PLACE,
    clipped_shares,
    inner,
    less_texture,
    row_sums,
    silence,
    silent_places,
    spread_of,
)
from .run import Cleaning, Ends, Valid, middle_of, step_of, valid_of
from .subgraph import only


def can_clean(cleaning: Cleaning, colours: int, shape: tuple[int, ...]) -> bool:
    """Whether bands (H, W, C) of a plane of so many colours are enough."""
    if isinstance(cleaning.clean, Micro):
        return True
    return isinstance(cleaning.clean, Photo) and colours in (1, 3) and min(shape[:2]) >= PLACE


@dataclass(frozen=True)
class Survey:
    """low, high: of all values. bright: what nearly all are below. grey: whether all channels are
    alike. valid: which values are a picture's, None if all; middle: what stands for the others."""

    low: float
    high: float
    bright: float
    grey: bool
    valid: Valid | None = None
    middle: float = 0.0

    def filled(self, rows: np.ndarray) -> np.ndarray:
        """Rows with a usual value in the place of what is no picture's."""
        if self.valid is None:
            return rows
        return np.where(self.valid(rows), rows, np.float32(self.middle))


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
    """What is no picture's is found first, and all else without it."""
    found = find_picture(plane)
    low, high, grey = np.inf, -np.inf, True
    for span in plane.spans():
        rows = found.filled(plane.rows(*span))
        low, high = min(low, float(rows.min())), max(high, float(rows.max()))
        grey = grey and bool((rows == rows[..., :1]).all())
    some = found.filled(plane.sampled(bright_step(plane.shape)))
    bright = float(np.percentile(np.abs(some[..., :1] if grey else some), BRIGHT))
    return replace(found, low=low, high=high, bright=bright, grey=grey)


def find_picture(plane: LargePlane) -> Survey:
    """Only what of a plane is a picture's."""
    found = Survey(0, 0, 0, False)
    if plane.dtype.kind != "f":
        return found
    ends = Ends()
    for span in plane.spans():
        ends.add(plane.rows(*span))
    if valid := valid_of(ends):
        sample = plane.sampled(step_of(plane.shape))
        return replace(found, valid=valid, middle=float(middle_of(sample, valid(sample))))
    return found


def percentile(counts: np.ndarray, share: float) -> float:
    """np.percentile of whole numbers, of each of which there are so many: counts (levels,)."""
    place = (counts.sum() - 1) * (share / 100)
    below = np.searchsorted(counts.cumsum(), [np.floor(place), np.ceil(place)], "right")
    (a, b), part = below.astype(np.float64), place - np.floor(place)
    return float(a + (b - a) * part if part < 0.5 else b - (b - a) * (1 - part))


@dataclass(frozen=True)
class Large:
    """A plane and how it is cleaned; `tell` is called with what was found out, once it is."""

    cleaning: Cleaning
    plane: LargePlane
    alpha: str
    tell: Callable[[dict[str, Any]], None]

    @property
    def photo(self) -> Photo:
        assert isinstance(self.cleaning.clean, Photo)
        return self.cleaning.clean

    def bands(self, top: float) -> Iterator[np.ndarray]:
        """The cleaned plane (h, W, C) after (h, W, C); top: the value of white."""
        channels = range(self.plane.shape[2] - (self.alpha != "none"))
        colours = self.plane.channels(tuple(channels))
        seen = survey(colours)
        plane = colours.channels((0,)) if seen.grey else colours
        plane = plane.through(seen.filled)
        levels, nothing = self._levels(plane, seen, top)
        level = of_rgb(levels, seen.grey)
        self.tell({"noise_level": round(255 * level, 4)})
        nothing = nothing if self.photo.sigma is None else 0
        if level <= nothing:
            for begin, end in self.plane.spans():
                yield self.plane.rows(begin, end)
            return
        begin = 0
        for noise in self._noise(plane, levels, seen.grey, top):
            end = begin + noise.shape[1]
            rows = self.plane.rows(begin, end)
            known = seen.valid(rows[..., list(channels)]) if seen.valid else None
            removed = np.broadcast_to(np.moveaxis(noise, 0, 2), (*rows.shape[:2], len(channels)))
            removed = np.array(removed, order="C")
            yield self.cleaning.subtract(rows, self.alpha, known, removed)[0]
            begin = end

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


def source(plane: LargePlane) -> RowSource:
    """A plane (H, W, 1 or 3) as the networks take it."""

    @contextmanager
    def opened() -> Iterator[Callable[[int, int], np.ndarray]]:
        yield lambda top, bottom: triple(np.moveaxis(plane.rows(top, bottom), 2, 0))

    return RowSource((3, *plane.shape[:2]), opened)
