"""Doubt: what shows in a result that its image is beyond what the network has learnt.

None of these proves an error. They are what photographs, text, bacteria and clipped images have and
fields of nuclei do not: benchmarks/doubt.py counts both.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from .card import UNIT
from .read import probability

EMPTY, MISSED = "nothing found", "nothing found of what stands out"
NO_NUMBERS, ONE_VALUE = "no numbers", "one value"
UNSURE, SIZES, COLOURS, CLIPPED = "unsure", "sizes", "colours", "clipped"
GIVEN = "other sizes"
MEANING = {
    EMPTY: "nothing stands out from the background",
    NO_NUMBERS: "every pixel is NaN or infinite",
    ONE_VALUE: "every pixel has the same: the image is empty or saturated",
    MISSED: "another `channel`, `diameter` or `model` may show it",
    UNSURE: "the network is of two minds about what it found",
    SIZES: "objects are smaller or larger than it can tell",
    GIVEN: "what was found is less than half or more than twice the `diameter` that was given",
    COLOURS: "these are neither those of a stain nor of fluorescence",
    CLIPPED: "many pixels in objects have the very last value of the image",
}
SPREAD = 0.7  # octaves between the quartiles of the sizes within one image
APART = 0.5  # octaves between the sizes that the network says and those that its outlines have
FAR = 1.0  # octaves between the diameter that was given and those of the outlines
HELD = 0.2  # of the objects' pixels, that have the image's very last value
PALE, AGREE = 0.08, 0.6  # mean saturation of a colour image; how far its hues point one way


def doubts(
    planes: np.ndarray,
    labels: np.ndarray,
    maps: np.ndarray,
    scale: float,
    rules: Mapping[str, Any],
    given: float | None = None,
) -> tuple[str, ...]:
    """Of planes (H, W, C) in which labels (H, W) with objects were found, from maps (4, h, w):
    keys of MEANING, none as a rule. scale: by which the image was resized for the maps; rules: the
    card's `read`; given: the diameter that a user says objects have.
    """
    likely = probability(maps)
    inside = likely > 0.5
    if not inside.any():
        return (UNSURE,)
    found = {
        UNSURE: float(likely[inside].mean()) < rules["sure"],
        SIZES: has_odd_sizes(maps[3][inside], labels, scale),
        GIVEN: given is not None and abs(np.log2(outlined(labels) / given)) > FAR,
        COLOURS: planes.shape[2] == 3 and not is_of_one_dye(planes),
        CLIPPED: is_clipped(planes[labels > 0], planes),
    }
    return tuple(reason for reason, holds in found.items() if holds)


def why_nothing(planes: np.ndarray, standing: np.ndarray) -> tuple[str, ...]:
    """Of planes (H, W, C) in which nothing was found; standing: where something stands out."""
    known = planes[np.isfinite(planes)]
    if not known.size:
        return (NO_NUMBERS,)
    if known.min() == known.max():
        return (ONE_VALUE,)
    return (MISSED if standing.any() else EMPTY,)


def has_odd_sizes(sizes: np.ndarray, labels: np.ndarray, scale: float) -> bool:
    """Whether sizes (N,), octaves over UNIT, vary more than those of one kind of objects do, or are
    not those of the labels."""
    low, middle, high = np.percentile(sizes, [25, 50, 75])
    apart = np.log2(outlined(labels) * scale / UNIT) - middle
    return bool(high - low > SPREAD or abs(apart) > APART)


def outlined(labels: np.ndarray) -> float:
    """The diameter of the object that a typical pixel of an object is in."""
    areas = np.bincount(labels.ravel())[labels[labels > 0]]
    return float(np.sqrt(np.median(areas) * 4 / np.pi))


def is_clipped(objects: np.ndarray, planes: np.ndarray) -> bool:
    """Whether many of the objects' pixels (N, C) have the last value that the image has at all."""
    last = (objects == np.nanmax(planes)).any(1), (objects == np.nanmin(planes)).any(1)
    return max(float(held.mean()) for held in last) > HELD


def is_of_one_dye(planes: np.ndarray) -> bool:
    """Whether (H, W, 3) is grey, or its hues are alike: pink to blue of most stains, brown, or one
    fluorophore's. Scenes have several, or green."""
    pixels = planes.reshape(-1, 3)[:: max(1, planes[..., 0].size // (1 << 18))].astype(np.float32)
    chroma = pixels.max(1) - pixels.min(1)
    if chroma.sum() < PALE * pixels.max(1).sum():
        return True
    red, green, blue = pixels.T
    hue = np.arctan2(np.sqrt(np.float32(3)) * (green - blue), 2 * red - green - blue)
    return bool(abs((chroma * np.exp(1j * hue)).sum()) > AGREE * chroma.sum())


def describe(reasons: Iterable[str]) -> str:
    """One line for people."""
    return "; ".join(f"{reason} ({MEANING[reason]})" for reason in reasons)
