"""From what the networks say to how strong the noise is, and what to take out.

The gauge gives (3, h, w), for every `PLACE` x `PLACE` pixels: the level of the brightness, that of
the colour (white being 1), and the logarithm of how much the place counts.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from imgconv.ops.filter import Filter
from imgconv.ops.stencil import uniform

PLACE = 8
EDGE = 2  # places that see what lies beyond the image
CLIPPED = (0.1, 0.9)  # share of a place's pixels as dark or bright as any: its noise is cut off
SILENT = np.float32(-1e30)  # logarithm of no weight
ENOUGH = 0.03  # share of the places that must be left without such, if they are not to count
AGREE = 0.1  # white noise's levels vary by this share of themselves from place to place
TEXTURE = (2.5, 1 / 255)  # texture's by themselves: times as much as they vary more, and a rest

SIDE = 65  # pixels of the box in which the mean is kept


def pool_levels(gauge: np.ndarray) -> np.ndarray:
    """(3, h, w) -> (2,): the whole image's levels, by the weight of each place."""
    return spread(gauge)[0]


def without_texture(gauge: np.ndarray) -> np.ndarray:
    """(3, h, w) -> (2,) levels, less what is likely texture.

    Noise is everywhere, texture here and there: as much as places disagree may be texture. Fourth
    powers take away a level that is no larger, and leave one that is twice as large.
    """
    return less_texture(*spread(gauge))


def less_texture(level: np.ndarray, deviation: np.ndarray) -> np.ndarray:
    """(2,) levels less what is likely texture, by their (2,) standard deviations over places."""
    times, rest = TEXTURE
    excess = np.sqrt(np.maximum(deviation**2 - (AGREE * level) ** 2, 0))
    return np.maximum(level**4 - (times * excess) ** 4 - rest**4, 0) ** 0.25


def spread(gauge: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(3, h, w) -> (2,) weighted means and (2,) standard deviations over the inner places."""
    return spread_of(row_sums(gauge[(slice(None), *inner(*gauge.shape[1:]))]))


def row_sums(gauge: np.ndarray) -> np.ndarray:
    """(3, h, w) -> (6, h) of each row of places: the largest logarithm of a weight; and, by weights
    relative to that, their sum, the sums of both levels and those of their squares."""
    levels, weight = gauge[:2].astype(np.float64), gauge[2].astype(np.float64)
    most = weight.max(1)
    share = np.exp(weight - most[:, None])
    first, second = levels * share, levels * levels * share
    return np.concatenate([[most, share.sum(1)], first.sum(2), second.sum(2)])


def spread_of(sums: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """As `spread`, of the sums (6, h) of all rows."""
    total, *parts = (sums[1:] * np.exp(sums[0] - sums[0].max())).sum(1)
    mean, square = np.array(parts[:2]) / total, np.array(parts[2:]) / total
    deviation = np.sqrt(np.maximum(square - mean**2, 0))
    return np.maximum(mean, 0).astype(np.float32), deviation.astype(np.float32)


def inner(height: int, width: int) -> tuple[slice, slice]:
    """The places that see nothing beyond the image, if there are any. Small crops are mostly
    edge: counted in, it made the levels of whole images 8 % too large."""
    rows, columns = (slice(EDGE, -EDGE) if n > 2 * EDGE else slice(None) for n in (height, width))
    return rows, columns


def ignore_clipped(gauge: np.ndarray, image: np.ndarray) -> np.ndarray:
    """(3, h, w) of an image (C, H, W), in which places do not count whose noise is cut off at
    black or white. Where all is black or white they do: it may be the paper of a drawing."""
    mute = silent_places(clipped_shares(image, image.min(), image.max()))
    return gauge if mute is None else silence(gauge, mute)


def clipped_shares(image: np.ndarray, low: float, high: float) -> np.ndarray:
    """(h, w): of each place of an image (C, H, W), the share of pixels that are one of these."""
    return _shares(np.asarray(((image <= low) | (image >= high)).any(0)))


def silent_places(ends: np.ndarray) -> np.ndarray | None:
    """(h, w) bool: places that do not count, by the shares `ends` (h, w) of pixels as dark or
    bright as any; None where all count."""
    mute = (ends > CLIPPED[0]) & (ends < CLIPPED[1])
    beside = sliding_window_view(np.pad(mute, 1), (3, 3))
    mute = np.asarray(beside.any((2, 3)))
    telling = ~mute[inner(*mute.shape)]
    if telling.sum() < max(9, ENOUGH * telling.size):
        return None
    return mute


def silence(gauge: np.ndarray, mute: np.ndarray) -> np.ndarray:
    """(3, h, w) in which the places of `mute` (h, w) have no weight."""
    return np.stack([gauge[0], gauge[1], np.where(mute, SILENT, gauge[2])])


def _shares(mask: np.ndarray) -> np.ndarray:
    """(H, W) bool -> (h, w): the share of each place's pixels that are true."""
    counts = np.ones((1, 1))
    for axis, size in enumerate(mask.shape):
        starts = np.arange(0, size, PLACE)
        mask = np.add.reduceat(mask, starts, axis, dtype=np.int32)
        each = np.diff(np.append(starts, size))
        counts = counts * (each[:, None] if axis == 0 else each)
    return np.asarray(mask / counts)


def percentile(counts: np.ndarray, share: float) -> float:
    """np.percentile of whole numbers, of each of which there are so many: counts (levels,)."""
    place = (counts.sum() - 1) * (share / 100)
    below = np.searchsorted(counts.cumsum(), [np.floor(place), np.ceil(place)], "right")
    (a, b), part = below.astype(np.float64), place - np.floor(place)
    return float(a + (b - a) * part if part < 0.5 else b - (b - a) * (1 - part))


def balance(removed: np.ndarray) -> np.ndarray:
    """(H, W) -> float32 (H, W) without its mean around every place and in all."""
    balanced = removed - evening(removed.shape)(removed[..., None])[..., 0]
    return (balanced - mean_of(balanced.sum(1, dtype=np.float64), removed.shape)).astype(np.float32)


def evening(shape: tuple[int, ...]) -> Filter:
    """What gives the mean around every place of an image (H, W): two box filters, about a Gaussian
    of 26 pixels."""
    side = min(SIDE, *shape[:2])
    box = (uniform(side, side),)
    return Filter((box, box), "symmetric", range="float")


def mean_of(sums: np.ndarray, shape: tuple[int, ...]) -> np.float64:
    """Of an image (H, W), by the sums of its rows."""
    return np.float64(math.fsum(sums) / (shape[0] * shape[1]))
