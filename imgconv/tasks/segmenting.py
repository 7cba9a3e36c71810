"""From an image to labels: prepare, run the network, read its maps, at a scale it knows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from imgconv.tasks.instances import READ, instances, prepare, probability, resized

Network = Callable[[np.ndarray], np.ndarray]
LARGEST = 100e6
"""Pixels of an image as it is enlarged for the network: 8 GB of memory are enough for all of it."""


@dataclass(frozen=True)
class Segmentation:
    labels: np.ndarray  # (H, W) int32, 1..n, 0 is background
    probability: np.ndarray  # (H, W) float32, of being inside an object
    diameter: float | None  # given, or the median found; None without any object
    scale: float  # by which the image was resized for the network; 1 is not at all


def segment(
    planes: np.ndarray,
    network: Network,
    card: Mapping[str, Any] | None = None,
    diameter: float | None = None,
) -> Segmentation:
    """Find the objects of one image.

    planes: (H, W), (H, W, 1) or (H, W, 3) of any dtype. network: (4, H, W) float32 -> (3, H, W).
    card: the model's card, of which `prepare` and `read` are used. diameter: of a typical object
    in pixels. Without it the image is looked at as it is, and once more at another scale if
    what was found is smaller or larger than what the network knows well.
    """
    rules = {**READ, **(card or {}).get("read", {})}
    at = partial(_at, planes, network, (card or {}).get("prepare"), rules)
    if diameter is not None:
        return at(scale_for(diameter, rules), diameter)
    first = at(1.0)
    typical = typical_diameter(first.labels)
    scale = scale_for(typical, rules) if typical else 1.0
    return first if scale == 1.0 else at(scale)


def scale_for(diameter: float, rules: Mapping[str, Any] = READ) -> float:
    """1 for diameters the network knows well, else what brings them to the usual one."""
    low, high = rules["diameters"]
    return 1.0 if low <= diameter <= high else float(np.clip(rules["usual"] / diameter, 0.125, 4.0))


def median_diameter(labels: np.ndarray) -> float | None:
    """The median diameter of the circles of the objects' areas; None without any object."""
    areas = np.bincount(labels.ravel())[1:]
    return float(np.sqrt(np.median(areas) * 4 / np.pi)) if areas.size else None


def typical_diameter(labels: np.ndarray) -> float | None:
    """The diameter of the object in which the median object pixel lies; None without any.

    Unlike the median it is not led astray by the many fragments into which a network breaks
    objects that are too large for it.
    """
    areas = np.sort(np.bincount(labels.ravel())[1:])
    if not areas.size:
        return None
    covered = np.cumsum(areas)
    return float(np.sqrt(areas[np.searchsorted(covered, covered[-1] / 2)] * 4 / np.pi))


def _at(
    planes: np.ndarray,
    network: Network,
    prepared: Mapping[str, Any] | None,
    rules: Mapping[str, Any],
    scale: float,
    diameter: float | None = None,
) -> Segmentation:
    size = planes.shape[:2]
    scale = min(scale, max(1.0, (LARGEST / (size[0] * size[1])) ** 0.5))
    seen = tuple(max(16, round(side * scale)) for side in size) if scale != 1.0 else size
    maps = network(prepare(planes, prepared, seen))
    if scale > 1.0:  # small objects are told apart where they are large
        labels = _sampled(instances(maps, rules), size)
        maps = resized(maps[:1], size)
    else:  # large ones get smooth outlines
        maps = resized(maps, size)
        labels = instances(maps, rules, scale)
    return Segmentation(labels, probability(maps), diameter or median_diameter(labels), scale)


def _sampled(labels: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """Labels at a smaller size: those at the middles of its pixels, renumbered 1..n."""
    rows, columns = (
        ((np.arange(small) + 0.5) * large / small).astype(np.intp)
        for small, large in zip(size, labels.shape, strict=True)
    )
    small = labels[rows[:, None], columns]
    there = np.bincount(small.ravel()) > 0
    there[0] = False
    return (np.cumsum(there) * there).astype(np.int32)[small]
