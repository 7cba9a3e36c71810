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


def strips(function: Callable[[int, int], None], height: int, width: int) -> None:
    """Call function(begin, end) for all rows, a strip at a time, on all threads."""
    rows = max(1, STRIP // max(1, width))

    def band(begin: int, end: int) -> None:
        for y in range(begin, end, rows):
            function(y, min(y + rows, end))

    threads.run(band, height, threads.rows_worthwhile(width))


def reduce_areas(
    values: Callable[[int, int], np.ndarray], shape: tuple[int, int], size: tuple[int, int]
) -> np.ndarray:
    """(C, h, w) float32 means of values(begin, end), which gives those rows as (C, rows, W).

    shape: (H, W) of all values; size: (h, w) of the result.
    """
    (H, W), (h, w) = shape, size
    columns = means(w, W).T
    parts: dict[int, np.ndarray] = {}

    def strip(begin: int, end: int) -> None:
        parts[begin] = np.nan_to_num(values(begin, end)) @ columns

    strips(strip, H, W)
    lying = np.concatenate([parts[y] for y in sorted(parts)], axis=1)
    return np.asarray(means(h, H) @ lying, FLOAT)
