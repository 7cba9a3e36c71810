"""Doubt: what shows in a result that its image is beyond what the network has learnt.

None of these proves an error. They are what photographs, text, bacteria and clipped images have and
fields of nuclei do not: benchmarks/doubt.py counts both.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .read import probability

EMPTY, MISSED = "nothing found", "nothing found of what stands out"
UNSURE, SIZES, COLOURS, CLIPPED = "unsure", "sizes", "colours", "clipped"
MEANING = {
    EMPTY: "nothing stands out from the background",
    MISSED: "another --channel, --diameter or --model may show it",
    UNSURE: "the network is of two minds about what it found",
    SIZES: "objects are smaller or larger than it can tell",
    COLOURS: "these are neither those of a stain nor of fluorescence",
    CLIPPED: "the brightest or darkest pixels of objects are all alike",
}
SPREAD = 0.75  # octaves between the quartiles of the sizes within one image
HELD = 0.15  # of the objects' pixels, that have the image's very last value
PALE, AGREE = 0.08, 0.6  # mean saturation of a colour image; how far its hues point one way


def doubts(
    planes: np.ndarray,
    labels: np.ndarray,
    maps: np.ndarray,
    stands_out: bool,
    rules: Mapping[str, Any],
) -> tuple[str, ...]:
    """Keys of MEANING, for planes (H, W, C), labels (H, W) and maps (4, h, w); none as a rule.

    rules: the card's `read`; stands_out: whether anything in the image does, to the eye.
    """
    inside = maps[0] > 0
    if not labels.any() or not inside.any():
        return (MISSED if stands_out else EMPTY,)
    found = {
        UNSURE: float(probability(maps)[inside].mean()) < rules["sure"],
        SIZES: float(np.subtract(*np.percentile(maps[3][inside], [75, 25]))) > SPREAD,
        COLOURS: planes.shape[2] == 3 and not is_of_one_dye(planes),
        CLIPPED: is_clipped(planes[labels > 0], planes),
    }
    return tuple(reason for reason, holds in found.items() if holds)


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


def describe(reasons: tuple[str, ...]) -> str:
    """One line for people."""
    return "; ".join(f"{reason} ({MEANING[reason]})" for reason in reasons)
