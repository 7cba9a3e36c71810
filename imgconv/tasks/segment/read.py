"""From a segmentation network's maps to labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from scipy import ndimage
from skimage.morphology import local_maxima, reconstruction
from skimage.segmentation import watershed

from .card import READ, UNIT

TRUNCATE = 4.0  # sigmas that the smoothing reaches


def probability(maps: np.ndarray) -> np.ndarray:
    """(H, W) float32 of raw maps (C, H, W): how likely the pixel is inside an object."""
    return _sigmoid(maps[0])


def typical_diameter(maps: np.ndarray) -> float | None:
    """What the network takes for the diameter of most objects, in its own pixels: its median over
    all pixels inside of one. None where there is no object.

    It knows better than the labels do: large objects look like many small ones to its outlines,
    and not to its sense of size.
    """
    inside = maps[0] > 0
    return float(UNIT * 2 ** np.median(maps[3][inside])) if inside.any() else None


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-np.clip(x, -30, 30))), np.float32)


def instances(maps: np.ndarray, rules: Mapping[str, Any] = READ, scale: float = 1.0) -> np.ndarray:
    """Raw output maps (C, H, W) of the network -> labels (H, W) int32, 0 is background.

    The height of a pixel is its distance from the border of its object, less where objects
    touch. Where the way between two tops of a region of the foreground dips, a watershed
    divides the region. `rules` are the card's `read`; `scale` is by how much
    the image was resized before the network saw it (the maps are back at the image's own
    size), and with it go the lengths among the rules.
    """
    ground = relief(maps, rules, scale)
    smallest = rules["smallest"] / scale**2
    labels = divide(ground, rules["lowest"], rules["dip"], smallest)
    fill(labels)
    return number(labels, smallest)


class Relief(NamedTuple):
    """What objects are made of, each (H, W): the foreground, how high it is, and its tops."""

    inside: np.ndarray  # bool
    height: np.ndarray  # float32
    tops: np.ndarray  # bool


def relief(maps: np.ndarray, rules: Mapping[str, Any], scale: float) -> Relief:
    """Of raw maps (C, H, W); each pixel by those not farther than `reach`."""
    inside = probability(maps) > rules["foreground"]
    height = maps[2] - np.float32(rules["seam"]) * _sigmoid(maps[1])
    height = ndimage.gaussian_filter(height, rules["smooth"] / scale, truncate=TRUNCATE)
    tops = inside & (height == ndimage.maximum_filter(height, 3)) & (height > rules["lowest"])
    return Relief(inside, height, tops)


def reach(rules: Mapping[str, Any], scale: float) -> int:
    """Pixels."""
    return int(TRUNCATE * float(rules["smooth"] / scale) + 0.5) + 1


def fill(labels: np.ndarray) -> None:
    """Objects are solid: background that a single one of them encloses becomes part of it. What is
    less than 0 is neither background nor an object."""
    background = ndimage.label(labels == 0)[0]
    height, width = labels.shape
    for hole, (rows, columns) in enumerate(ndimage.find_objects(background), 1):
        if min(rows.start, columns.start) == 0 or rows.stop == height or columns.stop == width:
            continue
        window = slice(rows.start - 1, rows.stop + 1), slice(columns.start - 1, columns.stop + 1)
        inside = background[window] == hole
        around = labels[window][ndimage.binary_dilation(inside) & ~inside]
        if around[0] > 0 and (around == around[0]).all():
            labels[window][inside] = around[0]


def number(labels: np.ndarray, smallest: float = 1) -> np.ndarray:
    """Objects of enough pixels as 1..n, by their top edges from top to bottom of the image."""
    boxes = ndimage.find_objects(labels)
    large = np.bincount(labels.ravel(), minlength=len(boxes) + 1) >= smallest
    kept = [n for n, box in enumerate(boxes, 1) if box and large[n]]
    kept.sort(key=lambda n: (boxes[n - 1][0].start, boxes[n - 1][1].start))
    numbers = np.zeros(len(boxes) + 1, np.int32)
    numbers[kept] = np.arange(1, len(kept) + 1)
    return np.asarray(numbers[labels])


def divide(ground: Relief, lowest: float, dip: float, smallest: float) -> np.ndarray:
    """Every region of the foreground as one object, or as several where the height dips.

    Working region by region gives what one watershed of the whole image would, in the memory
    of the largest region.
    """
    inside, height, tops = ground
    regions, count = ndimage.label(inside)
    top_counts = np.bincount(regions[tops], minlength=count + 1)
    labels = np.where(top_counts > 0, np.arange(count + 1, dtype=np.int32), 0)[regions]
    sizes = np.bincount(regions.ravel(), minlength=count + 1)
    places = ndimage.find_objects(regions)
    for region in np.flatnonzero((top_counts > 1) & (sizes >= 2 * smallest)):
        window = places[region - 1]
        mask = regions[window] == region
        part = _parts(np.where(mask, height[window], 0), mask, lowest, dip)
        if part.max() > 1:
            labels[window][mask] = part[mask] + count
            count += int(part.max())
    return np.asarray(labels)


def _parts(height: np.ndarray, mask: np.ndarray, lowest: float, dip: float) -> np.ndarray:
    """One region flooded from its tops, the h-maxima: numbered from 1."""
    height = np.maximum(height, 0)
    cut = reconstruction(height - dip, height)  # tops are plateaus now, small ones are gone
    plateaus = local_maxima(cut) & (cut > lowest - dip)
    seeds, count = ndimage.label(plateaus, np.ones((3, 3)))
    return np.asarray(watershed(-height, seeds, mask=mask)) if count > 1 else seeds
