"""What of the image matters to a number: found by covering it, place by place."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

BATCH = 32


def influence(
    number: Callable[[np.ndarray], np.ndarray],
    image: np.ndarray,
    window: tuple[slice, slice],
    cells: int,
    around: int = 0,
) -> np.ndarray:
    """How much `number` (N, C, h, w) -> (N,) falls when a cell of the window of an image
    (1, C, h, w) is covered by the window's mean: (rows, columns), about `cells` a side.

    around: cells on every side of it that are covered as well.

    Zeiler, Fergus: Visualizing and Understanding Convolutional Networks, ECCV 2014, section 4.2.
    """
    rows, columns = (_edges(part, cells) for part in window)
    mean = image[:, :, *window].mean((2, 3))[0]
    whole = float(number(image)[0])
    found = np.zeros((len(rows) - 1, len(columns) - 1), np.float32)
    places = list(np.ndindex(*found.shape))
    for start in range(0, len(places), BATCH):
        some = places[start : start + BATCH]
        batch = np.repeat(image, len(some), 0)
        for one, (i, j) in zip(batch, some, strict=True):
            covered = _wide(rows, i, around), _wide(columns, j, around)
            one[:, *covered] = mean[:, None, None]
        for place, value in zip(some, number(batch), strict=True):
            found[place] = whole - value
    return found


def _wide(edges: np.ndarray, cell: int, around: int) -> slice:
    return slice(edges[max(cell - around, 0)], edges[min(cell + 1 + around, len(edges) - 1)])


def _edges(part: slice, cells: int) -> np.ndarray:
    count = max(1, min(cells, part.stop - part.start))
    return np.unique(np.linspace(part.start, part.stop, count + 1).round().astype(int))


def spread(cells: np.ndarray, window: tuple[slice, slice], size: tuple[int, int]) -> np.ndarray:
    """The cells as pixels of the image (h, w), 0 outside of the window."""
    full = np.zeros(size, np.float32)
    rows, columns = (
        np.searchsorted(_edges(part, count), np.arange(part.start, part.stop), "right") - 1
        for part, count in zip(window, cells.shape, strict=True)
    )
    full[window] = cells[
        np.ix_(rows.clip(max=len(cells) - 1), columns.clip(max=cells.shape[1] - 1))
    ]
    return full
