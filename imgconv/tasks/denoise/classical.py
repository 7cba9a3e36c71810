"""Denoising without a network, to compare with: the level found, and rows cleaned together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import starmap
from typing import Any

import numpy as np

from imgconv.tasks.large_plane import LargePlane

from .methods import FUNCTIONS, IMPORTS, REACH, STEPS
from .run import by_channel, step_of

ROWS = 512  # that are cleaned together
AROUND = {"nlm": 8, "bilateral": REACH, "tv": STEPS + 2, "wavelet": 64, "median": 2}  # rows seen
FADE = 32  # rows in which what wavelets make of some rows fades into what they make of the next
SAMPLES, SAMPLE = 16, 256  # squares of a large plane along a side, and pixels along theirs


@dataclass(frozen=True)
class Classical:
    """One of methods.METHODS as a Cleaner; `sigma` as for Photo, found by wavelets if it is None.

    However large an image is, `ROWS` rows of it are cleaned together.
    """

    method: str
    sigma: float | None = None

    @property
    def imports(self) -> tuple[str, ...]:
        """What it imports when it works."""
        return (*IMPORTS[self.method], *(() if self.sigma else ("pywt", "numpy.ma")))

    def __call__(self, colours: np.ndarray, top: float) -> tuple[np.ndarray, dict[str, Any]]:
        if colours.shape[2] not in (1, 3):
            return by_channel(self, colours, top)
        facts: dict[str, Any] = {}
        parts = list(self.removed(LargePlane.of(colours), top, facts.update))
        return np.concatenate(parts), facts

    def removed(
        self, plane: LargePlane, top: float, tell: Callable[[dict[str, Any]], None]
    ) -> Iterator[np.ndarray]:
        """What is to be taken out of a plane (H, W, 1 or 3), float32 rows after rows.

        top: the value of white; `tell` is called with what was found out, once it is.
        """
        low, span = extent(plane)
        told = top / span

        def scaled(rows: np.ndarray) -> np.ndarray:
            return ((rows - np.float32(low)) / np.float32(span)).astype(np.float32)

        sigma = find_sigma(plane, scaled) if self.sigma is None else self.sigma / 255 * told
        tell({"noise_level": round(255 * sigma / told, 4)})
        begin = 0
        for cleaned in self._cleaned(plane, scaled, sigma):
            image = scaled(plane.rows(begin, begin + len(cleaned)))
            yield ((image - cleaned) * np.float32(span)).astype(np.float32)
            begin += len(cleaned)

    def _cleaned(
        self, plane: LargePlane, scaled: Callable[[np.ndarray], np.ndarray], sigma: float
    ) -> Iterator[np.ndarray]:
        """The cleaned rows (h, W, C), one window's after another's."""
        height, around = plane.shape[0], AROUND[self.method]
        fade = FADE if self.method == "wavelet" else 0
        before = np.empty((0, *plane.shape[1:]), np.float32)
        for begin in range(0, height, ROWS):
            end = min(begin + ROWS, height)
            top, bottom = max(0, begin - around), min(height, end + around)
            image = scaled(plane.rows(top, bottom))
            made = self._clean(image, sigma) if sigma > 0 else image
            made = made[max(begin - fade, 0) - top :]
            made[: len(before)] = blend(before, made[: len(before)])
            rest = len(made) - (bottom - end) - (fade if end < height else 0)
            before = made[rest : rest + 2 * fade] if end < height else before
            yield made[:rest]

    def _clean(self, image: np.ndarray, sigma: float) -> np.ndarray:
        """(H, W, 1 or 3)"""
        flat = image if image.shape[2] == 3 else image[..., 0]
        return FUNCTIONS[self.method](flat, sigma).reshape(image.shape)


def blend(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Rows (h, W, C) that are more and more the second ones."""
    shares = (np.arange(len(first), dtype=np.float32) + 0.5) / max(1, len(first))
    return first + (second - first) * shares[:, None, None]


def extent(plane: LargePlane) -> tuple[float, float]:
    """The value of colours (H, W, C) that becomes 0 for the computation, and how far above it 1 is.

    Black and white of uint8, else the lowest and the highest value.
    """
    if plane.dtype == np.uint8:
        return 0.0, 255.0
    ends = [(float(rows.min()), float(rows.max())) for rows in starmap(plane.rows, plane.spans())]
    low, high = min(low for low, _ in ends), max(high for _, high in ends)
    return low, high - low or 1.0


def find_sigma(plane: LargePlane, scaled: Callable[[np.ndarray], np.ndarray]) -> float:
    """As estimate_sigma, of a plane before it is `scaled`; of a large one by squares all over."""
    height, width = plane.shape[:2]
    if step_of(plane.shape) == 1:
        return estimate_sigma([scaled(plane.rows(0, height))])
    squares = []
    for top in squares_along(height):
        rows = plane.rows(int(top), int(top) + SAMPLE)
        squares += [scaled(rows[:, left : left + SAMPLE]) for left in squares_along(width)]
    return estimate_sigma(squares)


def squares_along(size: int) -> np.ndarray:
    """Where squares begin along a side of so many pixels."""
    return np.linspace(0, max(0, size - SAMPLE), SAMPLES).astype(int)


def estimate_sigma(images: list[np.ndarray]) -> float:
    """The level of white noise of parts (H, W, C) of an image, in its unit: the mean of its
    channels'.

    Each is the median of the finest diagonal wavelet coefficients over 0.6745 (Donoho, Johnstone
    1994); zeros, of places that are clipped, do not count.
    """
    from pywt import dwtn

    levels = []
    for c in range(images[0].shape[2]):
        parts = [np.abs(dwtn(image[..., c], "db2")["dd"]).ravel() for image in images]
        detail = np.concatenate(parts)
        detail = detail[detail > 0]
        levels.append(float(np.median(detail)) / 0.6745 if detail.size else 0.0)
    return float(np.mean(levels))
