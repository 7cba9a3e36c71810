"""Parts of a large image that stand for the whole when its levels and its scale are looked for."""

from __future__ import annotations

import numpy as np

from imgconv.tasks.large_plane import LargePlane

from .levels import FAINT, SAMPLES, STANDS_OUT, commonest

SIDE = 1024  # pixels of a part
PARTS = 9
BLOCK = 4  # pixels across that are averaged before it is asked what stands out


def sample(plane: LargePlane) -> np.ndarray:
    """(h, w, C): parts of (H, W, C) side by side, more of them where more stands out from the
    commonest level, evenly spread from top to bottom over all that does."""
    height, width, _ = plane.shape
    side = min(SIDE, height), min(SIDE, width)
    down, across = height // side[0], width // side[1]
    top, left = (height - down * side[0]) // 2, (width - across * side[1]) // 2
    amounts = _amounts(plane, top, left, side, down, across)
    places = choose(amounts.ravel(), PARTS)
    parts = []
    for row, column in zip(*np.unravel_index(places, (down, across)), strict=True):
        y, x = top + int(row) * side[0], left + int(column) * side[1]
        parts.append(plane.read(slice(y, y + side[0]), slice(x, x + side[1])))
    wide = max(1, int(np.sqrt(len(parts))))
    rows = [
        np.concatenate(parts[n : n + wide], axis=1) for n in range(0, len(parts) - wide + 1, wide)
    ]
    return np.concatenate(rows)


def choose(amounts: np.ndarray, count: int) -> np.ndarray:
    """The places, in order, of `count` of all (N,) or as many as there are: at equal steps of the
    sum, so that none comes twice."""
    if len(amounts) <= count:
        return np.arange(len(amounts))
    least = amounts.sum() / len(amounts) / 100 + 1e-12  # what is empty comes when nothing else does
    weights = np.maximum(amounts, least).astype(np.float64)
    for _ in range(count):  # none may be as large as a step
        weights = np.minimum(weights, weights.sum() / count)
    sums = np.cumsum(weights)
    found = np.searchsorted(sums, (np.arange(count) + 0.5) * sums[-1] / count)
    left = np.setdiff1d(np.argsort(-amounts, kind="stable"), found, assume_unique=False)
    chosen = np.unique(found)
    return np.sort(np.concatenate([chosen, left[: count - len(chosen)]]))


def _amounts(
    plane: LargePlane, top: int, left: int, side: tuple[int, int], down: int, across: int
) -> np.ndarray:
    """(down, across): of each part the share of what stands out of the commonest level."""
    step = max(1, int(np.sqrt(plane.shape[0] * plane.shape[1] / SAMPLES)))
    known = _grey(plane.sampled(step))
    known = known[np.isfinite(known)]
    if not known.size:
        return np.zeros((down, across))
    ground, noise = commonest(known)
    least = STANDS_OUT * max(noise, FAINT * float(known.max() - known.min()))
    found = []
    for row in range(down):
        y = top + row * side[0]
        grey = _grey(plane.rows(y, y + side[0]))[:, left : left + across * side[1]]
        away = np.abs(_averaged(grey, side) - ground) > least
        found.append(away.reshape(len(away), across, -1).mean(axis=(0, 2)))
    return np.array(found)


def _grey(pixels: np.ndarray) -> np.ndarray:
    return pixels.mean(2, dtype=np.float32)


def _averaged(grey: np.ndarray, side: tuple[int, int]) -> np.ndarray:
    """Means of blocks, where the parts' sides allow them."""
    high, wide = (BLOCK if n % BLOCK == 0 else 1 for n in side)
    return grey.reshape(len(grey) // high, high, grey.shape[1] // wide, wide).mean(axis=(1, 3))
