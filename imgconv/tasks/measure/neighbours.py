"""How objects lie among others: who touches, who is nearest, how dense it is."""

from __future__ import annotations

import math

import numpy as np
from scipy.spatial import cKDTree

from imgconv.tasks.labels.measure import is_square

from .objects import Columns, Objects

AMONG = 5  # the local density is that up to the fifth neighbour


def neighbours(objects: Objects) -> Columns:
    """Touching objects and the share of the border that touches, the nearest centroid, density."""
    count, at = objects.count, objects.centroids
    touching, share = _touching(objects)
    tree = cKDTree(at) if count else None
    distances, which = (
        tree.query(at, min(count, AMONG + 1)) if tree and count > 1 else (np.zeros((count, 0)),) * 2
    )
    alone = np.full(count, np.nan)
    nearest = distances[:, 1] if count > 1 else alone
    fifth = distances[:, AMONG] if count > AMONG else alone
    with np.errstate(divide="ignore"):
        density = AMONG / (math.pi * fifth**2) * 1e6
    found: Columns = {
        "touching": touching,
        "touching_fraction": share,
        "nearest_label": objects.numbers[which[:, 1]] if count > 1 else alone,
        "nearest_distance_px": nearest,
        "local_density_per_megapixel": density,
    }
    if objects.size and is_square(objects.size):
        side = math.sqrt(objects.size[0] * objects.size[1])
        found["nearest_distance_um"] = nearest * side
        found["local_density_per_mm2"] = density / side**2
    return found


def _touching(objects: Objects) -> tuple[np.ndarray, np.ndarray]:
    """How many others each object touches (8 neighbours), and the share of its border pixels
    (which have one of 8 neighbours outside the object) that touch another."""
    labels = np.pad(objects.labels, 1, mode="edge")
    inner = objects.labels
    border, touched = np.zeros(inner.shape, bool), np.zeros(inner.shape, bool)
    pairs = []
    for down in range(3):
        for right in range(3):
            beside = labels[down : down + inner.shape[0], right : right + inner.shape[1]]
            differs = (inner > 0) & (beside != inner)
            others = differs & (beside > 0)
            border |= differs
            touched |= others
            pairs.append(np.stack([inner[others], beside[others]], axis=1))
    several = np.unique(np.concatenate(pairs), axis=0)
    many = np.bincount(several[:, 0], minlength=objects.count + 1)[1:]
    edges = np.bincount(inner[border], minlength=objects.count + 1)[1:]
    shared = np.bincount(inner[touched], minlength=objects.count + 1)[1:]
    return many, np.where(edges > 0, shared / np.maximum(edges, 1), 0.0)
