"""Ink on paper: what of a scan is written, whatever is darker, and however it was lit."""

from __future__ import annotations

import numpy as np

LONGEST = 2000  # pixels: larger scans are reduced first
GRID, ROUNDS = 64, 6  # places a side at which the paper is looked at; fits of its light
FAINTEST = 0.06  # of white: less contrast is no ink
NOISE = 6.0  # times the paper's own variation: less is no ink
ROUGHEST = 0.08  # of white: what varies more than that is no paper
SPREAD = 2.5  # times that: further off is no paper


def ink(grey: np.ndarray) -> np.ndarray | None:
    """Grey (H, W), white 1 -> how much of each pixel is ink, float32 from 0 to 1; None if blank,
    or where there is no paper.

    The paper is a smooth surface through most of the picture, and its border. What differs from
    it, darker or brighter, is ink: the side that differs more.
    """
    grey = np.nan_to_num(grey.astype(np.float32), nan=0.0, posinf=1.0, neginf=0.0)
    light, noise = paper(grey)
    if noise > ROUGHEST:
        return None
    off = grey - light
    beyond = max(NOISE * noise, FAINTEST)
    sides = [np.where(sign * off > beyond, sign * off, 0).sum(dtype=np.float64) for sign in (-1, 1)]
    if max(sides) == 0:
        return None
    amount = off if sides[1] > sides[0] else -off
    top = _full(amount, beyond)
    return np.clip((amount - noise) / max(top - noise, 1e-6), 0, 1)


def paper(grey: np.ndarray) -> tuple[np.ndarray, float]:
    """The paper's light at every pixel (H, W), and how much it varies: one standard deviation.

    A surface of second degree is fitted to a grid of pixels; those far from it are left out and it
    is fitted again. The first guess is the border's median.
    """
    H, W = grey.shape
    rows, columns = (np.unique(np.linspace(0, n - 1, min(n, GRID)).astype(int)) for n in (H, W))
    seen = grey[np.ix_(rows, columns)].ravel()
    terms = _terms(rows / max(H - 1, 1), columns / max(W - 1, 1))
    frame = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    border = float(np.median(frame))
    near = np.abs(seen - border) <= 0.3 * max(float(np.ptp(seen)), 1e-6)
    factors, noise = np.array([border, 0, 0, 0, 0, 0], np.float64), 0.0
    for _ in range(ROUNDS):
        if near.sum() < 3 * terms.shape[1]:
            break
        factors = _fit(terms[near], seen[near])
        off = np.abs(seen - terms @ factors)
        noise = 1.4826 * float(np.median(off[near]))
        before, near = near, off <= max(SPREAD * noise, FAINTEST / 2)
        if np.array_equal(near, before):  # it would be fitted to the same again
            break
    surface = _terms(np.arange(H) / max(H - 1, 1), np.arange(W) / max(W - 1, 1)) @ factors
    return surface.reshape(H, W).astype(np.float32), noise


def _terms(rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """(rows * columns, 6): 1, y, x, y^2, xy, x^2."""
    y, x = (part.ravel() for part in np.meshgrid(rows, columns, indexing="ij"))
    return np.stack([np.ones_like(y), y, x, y * y, x * y, x * x], 1)


def _fit(terms: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Factors (6,) of the least squares, by the normal equations, which are small; the smallest of
    them where a picture of one line leaves some open."""
    return np.linalg.lstsq(terms.T @ terms, terms.T @ seen, rcond=None)[0]


def _full(amount: np.ndarray, beyond: float) -> float:
    """What full ink differs by: the median of those above half of the darkest."""
    written = amount[amount > beyond]
    darkest = float(np.percentile(written, 98))
    return float(np.median(written[written >= 0.5 * darkest]))
