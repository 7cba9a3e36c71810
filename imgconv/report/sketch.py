"""A plane's objects as the report shows them: outlines as paths, over a small picture."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from skimage.measure import approximate_polygon

from imgconv.tasks.labels.outline import Ring, outlines
from imgconv.tasks.sketch import LARGEST

ROUGH = 0.6  # pixels of the picture that an outline may be off


def paths(labels: np.ndarray) -> Iterator[tuple[int, str]]:
    """Each label of (H, W) and its outline as the `d` of an SVG path, in pixels of the image."""
    rough = ROUGH * max(1.0, max(labels.shape) / LARGEST)
    for label, parts in outlines(labels):
        rings = [ring for part in parts for ring in (part.outer, *part.holes)]
        yield label, "".join(_path(ring, rough) for ring in rings)


def _path(ring: Ring, rough: float) -> str:
    closed = np.array([*ring, ring[0]], float)
    points = np.rint(approximate_polygon(closed, rough)).astype(int)[:-1]
    points = points if len(points) > 2 else np.array(ring)
    steps = np.diff(points, axis=0)
    moves = " ".join(f"{x} {y}" for x, y in steps.tolist())
    return f"M{points[0][0]} {points[0][1]}l{moves}z"
