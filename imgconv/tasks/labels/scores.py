"""Scores of a set of images, with intervals: AP, precision, recall, F1, count error, AJI.

AP here is TP / (TP + FP + FN), as the nuclei literature has it; it is not COCO's. Pooled scores add
up the objects of all images first; the mean over images counts every image the same, and an image
without objects in which none were found as 1. Intervals come from drawing images with replacement.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .match import THRESHOLDS, Match

DRAWS, SEED, LEVEL = 2000, 0, 95
Sums = np.ndarray
"""(..., 15): found, true, |found - true|, shared, united, hits at the ten thresholds."""


def table(matches: Sequence[Match]) -> Sums:
    """(images, 15) of what each image adds."""
    rows = [(m.found, m.true, abs(m.found - m.true), m.shared, m.united, *m.hits) for m in matches]
    return np.array(rows, np.float64)


def ratio(top: np.ndarray, bottom: np.ndarray, empty: float = 1.0) -> np.ndarray:
    """top / bottom; `empty` for nothing of nothing."""
    return np.where(bottom > 0, top / np.where(bottom > 0, bottom, 1), empty)


def ap(sums: Sums) -> np.ndarray:
    """(..., 10) TP / (TP + FP + FN) at THRESHOLDS."""
    hits = sums[..., 5:]
    return ratio(hits, sums[..., :1] + sums[..., 1:2] - hits)


def precision(sums: Sums) -> np.ndarray:
    """(..., 10) TP / (TP + FP); NaN where nothing was found."""
    return ratio(sums[..., 5:], sums[..., :1], empty=np.nan)


def recall(sums: Sums) -> np.ndarray:
    """(..., 10) TP / (TP + FN); NaN where there is nothing to find."""
    return ratio(sums[..., 5:], sums[..., 1:2], empty=np.nan)


def f1(sums: Sums) -> np.ndarray:
    """(..., 10) 2 TP / (2 TP + FP + FN)."""
    return ratio(2 * sums[..., 5:], sums[..., :1] + sums[..., 1:2])


def count_error(sums: Sums) -> np.ndarray:
    """(..., 1) sum of |found - true| over the sum of true."""
    return ratio(sums[..., 2:3], sums[..., 1:2], empty=np.nan)


def aji(sums: Sums) -> np.ndarray:
    """(..., 1) aggregated Jaccard index."""
    return ratio(sums[..., 3:4], sums[..., 4:5])


SCORES: dict[str, Callable[[Sums], np.ndarray]] = {
    "ap": ap, "precision": precision, "recall": recall, "f1": f1,
    "count_error": count_error, "aji": aji,
}  # fmt: skip


def scores(matches: Sequence[Match]) -> dict[str, Any]:
    """Everything as plain numbers, with an interval [low, high] where there are two images."""
    rows = table(matches)
    rng = np.random.default_rng(SEED)
    drawn = rng.multinomial(len(rows), np.full(len(rows), 1 / len(rows)), DRAWS).astype(float)
    resampled = drawn @ rows  # (DRAWS, 15)
    each = ap(rows)
    found: dict[str, Any] = {
        "images": len(rows),
        "objects_found": int(rows[:, 0].sum()),
        "objects_true": int(rows[:, 1].sum()),
        "thresholds": list(THRESHOLDS),
    }
    for name, score in SCORES.items():
        found[name] = _with_interval(score(rows.sum(axis=0)), score(resampled), len(rows))
    mean = drawn @ each / len(rows)
    found["ap_mean_over_images"] = _with_interval(each.mean(axis=0), mean, len(rows))
    pooled, pooled_draws = ap(rows.sum(axis=0)), ap(resampled)
    found["ap_mean_over_thresholds"] = _with_interval(
        pooled.mean(keepdims=True), pooled_draws.mean(axis=1, keepdims=True), len(rows)
    )
    found["bootstrap"] = {"draws": DRAWS, "seed": SEED, "level": LEVEL}
    return found


def _with_interval(values: np.ndarray, draws: np.ndarray, images: int) -> dict[str, Any]:
    """{"value", "low", "high"}: numbers, or lists of one a threshold; None where undefined."""
    tail = (100 - LEVEL) / 2
    limits = np.full((2, len(values)), np.nan)
    if images > 1 and not np.isnan(draws).all():
        limits = np.nanpercentile(draws, [tail, 100 - tail], axis=0)
    parts = {"value": values, "low": limits[0], "high": limits[1]}
    return {name: _plain(part) for name, part in parts.items()}


def _plain(values: np.ndarray) -> Any:
    numbers = [None if np.isnan(v) else round(float(v), 6) for v in values]
    return numbers if len(numbers) > 1 else numbers[0]


def image_scores(one: Match) -> dict[str, Any]:
    """A row of the table of images."""
    row = table([one])[0]
    at = {f"ap_{int(100 * t)}": v for t, v in zip(THRESHOLDS, ap(row), strict=True)}
    half = {"precision_50": precision(row)[0], "recall_50": recall(row)[0], "f1_50": f1(row)[0]}
    counts = {"found": one.found, "true": one.true, "count_difference": one.found - one.true}
    numbers = {**at, **half, "aji": aji(row)[0]}
    return counts | {name: float(value) for name, value in numbers.items()}
