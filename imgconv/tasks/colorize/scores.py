"""How near a coloured picture comes to the true one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

FARTHEST = 150  # CIE Lab ab error at which Zhang's curve ends


@dataclass(frozen=True)
class Score:
    """Scores of one picture; `within[t]` is the share of pixels whose ab error is at most t."""

    psnr: float  # dB, over all channels
    ciede2000: float  # mean over the pixels
    colourful: float  # Hasler and Suesstrunk's measure of the picture
    original: float  # the same of the true one
    within: np.ndarray  # (FARTHEST + 1,)


def score(found: np.ndarray, true: np.ndarray) -> Score:
    """Compare two RGB uint8 pictures (H, W, 3)."""
    from skimage.color import deltaE_ciede2000, rgb2lab

    wrong = np.mean((found.astype(np.float64) - true) ** 2)
    labs = rgb2lab(found), rgb2lab(true)
    off = np.hypot(*np.moveaxis(labs[0][..., 1:] - labs[1][..., 1:], 2, 0))
    counts = np.bincount(np.ceil(off).astype(int).clip(0, FARTHEST + 1).ravel())
    return Score(
        psnr=float(10 * np.log10(255**2 / max(float(wrong), 1e-4))),
        ciede2000=float(deltaE_ciede2000(*labs).mean()),
        colourful=colourfulness(found),
        original=colourfulness(true),
        within=np.cumsum(np.pad(counts, (0, FARTHEST)))[: FARTHEST + 1] / off.size,
    )


def colourfulness(rgb: np.ndarray) -> float:
    """How colourful RGB (H, W, 3), 0 to 255, looks: 0 of grey, more of stronger colours.

    Hasler and Suesstrunk: Measuring colourfulness in natural images, 2003.
    """
    red, green, blue = np.moveaxis(rgb.astype(np.float64), 2, 0)
    across, along = red - green, (red + green) / 2 - blue
    spread = np.hypot(across.std(), along.std())
    return float(spread + 0.3 * np.hypot(across.mean(), along.mean()))


def summary(scores: Iterable[Score]) -> dict[str, float]:
    """Means over pictures; the share of colourfulness is of the sums, AuC of all, 0 to 1."""
    every = list(scores)
    original = sum(one.original for one in every)
    curve = np.mean([one.within for one in every], axis=0)
    return {
        "psnr": float(np.mean([one.psnr for one in every])),
        "ciede2000": float(np.mean([one.ciede2000 for one in every])),
        "colourfulness": sum(one.colourful for one in every) / max(original, 1e-9),
        "auc": float(np.trapezoid(curve) / FARTHEST),
    }
