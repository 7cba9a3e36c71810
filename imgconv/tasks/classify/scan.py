"""What of a scan a network of digits is shown: its marks, each in MNIST's form."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .glyph import BOX, SIDE, frame
from .ink import LONGEST, ink
from .marks import Mark, lines


@dataclass(frozen=True, eq=False)
class Look:
    """fields (N, C, h, w): what the network is shown of a picture. lines: the marks that the
    fields are of, line by line, of a scan whose pixels are `step` of the file's."""

    fields: np.ndarray
    lines: tuple[tuple[Mark, ...], ...] = ()
    step: float = 1.0


def look(image: np.ndarray) -> Look:
    """A scan (H, W), white 1."""
    if has_form(image):
        return Look(np.ascontiguousarray(image, np.float32)[None, None])
    small, step = _reduce(image)
    amount = ink(small)
    found = [] if amount is None else lines(amount)
    fields = [frame(mark.ink) for line in found for mark in line]
    shape = (len(fields), 1, SIDE, SIDE)
    stacked = np.stack(fields) if fields else np.empty(0, np.float32)
    return Look(stacked.reshape(shape), tuple(map(tuple, found)), step)


def has_form(image: np.ndarray) -> bool:
    """Whether it is in MNIST's form already: on black, in its box, centred."""
    if image.shape != (SIDE, SIDE):
        return False
    if max(image[:: SIDE - 1].max(), image[:, :: SIDE - 1].max()) > 0.3:
        return False
    written = image >= 0.5
    rows, columns = (np.flatnonzero(written.any(axis)) for axis in (1, 0))
    if not len(rows):
        return False
    size = max(rows[-1] - rows[0], columns[-1] - columns[0]) + 1
    places = np.arange(SIDE) + 0.5
    centre = np.array([image.sum(1) @ places, image.sum(0) @ places]) / image.sum()
    return bool(BOX - 3 <= size <= BOX and np.abs(centre - SIDE / 2).max() <= 1.5)


def _reduce(image: np.ndarray) -> tuple[np.ndarray, float]:
    """A large scan made smaller, and how many of its pixels one of those is."""
    from PIL import Image

    step = max(image.shape) / LONGEST
    if step <= 1:
        return image, 1.0
    size = [max(1, round(n / step)) for n in reversed(image.shape)]
    small = Image.fromarray(np.ascontiguousarray(image, np.float32), "F")
    return np.asarray(small.resize(tuple(size), Image.Resampling.BOX)), step
