"""The mean over the eight orientations of an image, each cleaned on its own.

A network is not quite the same function of an image and of its mirror image; what differs is error,
and the mean has less of it (Timofte, Rothe and Van Gool, CVPR 2016). Eight times the work.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from .run import Cleaner


@dataclass(frozen=True, eq=False)
class Orientations:
    """A cleaner of the mean of what `cleaner` finds; the facts are those of the upright image."""

    cleaner: Cleaner

    @property
    def sums(self) -> bool:
        return getattr(self.cleaner, "sums", False)

    @property
    def imports(self) -> tuple[str, ...]:
        """What it imports when it works."""
        return tuple(getattr(self.cleaner, "imports", ()))

    def __call__(self, colours: np.ndarray, top: float) -> tuple[np.ndarray, dict[str, Any]]:
        removed, facts = self.cleaner(colours, top)
        for turned, total in zip(orientations(colours), orientations(removed), strict=True):
            total += self.cleaner(np.ascontiguousarray(turned), top)[0]
        removed /= 8
        return removed, facts


def orientations(pixels: np.ndarray) -> Iterator[np.ndarray]:
    """Pixels (H, W, C) in seven more ways: turned by right angles, mirrored."""
    for turns in range(4):
        for mirrored in (False, True):
            if turns or mirrored:
                view = np.rot90(pixels, turns)
                yield view[:, ::-1] if mirrored else view
