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
    "seed": 0.6,
    "seam": 0.5,
    "smooth": 1.0,
    "smallest": 12,
    "diameters": [10.0, 60.0],
    "usual": 24.0,
}
"""How the maps are read: thresholds, the fewest pixels of an object, the diameters in pixels
that the network knows well, and the one to which smaller and larger objects are scaled."""


def probability(maps: np.ndarray) -> np.ndarray:
    """(H, W) float32 of raw maps (C, H, W): how likely the pixel is inside an object."""
    return np.asarray(1 / (1 + np.exp(-maps[0])), np.float32)


def instances(
    maps: np.ndarray, card: Mapping[str, Any] | None = None, scale: float = 1.0
) -> np.ndarray:
    """Raw output maps (5, H, W) of the network -> labels (H, W) int32, 0 is background.

    Seeds are the connected plateaus of the distance map without the seams between touching
    objects; from them a watershed floods the foreground. `card` is the model's `read` entry
    (see `READ`); `scale` is by how much the image was resized before the network saw it (the
    maps are back at the image's own size), and with it go the lengths among the rules.
    """
    from scipy import ndimage
    from skimage.segmentation import watershed

    rules = {**READ, **(card or {})}
    inside = probability(maps) > rules["foreground"]
    seam = 1 / (1 + np.exp(-maps[1]))
    height = ndimage.gaussian_filter(maps[2] - rules["seam"] * seam, rules["smooth"] / scale)
    seeds, _ = ndimage.label(height > rules["seed"])
    labels = watershed(-height, seeds, mask=inside)
    sizes = np.bincount(labels.ravel())
    keep = sizes >= rules["smallest"] / scale**2
    keep[0] = False
    return (np.cumsum(keep) * keep).astype(np.int32)[labels]
