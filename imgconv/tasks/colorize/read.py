"""From the chroma that a network gives to a picture in these colours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from imgconv.ops.areas import lines, means
from imgconv.ops.tint import Tint, tint

from .card import READ
from .oklab import colour


def widen_chroma(chroma: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """(C, h, w) of chroma as a network gives it, (C, h / n, w / n)."""
    (h, w), (_, rows, columns) = size, chroma.shape
    return lines(h, rows) @ chroma @ lines(w, columns).T


def narrow_chroma(planes: np.ndarray, like: np.ndarray) -> np.ndarray:
    """(C, h / n, w / n) of planes (C, h, w), for chroma `like` this."""
    (_, h, w), (_, rows, columns) = planes.shape, like.shape
    return means(rows, h) @ planes @ means(columns, w).T


def lay_over(
    plane: np.ndarray,
    alpha: str,
    luma: np.ndarray,
    chroma: np.ndarray,
    rules: Mapping[str, Any] = READ,
    keep: float = 0.0,
) -> np.ndarray:
    """The plane (H, W, C) in chroma (2, h / n, w / n), with its small luma (h, w)."""
    return fit_tint(luma, chroma, rules)(plane, alpha, keep)


def fit_tint(luma: np.ndarray, chroma: np.ndarray, rules: Mapping[str, Any] = READ) -> Tint:
    """Colours by brightness, of chroma (2, h / n, w / n) and a small luma (h, w)."""
    coarse = narrow_chroma(luma[None], chroma)[0]
    colours = colour(coarse, np.moveaxis(chroma, 0, 2))
    size, radius, epsilon = luma.shape, int(rules["radius"]), float(rules["epsilon"])
    return tint(colours, coarse, size, radius, epsilon)
