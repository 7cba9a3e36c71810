"""Large planes as what networks take."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

from imgconv.engine.rows import RowSource
from imgconv.tasks.large_plane import LargePlane

from .prepare import triple


def source(plane: LargePlane, channels: int = 3) -> RowSource:
    """A plane (H, W, 1 or 3), read from top to bottom; grey three times for three channels."""

    @contextmanager
    def opened() -> Iterator[Callable[[int, int], np.ndarray]]:
        def read(top: int, bottom: int) -> np.ndarray:
            rows = np.moveaxis(plane.rows(top, bottom), 2, 0)
            return triple(rows) if channels == 3 else rows

        yield read

    return RowSource((channels, *plane.shape[:2]), opened)
