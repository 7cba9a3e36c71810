"""What colour a picture already has: none, the single tone of a sepia print, or colours."""

from __future__ import annotations

from typing import Literal

import numpy as np

from imgconv.ops.alpha import white
from imgconv.ops.filter import LUMA

Kind = Literal["grey", "toned", "colour"]
GREY = 0.016  # of white: by how much a channel may differ from the luma (JPEG's rounding)
STRAY = 0.025  # of white: how far the colours of a toned print stray from its tone
EXPLAINED = 0.9  # share of the colour that brightness alone explains there
ALIGNED = 0.97  # 1: all colours are of one hue
CLEAR, SPOT = 0.08, 2e-4  # of white: a colour without doubt; the share of the picture it takes
SEPIA = 0.35  # of white: the most that a print's tone differs from grey
_SAMPLES = 1 << 14


def colour_of(plane: np.ndarray, alpha: str = "none") -> Kind:
    """The kind of a plane (H, W, C).

    Toned: of one warm hue, and how much of it is a smooth function of the brightness. (Blue ice
    and water look like that too; blue prints therefore count as colour.)
    """
    colours = plane.shape[2] - (alpha != "none")
    if colours != 3:
        return "grey"
    step = sample_step(plane.shape)
    return colour_of_sample(plane[::step, ::step], alpha)


def sample_step(shape: tuple[int, ...]) -> int:
    """Of a plane (H, W, C) every how manieth row and column is looked at."""
    return max(1, int((shape[0] * shape[1] / _SAMPLES) ** 0.5))


def colour_of_sample(sample: np.ndarray, alpha: str = "none") -> Kind:
    """The same of some pixels (h, w, 3) of the plane, or (h, w, 4) with alpha."""
    some = sample.reshape(-1, sample.shape[2]).astype(np.float64)
    if alpha != "none":
        some = some[some[:, 3] > 0]
    some = some[np.isfinite(some).all(1), :3] / white(sample.dtype)
    luma = some @ LUMA.astype(np.float64)
    differences = some[:, [0, 2]] - luma[:, None]
    if not luma.size:
        return "grey"
    strongest = np.abs(differences).max(1)
    most = np.percentile(strongest, 99.5)
    if most <= GREY:
        return "colour" if (strongest > CLEAR).mean() > SPOT else "grey"
    red, blue = differences.sum(0)
    aligned = np.hypot(red, blue) >= ALIGNED * np.hypot(*differences.T).sum()
    if not (aligned and red > 0 > blue) or most > SEPIA:
        return "colour"
    curve = np.vander(luma, 4)
    rest = differences - curve @ np.linalg.lstsq(curve, differences, rcond=None)[0]
    unexplained = (1 - EXPLAINED) * float(np.mean(differences**2))
    return "toned" if float(np.mean(rest**2)) <= min(unexplained, STRAY**2) else "colour"
