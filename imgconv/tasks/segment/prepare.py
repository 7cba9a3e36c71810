"""From an image to a segmentation network's input."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image

from .card import PREPARE
from .levels import Levels

_SAMPLES = 1 << 20


def percentiles(planes: np.ndarray, low: float, high: float) -> tuple[float, float]:
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


def percentile_levels(planes: np.ndarray, rules: Mapping[str, Any] = PREPARE) -> Levels:
    """The levels that are percentiles of the canvas: right where it is about as full as usual."""
    dark, bright = percentiles(planes, rules["low"], rules["high"])
    return Levels(dark, bright - dark)


def prepare(
    planes: np.ndarray,
    rules: Mapping[str, Any] = PREPARE,
    size: tuple[int, int] | None = None,
    levels: Levels | None = None,
) -> np.ndarray:
    """(H, W), (H, W, 1) grey or (H, W, 3) RGB of any dtype -> (4, h, w) float32 for the network:
    red, green, blue (grey three times), and their mean compressed (see `compress`).

    `rules` are the card's `prepare`; `size` is (h, w) if it is not (H, W); `levels` are those of
    the objects, by percentiles of the image if they are not known.
    """
    if planes.ndim == 2:
        planes = planes[:, :, None]
    if planes.shape[2] not in (1, 3):
        raise ValueError(f"{planes.shape[2]} channels; a network looks at 1 (grey) or 3 (RGB)")
    scaled = at_levels(planes, rules, levels or percentile_levels(planes, rules))
    return with_compressed(resize_maps(scaled, size or planes.shape[:2]), rules)


def at_levels(planes: np.ndarray, rules: Mapping[str, Any], levels: Levels) -> np.ndarray:
    """(H, W, C) of any dtype -> (C, H, W) float32: the levels are 0 and 1, what is far is clipped,
    pixel by pixel."""
    scaled = (planes.astype(np.float32) - np.float32(levels.zero)) / np.float32(levels.span)
    if "glare" in rules:  # no object: shown as it is, it would hide those beside it
        scaled[scaled > np.float32(rules["glare"])] = 0
    scaled = np.nan_to_num(scaled, copy=False, nan=0.0, posinf=1e9, neginf=-1e9)
    np.clip(scaled, *rules["clip"], out=scaled)
    return scaled.transpose(2, 0, 1)


def with_compressed(maps: np.ndarray, rules: Mapping[str, Any]) -> np.ndarray:
    """(1 or 3, H, W) at their levels -> (4, H, W), the network's input, pixel by pixel."""
    result = np.empty((4, *maps.shape[1:]), np.float32)
    result[:3] = maps
    result[3] = compress(maps, rules["compress"])
    return result


def resize_maps(maps: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """(C, H, W) float32 at (h, w): bilinear, and without aliasing where that is smaller. First
    across, then down: versions of Pillow choose otherwise."""
    if maps.shape[1:] == tuple(size):
        return maps
    return np.stack([_resize(_resize(one, len(one), size[1]), *size) for one in maps])


def _resize(one: np.ndarray, height: int, width: int) -> np.ndarray:
    return np.asarray(Image.fromarray(one).resize((width, height), Image.Resampling.BILINEAR))


def compress(maps: np.ndarray, strength: float) -> np.ndarray:
    """(C, H, W) with levels 0 and 1 -> (H, W): the channels' mean on a scale that is linear around
    0 and logarithmic beyond (0 and 1 stay): a nucleus of a hundredth of the range is seen in it."""
    mean = maps.mean(0, dtype=np.float32)
    return np.asarray(np.arcsinh(mean * np.float32(strength)) / np.float32(np.arcsinh(strength)))
