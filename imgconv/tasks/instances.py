"""The two ends of a segmentation network: image -> its input, its output maps -> labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

PREPARE: dict[str, Any] = {"low": 1.0, "high": 99.8, "clip": [-0.5, 3.0]}
"""How the input is made: the percentiles that become 0 and 1, and the range kept around them."""

_SAMPLES = 1 << 20


def levels(planes: np.ndarray, low: float, high: float) -> tuple[float, float]:
    """The two percentiles of the image, over all channels together.

    Large images are sampled on a regular grid of about a million pixels. NaN and infinity
    are left out. A constant image gives (value, value + 1).
    """
    step = max(1, int(np.sqrt(planes.shape[0] * planes.shape[1] / _SAMPLES)))
    sample = planes[::step, ::step].astype(np.float32).ravel()
    sample = sample[np.isfinite(sample)]
    if not sample.size:
        return 0.0, 1.0
    dark, bright = (float(v) for v in np.percentile(sample, [low, high]))
    if bright <= dark:
        dark, bright = float(sample.min()), float(sample.max())
    return dark, bright if bright > dark else dark + 1.0


def prepare(planes: np.ndarray, card: Mapping[str, Any] | None = None) -> np.ndarray:
    """(H, W), (H, W, 1) grey or (H, W, 3) RGB of any dtype -> (3, H, W) float32 for the network.

    Grey is repeated three times. `card` is the model's `prepare` entry (see `PREPARE`).
    """
    rules = {**PREPARE, **(card or {})}
    if planes.ndim == 2:
        planes = planes[:, :, None]
    if planes.shape[2] not in (1, 3):
        raise ValueError(f"{planes.shape[2]} channels; a network looks at 1 (grey) or 3 (RGB)")
    dark, bright = levels(planes, rules["low"], rules["high"])
    scaled = (planes.astype(np.float32) - np.float32(dark)) / np.float32(bright - dark)
    scaled = np.nan_to_num(scaled, copy=False, nan=0.0, posinf=1e9, neginf=-1e9)
    np.clip(scaled, *rules["clip"], out=scaled)
    return np.ascontiguousarray(np.broadcast_to(scaled.transpose(2, 0, 1), (3, *planes.shape[:2])))


READ: dict[str, Any] = {
    "channels": ["foreground", "touching", "distance", "offset_y", "offset_x"],
    "foreground": 0.5,
    "seed": 0.5,
    "alone": 0.2,
    "seam": 0.5,
    "smooth": 1.0,
    "smallest": 12,
    "diameters": [10.0, 60.0],
    "usual": 24.0,
}
"""How the maps are read. foreground: probability above which a pixel belongs to an object; seed:
height above which pixels are the middle of one; alone: the height that is enough for a region
without any seed; seam: what a certain seam takes from the height; smooth: sigma in pixels;
smallest: fewest pixels of an object; diameters: what the network knows well, in pixels, and
usual: the one to which smaller and larger objects are scaled."""


def probability(maps: np.ndarray) -> np.ndarray:
    """(H, W) float32 of raw maps (C, H, W): how likely the pixel is inside an object."""
    return _sigmoid(maps[0])


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-np.clip(x, -30, 30))), np.float32)


def instances(
    maps: np.ndarray, card: Mapping[str, Any] | None = None, scale: float = 1.0
) -> np.ndarray:
    """Raw output maps (C, H, W) of the network -> labels (H, W) int32, 0 is background.

    The height of a pixel is its distance from the border of its object, less where objects
    touch. Seeds are the connected pixels of great height; where a region of the foreground
    holds several, a watershed divides it. `card` is the model's `read` entry (see `READ`);
    `scale` is by how much the image was resized before the network saw it (the maps are back
    at the image's own size), and with it go the lengths among the rules.
    """
    from scipy import ndimage

    rules = {**READ, **(card or {})}
    inside = probability(maps) > rules["foreground"]
    height = maps[2] - np.float32(rules["seam"]) * _sigmoid(maps[1])
    height = ndimage.gaussian_filter(height, rules["smooth"] / scale)
    regions, count = ndimage.label(inside)
    seeds, _ = ndimage.label(inside & (height > rules["seed"]))
    labels = _flooded(height, regions, count, seeds, rules["alone"])
    sizes = np.bincount(labels.ravel())
    keep = sizes >= rules["smallest"] / scale**2
    keep[0] = False
    return (np.cumsum(keep) * keep).astype(np.int32)[labels]


def _flooded(
    height: np.ndarray, regions: np.ndarray, count: int, seeds: np.ndarray, alone: float
) -> np.ndarray:
    """Every region as one object, or divided among its seeds if it has more than one.

    Working region by region gives what one watershed of the whole image would, in the memory
    of the largest region.
    """
    from scipy import ndimage

    first, last = _seeds_of(regions, count, seeds)
    highest = ndimage.maximum(height, regions, np.arange(count + 1))
    single = np.where(highest > alone, np.arange(count + 1), 0)
    single[0] = 0
    labels = single[regions]
    number = count
    places = ndimage.find_objects(regions)
    for region in np.flatnonzero((last > first) & (first > 0)):
        window = places[region - 1]
        mask = regions[window] == region
        part = _divided(height[window], seeds[window] * mask, mask)
        labels[window][mask] = part[mask] + number
        number += int(part.max())
    return np.asarray(labels)


def _divided(height: np.ndarray, seeds: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """One region among its seeds, numbered from 1."""
    from skimage.segmentation import watershed

    _, dense = np.unique(seeds, return_inverse=True)
    return np.asarray(watershed(-height, dense.reshape(seeds.shape), mask=mask))


def _seeds_of(regions: np.ndarray, count: int, seeds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The lowest and the highest number of the seeds in every region; 0 where there is none."""
    at = np.flatnonzero(seeds)
    region, seed = regions.ravel()[at], seeds.ravel()[at]
    first, last = np.full(count + 1, np.iinfo(np.int32).max), np.zeros(count + 1, np.int32)
    np.minimum.at(first, region, seed)
    np.maximum.at(last, region, seed)
    return np.where(last > 0, first, 0), last
