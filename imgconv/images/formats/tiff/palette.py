"""Colour tables: those of pictures are looked up, those over measurements travel along.

ImageJ, microscopes and others save an image that is shown in green as numbers with a green table.
Told apart by: what the user says; the description (ImageJ's, OME's); a table that is one smooth
ramp over all numbers. Every other table is a picture's.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from imgconv.images.limits import Limits
from imgconv.text import Detail

MEASURED = ("imagej", "ome")  # whose descriptions say that numbers are a measurement
SMOOTH = 4 * 257  # of a ramp from 0 to 65535 in 256 steps, the largest


class Palette:
    """The table of a page, and whether the numbers or its colours are delivered."""

    def __init__(self, page: Any, kind: str, limits: Limits) -> None:
        table = np.asarray(page.colormap, np.uint16)
        self.entries = table * np.uint16(257) if table.max(initial=0) < 256 else table
        self.deep = page.dtype.itemsize > 1
        self.declared = kind in MEASURED
        self.numbers = self._are_numbers(limits)
        self.forced = limits.palette == "numbers" or limits.values == "labels"

    def _are_numbers(self, limits: Limits) -> bool:
        if limits.palette != "auto":
            return limits.palette == "numbers"
        return limits.values == "labels" or self.declared or is_ramp(self.entries)

    @property
    def note(self) -> str:
        if not self.numbers:
            return Detail("palette expanded to RGB")
        if self.forced:
            return Detail("numbers are read, not the colours that its table gives them")
        how = "as a microscope's" if self.declared else "as a smooth ramp's"
        return (
            f"numbers under a pseudo-colour table ({how}) are read, and the table is kept; "
            "`palette='colours'` makes them RGB"
        )

    @property
    def table(self) -> bytes:
        """Red, green, blue of each number, as uint16 in native order."""
        size = 65536 if self.deep else 256
        full = np.zeros((3, size), np.uint16)
        full[:, : self.entries.shape[1]] = self.entries[:, :size]
        return full.tobytes()

    def __call__(self, plane: np.ndarray) -> np.ndarray:
        """(H, W, 1 and what stands beside) to (H, W, 3 and that), or as it is."""
        if self.numbers:
            return plane
        index = np.minimum(plane[..., 0], self.entries.shape[1] - 1)
        colours = self.entries.T[index]
        colours = colours if self.deep else (colours >> 8).astype(np.uint8)
        return np.concatenate([colours, plane[..., 1:].astype(colours.dtype)], axis=2)


def is_ramp(table: np.ndarray) -> bool:
    """Whether the colours (3, N) of 256 or more entries only rise or only fall, in small steps."""
    if table.shape[1] < 256 or (table == table[:, :1]).all():
        return False
    steps = np.diff(table.astype(np.int32), axis=1)
    one_way = (steps >= 0).all() or (steps <= 0).all()
    return bool(one_way and np.abs(steps).max() <= SMOOTH)
