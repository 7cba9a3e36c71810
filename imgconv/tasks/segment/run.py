"""From an image to labels: prepare, run the network, read its maps, at a scale it knows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..card import Card
from .card import READ, USUAL
from .prepare import prepare, resized
from .read import instances, probability, typical_diameter

Network = Callable[[np.ndarray], np.ndarray]
LARGEST = 100e6
"""Pixels of an image as it is enlarged for the network: 8 GB of memory are enough for all of it."""


@dataclass(frozen=True)
class Segmentation:
    labels: np.ndarray  # (H, W) int32, 1..n, 0 is background
    probability: np.ndarray  # (H, W) float32, of being inside an object
    diameter: float | None  # that set the scale: given, or found; None without any object
    scale: float  # by which the image was resized for the network; 1 is not at all


def segment(
    planes: np.ndarray,
    network: Network,
    card: Card = USUAL,
    diameter: float | None = None,
) -> Segmentation:
    """Find the objects of one image.

    planes: (H, W), (H, W, 1) or (H, W, 3) of any dtype. network: (4, H, W) float32 -> (4, H, W).
    card: how the image is prepared and the maps are read. diameter: of a typical object
    in pixels. Without it the image is looked at as it is, and once more at another scale if its
    objects are smaller or larger than what the network knows well.
    """
    rules = dict(card.read)

    def look(scale: float) -> np.ndarray:
        return network(prepare(planes, card.prepare, _scaled(planes.shape[:2], scale)))

    first = look(1.0) if diameter is None else None
    typical = diameter if first is None else typical_diameter(first)
    scale = scale_for(typical, rules) if typical else 1.0
    scale = min(scale, max(1.0, (LARGEST / (planes.shape[0] * planes.shape[1])) ** 0.5))
    maps = look(scale) if first is None or scale != 1.0 else first
    if "least" in rules:
        rules["smallest"] = rules["least"] * scale**2
    return _read(maps, planes.shape[:2], rules, scale, typical)


def scale_for(diameter: float, rules: Mapping[str, Any] = READ) -> float:
    """1 for diameters the network knows well, else what brings them to the usual one."""
    low, high = rules["diameters"]
    return 1.0 if low <= diameter <= high else float(np.clip(rules["usual"] / diameter, 0.125, 4.0))


def _scaled(size: tuple[int, ...], scale: float) -> tuple[int, int]:
    height, width = (side if scale == 1.0 else max(16, round(side * scale)) for side in size)
    return height, width


def _read(
    maps: np.ndarray,
    size: tuple[int, ...],
    rules: Mapping[str, Any],
    scale: float,
    diameter: float | None,
) -> Segmentation:
    """Labels of an image of this size from maps made at the scale."""
    if scale > 1.0:  # small objects are told apart where they are large
        labels = _sampled(instances(maps, rules), size)
        maps = resized(maps[:1], size)
    else:  # large ones get smooth outlines
        maps = resized(maps, size)
        labels = instances(maps, rules, scale)
    return Segmentation(labels, probability(maps), diameter if labels.any() else None, scale)


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
