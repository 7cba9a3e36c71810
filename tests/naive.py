"""Slow, obvious versions of what the kernels do, in exact arithmetic."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

MODES = ("reflect", "symmetric", "edge", "wrap", "constant")


def correlate(pixels: np.ndarray, weights: list[list[Fraction]], border: Any) -> np.ndarray:
    """(H, W, C) Fractions: every output pixel as the sum that defines it."""
    K, L = len(weights), len(weights[0])
    around = ((K // 2, K - 1 - K // 2), (L // 2, L - 1 - L // 2), (0, 0))
    padded = np.pad(pixels.astype(object), around, mode=border)
    height, width, _ = pixels.shape
    total = np.zeros(pixels.shape, object)
    for u in range(K):
        for v in range(L):
            part = padded[u : u + height, v : v + width]
            total = total + weights[u][v] * np.vectorize(int, otypes=[object])(part)
    return total


def rounded(values: np.ndarray, dtype: type) -> np.ndarray:
    """Half to even (Python's own rounding of Fractions), clipped to the type."""
    top = int(np.iinfo(dtype).max)
    fit = np.vectorize(lambda v: min(max(round(Fraction(v)), 0), top), otypes=[np.int64])
    return fit(values).astype(dtype)
