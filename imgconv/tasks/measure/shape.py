"""Shape beyond the usual columns, by scikit-image."""

from __future__ import annotations

import math

import numpy as np
from skimage.measure import regionprops

from .objects import Columns, Objects

NAMES = (
    "axis_major_px", "axis_minor_px", "feret_px", "extent", "form_factor", "euler_number",
    "inscribed_radius_px",
)  # fmt: skip


def form(objects: Objects) -> Columns:
    """Axes of the ellipse, Feret's diameter, extent, form factor, holes, the circle inside."""
    from scipy import ndimage

    rows = []
    for region in regionprops(objects.labels):
        perimeter = float(region.perimeter)
        inside = ndimage.distance_transform_edt(np.pad(region.image, 1)).max()
        rows.append((
            float(region.axis_major_length), float(region.axis_minor_length),
            float(region.feret_diameter_max), float(region.extent),
            4 * math.pi * float(region.area) / perimeter**2 if perimeter else math.nan,
            float(region.euler_number), float(inside),
        ))  # fmt: skip
    table = np.array(rows).reshape(-1, len(NAMES))
    return dict(zip(NAMES, table.T, strict=True))
