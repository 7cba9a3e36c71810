"""Spots of one channel in the objects that were found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from imgconv.tasks.labels.measure import Row
from imgconv.tasks.measure.spots import NAMES, Spots

COLUMNS = NAMES


@dataclass(frozen=True)
class SpotsIn:
    """Finds spots in a channel (its place, from 0)."""

    channel: int
    find: Spots
    columns = ("spots", "spots_intensity_integrated")  # of each object, in the main table

    def __call__(self, pixels: np.ndarray, labels: np.ndarray) -> list[dict[str, Any]]:
        """A row for each spot in labels (H, W) of pixels (H, W, C)."""
        return self.find(pixels[..., self.channel], labels)

    def sums(self, spots: Sequence[dict[str, Any]], rows: Sequence[Row]) -> Iterator[Row]:
        """For each object the number of its spots and the light in them."""
        for row in rows:
            own = [s["intensity_integrated"] for s in spots if s["label"] == row["label"]]
            yield dict(zip(self.columns, (len(own), float(sum(own))), strict=True))
