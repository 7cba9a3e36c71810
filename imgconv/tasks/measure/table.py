"""The table of a plane's objects: the families that were asked for, side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from imgconv.tasks.labels.measure import INTENSITY, columns, measure
from imgconv.tasks.labels.select import Size

from .cells import in_cells
from .granularity import granularity
from .intensity import background, in_labels, spread
from .neighbours import neighbours
from .objects import Columns, Objects, objects_of
from .shape import form
from .texture import texture

USUAL = ("shape", "intensity")  # the columns of `segment`
FAMILIES: dict[str, Callable[[Objects], Columns]] = {
    "form": form, "spread": spread, "background": background, "texture": texture,
    "granularity": granularity, "neighbours": neighbours,
}  # fmt: skip
EVERY = (*USUAL, *FAMILIES)


@dataclass(frozen=True)
class Wanted:
    """What is measured: families, and lengths in pixels of what lies around the objects."""

    families: tuple[str, ...] = USUAL
    expand: float | None = None
    ring: tuple[float, float] | None = None

    def __call__(
        self,
        labels: np.ndarray,
        pixels: np.ndarray,
        channels: Sequence[str],
        size: Size = None,
        cells: np.ndarray | None = None,
    ) -> Columns:
        """A row for each label of (H, W); pixels (H, W, C) of the named channels, one of them may
        be called "". `cells`: labels (H, W) of the cells whose nuclei the objects are."""
        suffixes = tuple(f"_{name}" if name else "" for name in channels)
        objects = objects_of(labels, pixels, suffixes, size)
        found: Columns = {"label": objects.numbers}
        found |= self._usual(objects, channels)
        for family in self.families:
            if family in FAMILIES:
                found |= FAMILIES[family](objects)
        if self.expand is not None:
            found |= in_labels(objects.grown(self.expand), objects, "expanded")
        if self.ring is not None:
            found |= in_labels(objects.ring(*self.ring), objects, "ring")
        return found if cells is None else found | in_cells(objects, cells)

    def _usual(self, objects: Objects, channels: Sequence[str]) -> Columns:
        """The columns that `segment` writes too."""
        if not set(USUAL) & set(self.families):
            return {}
        rows = list(measure(objects.labels, objects.pixels, channels, objects.size))
        intensities = {f"intensity_{w}{s}" for w in INTENSITY for s in objects.suffixes}
        kept = [
            name
            for name in columns(channels, objects.size)[1:]
            if ("intensity" if name in intensities else "shape") in self.families
        ]
        return {name: np.array([row[name] for row in rows]) for name in kept}
