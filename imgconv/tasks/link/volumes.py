"""Objects in space measured: volume, surface, place, form, light."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy import ndimage
from skimage.measure import marching_cubes, mesh_surface_area

SMOOTH = 0.8  # pixels: a surface between steps of voxels is that of the solid, not of its stairs


class Voxel(NamedTuple):
    """Sides in micrometres; of an unknown one 1 pixel, and then `known` is false."""

    z: float
    y: float
    x: float
    known: bool = True


def volumes(labels: np.ndarray, voxel: Voxel) -> list[dict[str, Any]]:
    """A row for each label of (Z, H, W).

    Lengths are in micrometres where the sides of a voxel are known; else there are voxels only.
    """
    return [
        {"label": n + 1, **_form(labels[place] == n + 1, place, voxel)}
        for n, place in enumerate(ndimage.find_objects(labels))
        if place is not None
    ]


def columns(suffixes: Sequence[str], voxel: Voxel) -> list[str]:
    metric = ["volume_um3", "surface_um2", "sphericity", "centroid_x_um", "centroid_y_um",
              "centroid_z_um"] if voxel.known else []  # fmt: skip
    light = [f"intensity_{what}{s}" for s in suffixes for what in ("mean", "integrated")]
    places = ["centroid_x_px", "centroid_y_px", "centroid_z_px"]
    return ["label", "z_first", "z_last", "voxels", *places, *metric, *light]


def _form(mask: np.ndarray, place: tuple[slice, ...], voxel: Voxel) -> dict[str, Any]:
    z, y, x = (c.mean() + part.start + 0.5 for c, part in zip(np.nonzero(mask), place, strict=True))
    voxels = int(mask.sum())
    row: dict[str, Any] = {
        "z_first": place[0].start + 1, "z_last": place[0].stop, "voxels": voxels,
        "centroid_x_px": float(x), "centroid_y_px": float(y), "centroid_z_px": float(z),
    }  # fmt: skip
    if not voxel.known:
        return row
    volume = voxels * voxel.z * voxel.y * voxel.x
    area = surface(mask, voxel)
    return row | {
        "volume_um3": volume, "surface_um2": area,
        "sphericity": math.pi ** (1 / 3) * (6 * volume) ** (2 / 3) / area,
        "centroid_x_um": float(x * voxel.x), "centroid_y_um": float(y * voxel.y),
        "centroid_z_um": float(z * voxel.z),
    }  # fmt: skip


def surface(mask: np.ndarray, voxel: Voxel) -> float:
    """Area in µm² of the surface of a mask (Z, H, W), by marching cubes of the mask blurred a
    little in each plane and by the same length in z."""
    sides = np.array(voxel[:3])
    sigma = np.minimum(SMOOTH * min(voxel.y, voxel.x) / sides, SMOOTH)
    padded = np.pad(mask.astype(np.float32), 3)
    soft = ndimage.gaussian_filter(padded, sigma)
    vertices, faces, *_ = marching_cubes(
        soft, min(0.5, 0.5 * float(soft.max())), spacing=tuple(sides)
    )
    return float(mesh_surface_area(vertices, faces))
