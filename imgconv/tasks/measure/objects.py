"""Labelled objects of one plane, with what the families of measurements share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy import ndimage

from imgconv.tasks.labels.select import Size

Columns = dict[str, np.ndarray]
"""Columns of a table, each with a number for every object."""
Feature = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Numbers (k,) of one channel's pixels (H, W) and the mask (H, W) of an object in them."""


@dataclass(frozen=True, eq=False)
class Objects:
    """`labels` (H, W) int32 from 1 to n without gaps, `numbers` (n,) as their file has them,
    `pixels` (H, W, C) with the `suffixes` of their columns ("" or "_c1")."""

    labels: np.ndarray
    numbers: np.ndarray
    pixels: np.ndarray
    suffixes: tuple[str, ...]
    size: Size = None

    @property
    def count(self) -> int:
        return len(self.numbers)

    @property
    def index(self) -> np.ndarray:
        return np.arange(1, self.count + 1)

    @cached_property
    def places(self) -> list[tuple[slice, slice]]:
        """The bounding box of each."""
        return ndimage.find_objects(self.labels)

    def columns(self, names: Sequence[str], feature: Feature) -> Columns:
        """One column a name and channel: what `feature` gives of each object, (len(names),)."""
        found: Columns = {}
        for channel, suffix in enumerate(self.suffixes):
            rows = [
                feature(self.pixels[place][..., channel], self.labels[place] == n + 1)
                for n, place in enumerate(self.places)
            ]
            table = np.array(rows).reshape(-1, len(names))
            found |= {f"{name}{suffix}": c for name, c in zip(names, table.T, strict=True)}
        return found

    @cached_property
    def areas(self) -> np.ndarray:
        return np.bincount(self.labels.ravel(), minlength=self.count + 1)[1:]

    @cached_property
    def centroids(self) -> np.ndarray:
        """(n, 2): x and y, the middle of the first pixel is (0.5, 0.5)."""
        flat = self.labels.ravel()
        rows, columns = np.divmod(np.arange(flat.size), self.labels.shape[1])
        sums = [np.bincount(flat, w, self.count + 1)[1:] for w in (columns, rows)]
        return (
            np.stack(sums, axis=1) / self.areas[:, None] + 0.5 if self.count else np.zeros((0, 2))
        )

    @cached_property
    def nearest(self) -> tuple[np.ndarray, np.ndarray]:
        """For each pixel (H, W) its distance to the nearest object, and which that is."""
        if not self.count:
            return np.full(self.labels.shape, np.inf), self.labels
        found: Any = ndimage.distance_transform_edt(self.labels == 0, return_indices=True)
        distance, (rows, columns) = found
        return distance, self.labels[rows, columns]

    def ring(self, begin: float, end: float) -> np.ndarray:
        """Labels (H, W) of what lies more than `begin` and up to `end` pixels outside an object:
        each pixel belongs to the nearest one, none to two, and none is part of an object."""
        distance, which = self.nearest
        return np.where((distance > begin) & (distance <= end), which, 0)

    def grown(self, reach: float) -> np.ndarray:
        """Labels (H, W) of the objects with all that is up to `reach` pixels from them alone."""
        distance, which = self.nearest
        return np.where(distance <= reach, which, 0)


def objects_of(
    labels: np.ndarray, pixels: np.ndarray, suffixes: tuple[str, ...], size: Size = None
) -> Objects:
    """Objects of labels (H, W) of any numbers, 0 is background."""
    numbers, found = np.unique(labels, return_inverse=True)
    found = found.reshape(labels.shape).astype(np.int32)
    if not len(numbers) or numbers[0] != 0:
        found += 1  # there is no background
    else:
        numbers = numbers[1:]
    return Objects(found, numbers, pixels, suffixes, size)
