"""The two ends of a segmentation network: image -> its input, its output maps -> labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image
from scipy import ndimage
from skimage.morphology import local_maxima, reconstruction
from skimage.segmentation import watershed

PREPARE: dict[str, Any] = {"low": 1.0, "high": 99.8, "clip": [-0.5, 3.0], "compress": 30.0}
"""How the input is made: the percentiles that become 0 and 1, the range kept around them, and how
strongly the fourth channel brings up what is faint beside what is bright."""

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


def prepare(
    planes: np.ndarray,
    card: Mapping[str, Any] | None = None,
    size: tuple[int, int] | None = None,
) -> np.ndarray:
    """(H, W), (H, W, 1) grey or (H, W, 3) RGB of any dtype -> (4, h, w) float32 for the network:
    red, green, blue (grey three times), and their mean compressed (see `compressed`).

    `card` is the model's `prepare` entry (see `PREPARE`); `size` is (h, w) if it is not (H, W).
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
    maps = resized(scaled.transpose(2, 0, 1), size or planes.shape[:2])
    result = np.empty((4, *maps.shape[1:]), np.float32)
    result[:3] = maps
    result[3] = compressed(maps, rules["compress"])
    return result


def resized(maps: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """(C, H, W) float32 at (h, w): bilinear, and without aliasing where that is smaller."""
    if maps.shape[1:] == tuple(size):
        return maps
    across, bilinear = (size[1], size[0]), Image.Resampling.BILINEAR
    return np.stack([np.asarray(Image.fromarray(m).resize(across, bilinear)) for m in maps])


def compressed(maps: np.ndarray, strength: float) -> np.ndarray:
    """(C, H, W) with levels 0 and 1 -> (H, W): the channels' mean on a scale that is linear around
    0 and logarithmic beyond (0 and 1 stay): a nucleus of a hundredth of the range is seen in it."""
    mean = maps.mean(0, dtype=np.float32)
    return np.asarray(np.arcsinh(mean * np.float32(strength)) / np.float32(np.arcsinh(strength)))


READ: dict[str, Any] = {
    "channels": ["foreground", "touching", "distance", "size"],
    "foreground": 0.5,
    "lowest": 0.2,
    "dip": 0.1,
    "seam": 0.5,
    "smooth": 1.0,
    "smallest": 20,
    "diameters": [18.0, 30.0],
    "usual": 24.0,
}
"""How the maps are read. foreground: probability above which a pixel belongs to an object;
lowest: height that the top of an object has at least; dip: how far one goes down on the way
from one top to another; seam: what a certain seam takes from the height; smooth: sigma in
pixels; smallest: fewest pixels of an object, at the size at which the network sees it;
diameters: what the network knows well, in pixels, and usual: the one to which smaller and larger
objects are scaled. A user's own smallest area, in pixels of the image, is "least"."""


def probability(maps: np.ndarray) -> np.ndarray:
    """(H, W) float32 of raw maps (C, H, W): how likely the pixel is inside an object."""
    return _sigmoid(maps[0])


UNIT = 24.0
"""Pixels of the diameter whose size is 0 in the fourth map."""


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


def instances(
    maps: np.ndarray, card: Mapping[str, Any] | None = None, scale: float = 1.0
) -> np.ndarray:
    """Raw output maps (C, H, W) of the network -> labels (H, W) int32, 0 is background.

    The height of a pixel is its distance from the border of its object, less where objects
    touch. Where the way between two tops of a region of the foreground dips, a watershed
    divides the region. `card` is the model's `read` entry (see `READ`); `scale` is by how much
    the image was resized before the network saw it (the maps are back at the image's own
    size), and with it go the lengths among the rules.
    """
    rules = {**READ, **(card or {})}
    inside = probability(maps) > rules["foreground"]
    height = maps[2] - np.float32(rules["seam"]) * _sigmoid(maps[1])
    height = ndimage.gaussian_filter(height, rules["smooth"] / scale)
    smallest = rules["smallest"] / scale**2
    labels = _divided(height, inside, rules["lowest"], rules["dip"], smallest)
    _fill(labels)
    return _numbered(labels, smallest)


def _fill(labels: np.ndarray) -> None:
    """Objects are solid: background that a single one of them encloses becomes part of it."""
    background = ndimage.label(labels == 0)[0]
    height, width = labels.shape
    for hole, (rows, columns) in enumerate(ndimage.find_objects(background), 1):
        if min(rows.start, columns.start) == 0 or rows.stop == height or columns.stop == width:
            continue
        window = slice(rows.start - 1, rows.stop + 1), slice(columns.start - 1, columns.stop + 1)
        inside = background[window] == hole
        around = labels[window][ndimage.binary_dilation(inside) & ~inside]
        if (around == around[0]).all():
            labels[window][inside] = around[0]


def _numbered(labels: np.ndarray, smallest: float) -> np.ndarray:
    """Objects of enough pixels as 1..n, by their top edges from top to bottom of the image."""
    boxes = ndimage.find_objects(labels)
    large = np.bincount(labels.ravel(), minlength=len(boxes) + 1) >= smallest
    kept = [n for n, box in enumerate(boxes, 1) if box and large[n]]
    kept.sort(key=lambda n: (boxes[n - 1][0].start, boxes[n - 1][1].start))
    numbers = np.zeros(len(boxes) + 1, np.int32)
    numbers[kept] = np.arange(1, len(kept) + 1)
    return np.asarray(numbers[labels])


def _divided(
    height: np.ndarray, inside: np.ndarray, lowest: float, dip: float, smallest: float
) -> np.ndarray:
    """Every region of the foreground as one object, or as several where the height dips.

    Working region by region gives what one watershed of the whole image would, in the memory
    of the largest region.
    """
    regions, count = ndimage.label(inside)
    tops = inside & (height == ndimage.maximum_filter(height, 3)) & (height > lowest)
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
