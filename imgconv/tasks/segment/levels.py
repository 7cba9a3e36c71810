"""What is background and what is signal: an image's levels, whatever else is in the field.

Percentiles of the canvas depend on how full it is: where nuclei cover a thousandth, the percentile
99.8 is background. So levels are taken where the objects are. Before anything has been found,
objects are what stands out from the commonest level; afterwards they are what was found, and the
background is what lies around them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import ndimage

SAMPLES, FEW = 1 << 20, 1 << 14
BRIGHT = (0.024, 0.639)
"""Where the network knows the background around bright objects, and the objects: the medians of the
training images, of which 0 and 1 were the percentiles 1 and 99.8. Dark objects on a bright ground
are shown to it inverted, but for light that passes through (`passing`)."""
INK, WHITE = 0.15, 99.0
"""What is 0 and 0.98 where light passes through: the share of the objects' pixels that are darker
(in their darkest colour), and the percentile of all that is near. Four sources of stained tissue
have percentiles 1 and 99.8 there, however pale their nuclei and their ground."""
NEARBY = 1.5  # diameters
PART = 8.0  # diameters: the side of the parts in which that is looked for
DIRT = 20.0  # times as bright as half of the objects are: none
BEYOND, MUCH = 0.2, 0.3  # of the contrast, brighter than around objects; of all pixels outside
COMMON = 0.2  # share of the pixels that make up the commonest level
WIDTH = 0.507  # of the shortest interval with that share of a normal distribution, in sigmas
STANDS_OUT = 4.0  # sigmas from the commonest level, of the smoothed image
FAINT = 1 / 2000  # of the whole range: less never stands out
SPECK = 20  # pixels: fewer are no object
GROUND, SIGNAL = 25.0, 0.75  # percentile of what is around objects; share of what is in them
LIKE = 0.1  # levels that differ by less of the contrast are the same


@dataclass(frozen=True)
class Levels:
    """(x - zero) / span is what the network sees; a negative span shows the image inverted."""

    zero: float
    span: float

    def like(self, other: Levels) -> bool:
        """Whether the network would see as good as the same."""
        shift = abs(self.zero - other.zero) / abs(other.span)
        return shift < LIKE / 2 and abs(self.span / other.span - 1) < LIKE


def between(ground: float, signal: float) -> Levels | None:
    """The levels that bring ground and signal to where the network knows them; None if equal."""
    low, high = BRIGHT
    span = (signal - ground) / (high - low)
    return Levels(ground - low * span, span) if span else None


def standing_out(grey: np.ndarray) -> tuple[Levels | None, np.ndarray]:
    """The levels of an image (H, W) nothing is known of, None where nothing stands out; and
    (H, W) bool, where something does.

    Whatever stands out more, in contrast times diameter, is taken for the signal: bright or dark.
    """
    nothing = np.zeros(grey.shape, bool)
    known = grey[np.isfinite(grey)]
    if not known.size:
        return None, nothing
    ground, noise = commonest(known)
    noise = max(noise, FAINT * float(known.max() - known.min()), smallest_step(known) / 2)
    smooth = ndimage.gaussian_filter(np.nan_to_num(grey, nan=ground) - ground, 1.0)
    best, levels, mask = 0.0, None, nothing
    for sign in (1, -1):
        contrast = sign * smooth
        signal = typical(contrast, without_specks(contrast > STANDS_OUT * noise))
        if signal:  # once more without the haze around what is bright
            inside = without_specks(contrast > max(STANDS_OUT * noise, signal / 2))
            signal = typical(contrast, inside)
            amount = signal * float(np.sqrt(inside.mean()))
            if amount > best:
                best, levels = amount, between(ground, ground + sign * signal)
                mask = inside
    return levels, mask


def without_specks(mask: np.ndarray) -> np.ndarray:
    """(H, W) bool less the connected parts that are too small for an object."""
    labels, areas = parts(mask)
    large = areas >= SPECK
    large[0] = False
    return np.asarray(large[labels])


def commonest(values: np.ndarray) -> tuple[float, float]:
    """The level that most pixels are near, and how far they scatter around it (sigma)."""
    values = np.sort(values.ravel()[:: max(1, values.size // SAMPLES)]).astype(np.float64)
    count = max(2, round(COMMON * values.size))
    if values.size < count:
        return float(values[0]), 0.0
    widths = values[count - 1 :] - values[: values.size - count + 1]
    start = int(np.median(np.flatnonzero(widths == widths.min())))
    return float(np.median(values[start : start + count])), float(widths[start] / WIDTH)


def smallest_step(values: np.ndarray) -> float:
    """Between two values that occur: 1 of counts, whatever they were multiplied with."""
    steps = np.diff(np.unique(values.ravel()[:: max(1, values.size // FEW)]))
    return float(steps.min(initial=np.inf)) if len(steps) else 0.0


def typical(contrast: np.ndarray, inside: np.ndarray) -> float:
    """The contrast that objects have (connected, inside), each counted by `shares`: what the
    brighter part of their pixels reaches, whatever blurred rims are like; 0 without objects.

    Dirt is none of them: where few objects are, it would be most of what is bright.
    """
    if not inside.any():
        return 0.0
    labels, areas = parts(inside)
    numbers, values, areas = labels[inside] - 1, contrast[inside], areas[1:]
    means = np.bincount(numbers, values, len(areas)) / areas
    clean = means <= DIRT * quantile(means, shares(areas), 0.5)
    areas = np.where(clean | ~clean.any(), areas, 0)
    each = shares(areas) / np.maximum(areas, 1)
    return quantile(values, each[numbers], SIGNAL)


def weights(where: np.ndarray) -> np.ndarray:
    """(H, W) float32: how much the pixels of each connected part of `where` count, as `shares` has
    it; elsewhere 1."""
    labels, areas = parts(where)
    each = np.ones(len(areas), np.float32)
    each[1:] = shares(areas[1:]) / areas[1:]
    return each[labels]


def parts(where: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The connected parts of (H, W) bool, from 1, and how large each number is."""
    labels, count = ndimage.label(where)
    return labels, np.bincount(labels.ravel(), minlength=count + 1)


def shares(areas: np.ndarray) -> np.ndarray:
    """How much each object counts: its area, but none more than a tenth of all together. Specks
    may be many, and one flake larger than all nuclei."""
    return np.asarray(np.minimum(areas, areas.sum() / 10))


def find_levels(planes: np.ndarray, inside: np.ndarray, diameter: float) -> Levels | None:
    """The levels of an image (H, W, C) in which objects were found: `inside` is true in them.

    The background is the lower quartile of what lies within a third of the diameter around them,
    two pixels off.
    """
    grey = planes.mean(2)
    known = np.isfinite(grey)
    inside, outside = inside & known, ~grown(inside, 2) & known
    around = outside & grown(inside, 2 + max(3, round(diameter / 3)))
    if around.sum() < 50:
        around = ~inside & known
    if not inside.any() or not around.any():
        return None
    middle = float(np.median(grey[around]))
    sign = 1 if np.median(grey[inside]) >= middle else -1
    ground = float(np.percentile(grey[around], GROUND if sign > 0 else 100 - GROUND))
    contrast = np.nan_to_num(grey, nan=ground) - np.float32(ground)
    signal = typical(sign * contrast, inside)
    if signal <= 0:
        return None
    if sign < 0:
        brighter = grey[outside] > middle + BEYOND * signal
        if planes.shape[2] == 3 or brighter.sum() > MUCH * brighter.size:
            return passing(planes, inside, diameter)
    return between(ground, ground + sign * signal)


def passing(planes: np.ndarray, inside: np.ndarray, diameter: float) -> Levels | None:
    """The levels where light passes through dark objects, stained or not, of an image (H, W, C):
    what is around them is tissue, and light that nothing holds back is not far."""
    near = grown(inside, round(NEARBY * diameter))
    white = brightest(planes, inside, near, round(PART * diameter), WHITE)
    dark = quantile(planes.min(2)[inside], weights(inside)[inside], INK)
    return Levels(dark, (white - dark) / 0.98) if white > dark else None


def brightest(
    planes: np.ndarray, inside: np.ndarray, near: np.ndarray, side: int, percentile: float
) -> float:
    """This percentile of what is `near` (H, W) objects (`inside`), of an image (H, W, C): the
    median of square parts, each counted by its objects' pixels, so that glass beside tissue
    changes nothing within it. NaN without objects."""
    whites, counts = [], []
    for top in range(0, inside.shape[0], side):
        for left in range(0, inside.shape[1], side):
            part = np.s_[top : top + side, left : left + side]
            if inside[part].any():
                values = planes[part][near[part]]
                whites.append(
                    float(np.nanpercentile(values[:: len(values) // FEW + 1], percentile))
                )
                counts.append(np.count_nonzero(inside[part]))
    return quantile(np.array(whites), np.array(counts), 0.5) if whites else np.nan


def stain_levels(
    planes: np.ndarray, dark: np.ndarray, rules: Mapping[str, Any], diameter: float
) -> Levels | None:
    """Levels by percentiles of a stained image (H, W, C) in which no object is known, but what is
    `dark` (H, W): of what is near that, whatever glass or plain tissue the image has beside it."""
    near = grown(dark, round(NEARBY * diameter))
    values = planes[near]
    low = float(np.nanpercentile(values[:: len(values) // SAMPLES + 1], rules["low"]))
    white = brightest(planes, dark, near, round(PART * diameter), rules["high"])
    return Levels(low, white - low) if white > low else None


def quantile(values: np.ndarray, counts: np.ndarray, share: float) -> float:
    """The value below which lies this share of all, each counted as `counts` says."""
    order = np.argsort(values)
    covered = np.cumsum(counts[order])
    return float(values[order][np.searchsorted(covered, share * covered[-1])])


def grown(mask: np.ndarray, pixels: int) -> np.ndarray:
    """(H, W) bool, wider by so many pixels to all sides."""
    return np.asarray(ndimage.maximum_filter(mask.view(np.uint8), 2 * pixels + 1).view(bool))
