"""Haralick's texture features of each object.

Haralick, Shanmugam, Dinstein: Textural Features for Image Classification, IEEE Trans. Systems, Man,
and Cybernetics 3 (1973) 610. The first 13 of the 14, as the numbers go there.
"""

from __future__ import annotations

import numpy as np

from .objects import Columns, Objects

LEVELS = 32  # grey levels from the object's smallest to its largest value
STEPS = ((0, 1), (1, 1), (1, 0), (1, -1))  # to the neighbour: 0, 45, 90, 135 degrees
NAMES = (
    "asm", "contrast", "correlation", "variance", "homogeneity", "sum_average", "sum_variance",
    "sum_entropy", "entropy", "difference_variance", "difference_entropy", "information_1",
    "information_2",
)  # fmt: skip


def texture(objects: Objects) -> Columns:
    """Columns texture_NAME: means over four directions of neighbours inside the object."""
    return objects.columns([f"texture_{name}" for name in NAMES], haralick)


def haralick(pixels: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """(13,) of the pixels (H, W) where the mask is; NaN where no two are neighbours."""
    levels = grey_levels(pixels, mask)
    found = [features(pairs) for step in STEPS if (pairs := co_occurrence(levels, step)).any()]
    return np.mean(found, axis=0) if found else np.full(len(NAMES), np.nan)


def grey_levels(pixels: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Levels 0 to 31 of (H, W), -1 outside the mask."""
    values = pixels.astype(np.float64)
    inside = values[mask]
    if not np.isfinite(inside).all():
        return np.full(mask.shape, -1)
    low, high = inside.min(), inside.max()
    scaled = (np.where(mask, values, low) - low) / (high - low if high > low else 1) * LEVELS
    return np.where(mask, np.minimum(scaled.astype(np.int64), LEVELS - 1), -1)


def co_occurrence(levels: np.ndarray, step: tuple[int, int]) -> np.ndarray:
    """(32, 32): how often two levels are neighbours in this direction, both ways; sums to 1."""
    height, width = levels.shape
    down, right = step
    left = max(0, -right)
    first = levels[: height - down, left : width - max(0, right)]
    second = levels[down:, left + right : width + min(0, right)]
    both = (first >= 0) & (second >= 0)
    counts = np.bincount(first[both] * LEVELS + second[both], minlength=LEVELS * LEVELS)
    pairs = counts.reshape(LEVELS, LEVELS).astype(np.float64)
    pairs += pairs.T
    return pairs / max(1.0, pairs.sum())


def features(p: np.ndarray) -> np.ndarray:
    """Haralick's 1 to 13 of a symmetric matrix (N, N) that sums to 1; logarithms to base 2."""
    n = np.arange(len(p))
    i, j = np.meshgrid(n, n, indexing="ij")
    margin = p.sum(axis=1)
    mean = (n * margin).sum()
    variance = ((n - mean) ** 2 * margin).sum()
    sums = np.bincount((i + j).ravel(), p.ravel(), 2 * len(p) - 1)
    differences = np.bincount(abs(i - j).ravel(), p.ravel(), len(p))
    k, entropy = np.arange(len(sums)), _entropy(p)
    sum_average, product = (k * sums).sum(), np.outer(margin, margin)
    cross = -(p * _log(product)).sum()
    cross_product, margin_entropy = _entropy(product), _entropy(margin)
    return np.array([
        (p**2).sum(),
        ((i - j) ** 2 * p).sum(),
        (((i * j) * p).sum() - mean**2) / variance if variance > 0 else 1.0,
        variance,
        (p / (1 + (i - j) ** 2)).sum(),
        sum_average,
        ((k - sum_average) ** 2 * sums).sum(),
        _entropy(sums),
        entropy,
        ((n - (n * differences).sum()) ** 2 * differences).sum(),
        _entropy(differences),
        (entropy - cross) / margin_entropy if margin_entropy > 0 else 0.0,
        np.sqrt(max(0.0, 1 - np.exp(-2 * (cross_product - entropy)))),
    ])  # fmt: skip


def _log(p: np.ndarray) -> np.ndarray:
    """To base 2; of nothing 0, as nothing is multiplied with it."""
    return np.log2(np.where(p > 0, p, 1))


def _entropy(p: np.ndarray) -> float:
    return float(-(p * _log(p)).sum())
