"""What is measured of each label, by scikit-image, and where its numbers mean something else.

- Points are in pixels from the upper left corner of the image, so the middle of the first pixel is
  (0.5, 0.5), as in Fiji and QuPath (scikit-image says (0, 0)). Rounded down they are indices.
- The perimeter runs through the middles of the border pixels, diagonal steps are sqrt(2) long
  (scikit-image's `perimeter`); it is 0 for a single pixel.
- Eccentricity, orientation: of the ellipse with the same second moments. The orientation is the
  angle from the x axis to its long axis, counterclockwise on the screen, 0 to 180 degrees (Fiji's).
- Solidity: the area over that of the convex hull of the pixels' corners (Fiji's).
- Intensities are in the file's own units, of every channel; "integrated" is their sum.
- Micrometres follow from the pixel size; where pixels are not square there is only the area.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from scipy.spatial import ConvexHull
from skimage.measure import regionprops

from .select import Size

SHAPE = (
    "area_px", "centroid_x_px", "centroid_y_px", "bbox_x_px", "bbox_y_px", "bbox_width_px",
    "bbox_height_px", "perimeter_px", "equivalent_diameter_px", "eccentricity", "solidity",
    "orientation_deg",
)  # fmt: skip
LENGTHS = ("perimeter", "equivalent_diameter", "centroid_x", "centroid_y")
INTENSITY = ("mean", "min", "max", "integrated")

Row = dict[str, float]


def columns(channels: Sequence[str], size: Size) -> list[str]:
    """The names of what `measure` finds, in order. One channel needs no name: ("",)."""
    names = ["label", *SHAPE]
    if size:
        names.append("area_um2")
        names += [f"{length}_um" for length in LENGTHS] if is_square(size) else []
    suffixes = [f"_{name}" if name else "" for name in channels]
    return names + [f"intensity_{what}{suffix}" for suffix in suffixes for what in INTENSITY]


def measure(
    labels: np.ndarray,
    pixels: np.ndarray,
    channels: Sequence[str],
    size: Size = None,
    top: int = 0,
    before: int = 0,
) -> Iterator[Row]:
    """A row for each label of (H, W), in order; intensities from pixels (H, W, C). Of a part of an
    image: its first row, and the number before the first label."""
    names = columns(channels, size)
    for region in regionprops(labels, offset=(top, 0)):
        values = [region.label + before, *_shape(region, top)]
        if size:
            values += _metric(dict(zip(SHAPE, values[1:], strict=True)), size)
        values += _intensities(pixels[region.slice][region.image])
        yield dict(zip(names, values, strict=True))


def is_square(size: tuple[float, float]) -> bool:
    """Equal to a thousandth, which files that store fractions of 32 bits do not always reach."""
    return math.isclose(size[0], size[1], rel_tol=1e-3)


def _shape(region: Any, first: int) -> list[float]:
    top, left, bottom, right = region.bbox  # of the part of the image, coords are of all of it
    area = int(region.area)
    y, x = region.coords.T
    middle_x, middle_y = float(x.mean()), float(y.mean())
    eccentricity, orientation = ellipse(x - middle_x, y - middle_y)
    return [
        area, middle_x + 0.5, middle_y + 0.5, left, top + first, right - left, bottom - top,
        float(region.perimeter), float(region.equivalent_diameter_area),
        eccentricity, min(1.0, area / hull_area(region.image)), orientation,
    ]  # fmt: skip


def ellipse(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Eccentricity and orientation in degrees of points around (0, 0), y downwards.

    Of their covariance: scikit-image's numbers, which take it five times as long.
    """
    xx, yy, xy = float(x @ x), float(y @ y), float(x @ y)
    spread = math.hypot(xx - yy, 2 * xy)  # difference of the eigenvalues; their sum is xx + yy
    if spread <= 1e-12 * (xx + yy):  # round: every direction is as long
        return 0.0, 0.0
    eccentricity = math.sqrt(2 * spread / (xx + yy + spread))
    angle = math.degrees(math.atan2(-2 * xy, xx - yy)) / 2 % 180
    return min(1.0, eccentricity), angle if angle < 180 else 0.0  # -1e-15 % 180 is 180.0


def hull_area(mask: np.ndarray) -> float:
    """Area of the convex hull of all corners of a mask's pixels (H, W)."""
    rows = np.flatnonzero(mask.any(axis=1))
    left = mask.argmax(axis=1)[rows]
    right = mask.shape[1] - mask[:, ::-1].argmax(axis=1)[rows]
    x, y = np.concatenate([left, right]), np.concatenate([rows, rows])
    corners = np.column_stack([np.concatenate([x, x]), np.concatenate([y, y + 1])])
    return float(ConvexHull(corners).volume)  # in two dimensions the area is called volume


def _metric(shape: Row, size: tuple[float, float]) -> list[float]:
    area = shape["area_px"] * size[0] * size[1]
    if not is_square(size):
        return [area]
    side = {"centroid_x": size[0], "centroid_y": size[1]}
    mean = math.sqrt(size[0] * size[1])
    return [area, *(shape[f"{length}_px"] * side.get(length, mean) for length in LENGTHS)]


def _intensities(values: np.ndarray) -> list[float]:
    """Mean, min, max and sum of each channel of (area, C)."""
    found: list[float] = []
    for channel in values.T:
        exact = np.int64 if channel.dtype.kind == "u" else np.float64
        total = channel.sum(dtype=exact).item()
        found += [total / channel.size, channel.min().item(), channel.max().item(), total]
    return found
