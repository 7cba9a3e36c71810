"""Spots (foci) inside objects: peaks of the Laplacian of Gaussian that stand out of their object.

The filter is Lindeberg's (Feature Detection with Automatic Scale Selection, Int. J. Computer Vision
30 (1998) 79) at the one size that is asked for, so that spots of other sizes count for little.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import ndimage

CONTRAST = 4.0  # standard deviations of the filtered object, robustly
LEAST = 30  # pixels of an object in which a deviation can be told
MAD = 1.4826  # of the median absolute deviation, for normal noise
NAMES = ("label", "spot", "x_px", "y_px", "contrast", "intensity_peak", "background",
         "intensity_integrated")  # fmt: skip


@dataclass(frozen=True)
class Spots:
    """Finds spots of a diameter in pixels that stand out by so many deviations."""

    diameter: float
    contrast: float = CONTRAST

    @property
    def sigma(self) -> float:
        """At which the filter answers most to a disc of the diameter."""
        return self.diameter / (2 * math.sqrt(2))

    def __call__(self, pixels: np.ndarray, labels: np.ndarray) -> list[dict[str, Any]]:
        """A row for each spot in the labels (H, W) of pixels (H, W), in the order of the labels."""
        if not labels.any():
            return []
        filled = fill(pixels.astype(np.float64), labels)
        answer = -(self.sigma**2) * ndimage.gaussian_laplace(filled, self.sigma)
        height = self._heights(answer, labels)
        rows, columns = np.nonzero(self._peaks(height) & (height >= self.contrast))
        rings = self._ring(filled)
        found = [
            {"label": int(labels[y, x]), "contrast": float(height[y, x])}
            | self._light(filled, rings, answer, y, x)
            for y, x in zip(rows.tolist(), columns.tolist(), strict=True)
        ]
        return _numbered(sorted(found, key=lambda spot: (spot["label"], spot["y_px"])))

    def _heights(self, answer: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """The answer above the median of its object, in deviations of it; 0 outside."""
        height = np.zeros(labels.shape)
        for n, place in enumerate(ndimage.find_objects(labels)):
            mask = labels[place] == n + 1 if place else np.zeros(0, bool)
            if mask.sum() >= LEAST:
                values = answer[place][mask]
                middle = np.median(values)
                spread = MAD * np.median(abs(values - middle))
                height[place][mask] = (values - middle) / spread if spread > 0 else 0.0
        return height

    def _peaks(self, height: np.ndarray) -> np.ndarray:
        """Where no pixel within a radius is higher."""
        reach = max(1, round(self.diameter / 2))
        y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
        return height == ndimage.maximum_filter(height, footprint=y * y + x * x <= reach * reach)

    def _ring(self, filled: np.ndarray) -> np.ndarray:
        """The background of a spot at each pixel: the median around it, beyond its rim."""
        outer, inner = self.diameter / 2 + 3, self.diameter / 2 + 1
        reach = math.ceil(outer)
        y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
        far = y * y + x * x
        return np.stack(np.nonzero((far <= outer**2) & (far > inner**2)), axis=1) - reach

    def _light(
        self, filled: np.ndarray, ring: np.ndarray, answer: np.ndarray, y: int, x: int
    ) -> dict[str, float]:
        """Place, peak and sum above the background of the spot at a pixel."""
        edge = np.array(filled.shape) - 1
        around = np.clip(ring + np.array([y, x]), 0, edge)
        level = float(np.median(filled[around[:, 0], around[:, 1]]))
        reach = math.ceil(self.diameter / 2)
        dy, dx = np.mgrid[-reach : reach + 1, -reach : reach + 1]
        inside = dy * dy + dx * dx <= (self.diameter / 2) ** 2
        at = np.clip(np.stack([y + dy[inside], x + dx[inside]], axis=1), 0, edge)
        values = filled[at[:, 0], at[:, 1]]
        return {
            "x_px": x + 0.5 + _between(answer[y], x), "y_px": y + 0.5 + _between(answer[:, x], y),
            "intensity_peak": float(filled[y, x]), "background": level,
            "intensity_integrated": float((values - level).sum()),
        }  # fmt: skip


def fill(pixels: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Pixels (H, W) with the nearest object's outside of all, so that borders are no spots."""
    found: Any = ndimage.distance_transform_edt(
        labels == 0, return_distances=False, return_indices=True
    )
    return pixels[tuple(found)]


def _between(values: np.ndarray, at: int) -> float:
    """Where between the pixels the peak is: the top of a parabola through three."""
    if not 0 < at < len(values) - 1:
        return 0.0
    a, b, c = values[at - 1 : at + 2]
    bend = a - 2 * b + c
    return float(np.clip((a - c) / (2 * bend), -0.5, 0.5)) if bend < 0 else 0.0


def _numbered(spots: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each with its number in its object, from 1."""
    counts: dict[int, int] = {}
    for spot in spots:
        counts[spot["label"]] = counts.get(spot["label"], 0) + 1
        spot["spot"] = counts[spot["label"]]
    return spots
