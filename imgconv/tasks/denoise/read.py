"""From what the networks say to how strong the noise is, where lines are, and what to take out.

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

LIKELY = -0.5  # logit of a line's pixels
SURE, EXTENT = (5.0, 2.0), (60, 200)  # logits of its best, if it is as short, as long in pixels
SHARE = 0.25  # of its pixels that are the best: chance seldom makes long lines of middling ones
FRINGE, REACH = -4.5, 2  # logits of its soft edges, and pixels that these are wide
LENGTH = 14  # pixels that a line is long, in images that small 2/5 of their side
GAP = 16  # pixels between two dashes of one line, at most
BESIDE = (3, 6)  # pixels from a line to what is beside it, and to what is not any more
PAPER = 0.9  # share of what is beside all lines that is of even colour: they are a plot's
STEPS = 128  # of the range of values, that colours are compared by
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


def dilate(mask: np.ndarray, pixels: int) -> np.ndarray:
    """(H, W) bool, grown by that many pixels to all sides."""
    from scipy import ndimage

    square = np.ones((3, 3), bool)
    return ndimage.binary_dilation(mask, square, iterations=pixels) if pixels else mask


def decide_lines(overlay: np.ndarray) -> np.ndarray:
    """(H, W) logits -> bool: pixels that are likely a line's. A line is long enough, dashes and
    gaps counted in, and a good part of it is sure; its soft edges are less so.
    """
    from scipy import ndimage

    likely = overlay > LIKELY
    if not likely.any():
        return likely
    square = np.ones((3, 3), bool)
    joined = ndimage.binary_dilation(likely, square, iterations=GAP // 2)
    labels = ndimage.label(joined, square)[0] * likely
    sides = [[b.stop - b.start for b in box] for box in ndimage.find_objects(labels)]
    needed = np.interp(np.log(np.hypot(*np.transpose(sides))), np.log(EXTENT), SURE)
    best = overlay > np.concatenate([[0], needed])[labels]
    sure = ndimage.mean(best, labels, np.arange(1, len(sides) + 1))
    long = np.max(sides, 1) >= min(LENGTH, 0.4 * min(overlay.shape))
    lines = np.concatenate([[False], (sure >= SHARE) & long])[labels]
    return np.asarray(lines | (dilate(lines, REACH) & (overlay > FRINGE)))


def lies_on_paper(image: np.ndarray, lines: np.ndarray, low: float, span: float) -> bool:
    """Whether lines (H, W) of an image (C, H, W) are a plot's axes and curves: on even colour, most
    of it bright, with nothing of a picture beneath. Black ground is that of many micrographs.
    """
    from scipy.ndimage import maximum_filter, minimum_filter

    near, far = (dilate(lines, reach) for reach in BESIDE)
    steps = np.rint((image - low) * (STEPS / span)).clip(0, STEPS).astype(np.uint8)
    size = (1, 3, 3)
    even = (maximum_filter(steps, size) - minimum_filter(steps, size) <= 1).all(0)
    beside = far & ~near
    bright = np.median(steps.max(0)[beside]) if beside.any() else 0
    return bool(bright > STEPS / 2 and even[beside].mean() >= PAPER)


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
