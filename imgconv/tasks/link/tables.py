"""Tables of what was linked: tracks as TrackMate and napari read them, volumes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from imgconv.tasks.labels.select import Size

from .volumes import Voxel, volumes

# TrackMate's own names: its CSV importer is told which column is which. Positions are those of
# ImageJ: the middle of the first pixel is 0.
TRACK_COLUMNS = ("TRACK_ID", "FRAME", "POSITION_X", "POSITION_Y", "POSITION_Z", "POSITION_T",
                 "RADIUS", "QUALITY", "ID", "PARENT_TRACK_ID")  # fmt: skip

Row = Mapping[str, Any]


def track_rows(
    rows: Iterable[Row], size: Size, depth: float | None, interval: float | None, before: str
) -> list[dict[str, Any]]:
    """A row for each object of each time, by tracks, from rows of the table of measurements.

    In micrometres and seconds where these are known, else in pixels and frames. `before` is the
    column that counts positions, "" without.
    """
    width, height = size or (1.0, 1.0)
    deep, long = depth or 1.0, interval or 1.0
    found = []
    for number, parts in enumerate(_together(rows, before)):
        first = parts[0]
        areas = np.array([part["area_px"] for part in parts], float)
        x, y, z = (
            float((areas * [part.get(name, 1) for part in parts]).sum() / areas.sum())
            for name in ("centroid_x_px", "centroid_y_px", "z")
        )
        found.append({
            **({before: first[before]} if before else {}),
            "TRACK_ID": first["track"], "FRAME": first["t"] - 1,
            "POSITION_X": (x - 0.5) * width, "POSITION_Y": (y - 0.5) * height,
            "POSITION_Z": (z - 1) * deep, "POSITION_T": (first["t"] - 1) * long,
            "RADIUS": float((areas.max() / np.pi) ** 0.5) * (width * height) ** 0.5,
            "QUALITY": 1, "ID": number, "PARENT_TRACK_ID": first["parent"],
        })  # fmt: skip
    key = (
        (lambda r: (r[before], r["TRACK_ID"], r["FRAME"]))
        if before
        else (lambda r: (r["TRACK_ID"], r["FRAME"]))
    )
    return sorted(found, key=key)


def _together(rows: Iterable[Row], before: str) -> list[list[Row]]:
    """The rows of one object at one time, which has one in each of its planes."""
    found: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        found.setdefault((row.get(before), row["t"], row["track"]), []).append(row)
    return list(found.values())


def volume_rows(
    labels: np.ndarray, rows: Sequence[Row], suffixes: Sequence[str], voxel: Voxel
) -> list[dict[str, Any]]:
    """A row for each object of labels (Z, H, W), whose rows of each plane are given."""
    parts: dict[int, list[Row]] = {}
    for row in rows:
        parts.setdefault(row["label"], []).append(row)
    found = volumes(labels, voxel)
    for one in found:
        own = parts[one["label"]]
        for suffix in suffixes:
            total = sum(part[f"intensity_integrated{suffix}"] for part in own)
            one[f"intensity_mean{suffix}"] = total / one["voxels"]
            one[f"intensity_integrated{suffix}"] = total
    return found
