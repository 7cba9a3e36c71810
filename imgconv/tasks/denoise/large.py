"""Cleaning of planes that are larger than memory should be.

What is taken out comes band by band, to the bit as it is of the whole.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from imgconv.tasks.large_plane import LargePlane
from imgconv.tasks.row_file import RowFile

from .classical import Classical
from .crosshair import Crosshair
from .large_micro import LargeMicro
from .large_photo import LargePhoto
from .micro import Micro
from .orientations import Orientations, turn_each
from .photo import Photo
from .read import PLACE
from .run import Cleaner, Cleaning, Ends, Rounding, Valid, middle_of, step_of, valid_of

Tell = Callable[[dict[str, Any]], None]
Removed = Callable[[LargePlane, float, Tell], Iterator[np.ndarray]]


@dataclass(frozen=True)
class LargeCleaning:
    """A plane and how it is cleaned; `tell` is called with what was found out, once it is."""

    cleaning: Cleaning
    plane: LargePlane
    alpha: str
    tell: Tell

    def bands(self, top: float) -> Iterator[np.ndarray]:
        """The cleaned plane (h, W, C) after (h, W, C); top: the value of white."""
        channels = list(range(self.plane.shape[2] - (self.alpha != "none")))
        colours = self.plane.channels(tuple(channels))
        picture, rounding = find_picture(colours), Rounding(len(channels))
        begin = 0
        work = find_removed(self.cleaning.clean)
        for found in work(colours.through(picture.filled), top, self.tell):
            rows = self.plane.rows(begin, begin + len(found))
            known = picture.valid(rows[..., channels]) if picture.valid else None
            yield self.cleaning.subtract(rows, self.alpha, known, found, rounding)[0]
            begin += len(found)


def can_clean(shape: tuple[int, ...]) -> bool:
    """Whether bands (H, W, C) of such a plane are enough."""
    return min(shape[:2]) >= PLACE


def find_removed(cleaner: Cleaner) -> Removed:
    """The function that gives what a cleaner takes out of a plane (H, W, C), band by band: float32
    (h, W, C)."""
    if isinstance(cleaner, Orientations):
        return partial(turn_each, find_removed(cleaner.cleaner))
    together: tuple[int, ...] = (1, 3)
    if isinstance(cleaner, Classical | Crosshair):
        work = cleaner.removed
    elif isinstance(cleaner, Photo):
        work = LargePhoto(cleaner).removed
    else:
        assert isinstance(cleaner, Micro)
        together, work = (1,), LargeMicro(cleaner).removed
    return partial(_removed, together, work)


def _removed(
    together: tuple[int, ...], work: Removed, plane: LargePlane, top: float, tell: Tell
) -> Iterator[np.ndarray]:
    """together: how many channels can be cleaned as one; others are one by one.

    The facts are the first channel's.
    """
    if plane.shape[2] in together:
        yield from work(plane, top, tell)
        return
    with ExitStack() as stack:
        parts = []
        for c in range(plane.shape[2]):
            part = RowFile(stack.enter_context(tempfile.TemporaryFile()), plane.shape[1])
            parts.append(part)
            for band in work(plane.channels((c,)), top, (_say_nothing if c else tell)):
                part.add(band[..., 0])
        for span in plane.spans():
            yield np.stack([part.rows(*span) for part in parts], axis=2)


def _say_nothing(_: dict[str, Any]) -> None:
    pass


@dataclass(frozen=True)
class Picture:
    """valid: which values are a picture's, None if all; middle: what stands for the others."""

    valid: Valid | None = None
    middle: float = 0.0

    def filled(self, rows: np.ndarray) -> np.ndarray:
        """Rows with a usual value in the place of what is no picture's."""
        if self.valid is None:
            return rows
        return np.where(self.valid(rows), rows, np.float32(self.middle))


def find_picture(plane: LargePlane) -> Picture:
    """What of a plane (H, W, C) is a picture's."""
    if plane.dtype.kind != "f":
        return Picture()
    ends = Ends()
    for span in plane.spans():
        ends.add(plane.rows(*span))
    if valid := valid_of(ends):
        sample = plane.sampled(step_of(plane.shape))
        return Picture(valid, float(middle_of(sample, valid(sample))))
    return Picture()
