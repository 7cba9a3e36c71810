"""A plane as the report shows it: a small picture, and its objects' outlines as paths."""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np
from PIL import Image
from skimage.measure import approximate_polygon

from imgconv.tasks.labels.outline import Ring, outlines
from imgconv.tasks.labels.overlay import stretch

LARGEST, LEAST, QUALITY = 900, 160, 78  # pixels of the longer side, of a JPEG
ROUGH = 0.6  # pixels of the picture that an outline may be off


def jpeg(pixels: np.ndarray, most: int) -> bytes:
    """A JPEG of about `most` bytes of an image (H, W, 1 or 3) of any range."""
    image = Image.fromarray(stretch(pixels))
    side = min(LARGEST, max(image.size))
    while True:
        small = image.copy()
        small.thumbnail((side, side), Image.Resampling.LANCZOS)
        file = io.BytesIO()
        small.convert("RGB" if pixels.shape[2] == 3 else "L").save(file, "JPEG", quality=QUALITY)
        if file.tell() <= most or side <= LEAST:
            return file.getvalue()
        side = max(LEAST, int(side * 0.8))


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
