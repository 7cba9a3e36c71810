"""An image's brightness at a smaller size, each pixel the mean of the area it covers.

Rows and columns are reduced by matrices of weights, (n, N) for n pixels of N; so any ratio is
exact, and the large image is read once, strip by strip.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from imgconv import threads

from .alpha import FLOAT

STRIP = 2**16  # pixels at a time: all that is made of them stays in the second-level cache


def means(count: int, length: int) -> np.ndarray:
    """(count, length) float32: output i is the mean over [i, i + 1) * length / count."""
    edges = np.linspace(0, length, count + 1)
    begin, end = edges[:-1, None], edges[1:, None]
    pixel = np.arange(length)
    covered = np.minimum(end, pixel + 1) - np.maximum(begin, pixel)
    return (covered.clip(0) * (count / length)).astype(np.float32)


def lines(count: int, length: int) -> np.ndarray:
    """(count, length) float32: straight lines between pixel centres, the last ones continued."""
    place = ((np.arange(count) + 0.5) * (length / count) - 0.5).clip(0, length - 1)
    distance = np.abs(place[:, None] - np.arange(length))
    return (1 - distance).clip(0).astype(np.float32)


def rows_of_strip(width: int) -> int:
    """Rows of a plane of this width that are worked on at a time."""
    return max(1, STRIP // max(1, width))


def strips(function: Callable[[int, int], None], height: int, width: int) -> None:
    """Call function(begin, end) for all rows, a strip at a time, on all threads.

    Strips begin at multiples of `rows_of_strip`, whatever the threads: a product of matrices may
    round otherwise for another number of rows.
    """
    rows = rows_of_strip(width)

    def band(begin: int, end: int) -> None:
        for n in range(begin, end):
            function(n * rows, min((n + 1) * rows, height))

    threads.run(band, -(-height // rows), max(1, threads.rows_worthwhile(width) // rows))


class Areas:
    """Means of the areas that make up an image of (h, w), of values (H, W) that come in bands."""

    def __init__(self, shape: tuple[int, int], size: tuple[int, int]) -> None:
        self.shape, self.size = shape, size
        self.columns = means(size[1], shape[1]).T
        self.parts: dict[int, np.ndarray] = {}

    def add(self, top: int, height: int, values: Callable[[int, int], np.ndarray]) -> None:
        """values(begin, end) gives those of `height` rows as (C, rows, W); the first of them is
        row `top` of all, a multiple of `rows_of_strip`."""

        def strip(begin: int, end: int) -> None:
            self.parts[top + begin] = np.nan_to_num(values(begin, end)) @ self.columns

        strips(strip, height, self.shape[1])

    def means(self) -> np.ndarray:
        """(C, h, w) float32."""
        lying = np.concatenate([self.parts[y] for y in sorted(self.parts)], axis=1)
        return np.asarray(means(self.size[0], self.shape[0]) @ lying, FLOAT)


def reduce_areas(
    values: Callable[[int, int], np.ndarray], shape: tuple[int, int], size: tuple[int, int]
) -> np.ndarray:
    """(C, h, w) float32 means of values(begin, end), which gives those rows as (C, rows, W).

    shape: (H, W) of all values; size: (h, w) of the result.
    """
    areas = Areas(shape, size)
    areas.add(0, shape[0], values)
    return areas.means()
