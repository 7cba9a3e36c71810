"""Digits as a pen writes them on paper under a lamp: strokes along smooth curves."""

from __future__ import annotations

import numpy as np
from scipy.interpolate import CubicSpline

from .noise import Field, smoothstep

STROKES = {  # points (x, y) of each stroke in a box of 0 to 1, y downwards
    "1": [[(0.35, 0.25), (0.55, 0.05), (0.52, 0.5), (0.5, 0.97)]],
    "3": [[(0.2, 0.15), (0.5, 0.03), (0.75, 0.2), (0.42, 0.46), (0.78, 0.7), (0.5, 0.97),
           (0.15, 0.85)]],
    "8": [[(0.72, 0.18), (0.45, 0.03), (0.25, 0.22), (0.52, 0.5), (0.76, 0.78), (0.5, 0.97),
           (0.24, 0.78), (0.5, 0.5), (0.74, 0.2)]],
    "9": [[(0.74, 0.22), (0.5, 0.04), (0.24, 0.24), (0.45, 0.46), (0.72, 0.27), (0.74, 0.2),
           (0.7, 0.6), (0.6, 0.97)]],
}  # fmt: skip


def make_digit() -> Field:
    """(120, 96) uint8: a 3, light on dark, near a corner."""
    ink = written("3", 70, 34.0, 14.0, (120, 96), 3.4)
    return np.rint(18 + 214 * ink).astype(np.uint8)


def make_number() -> Field:
    """(260, 520) uint8: 1998, dark on paper that is lit from one side."""
    shape = 260, 520
    ink = np.zeros(shape)
    for n, digit in enumerate("1998"):
        ink = np.maximum(ink, written(digit, 130, 46.0 + 104 * n, 62.0 - 8 * (n % 2), shape, 5.0))
    rng = np.random.default_rng(4)
    y, x = np.mgrid[0 : shape[0], 0 : shape[1]]
    paper = 214 - 0.11 * x + 0.06 * y + rng.normal(0, 2.0, shape)
    return np.rint(np.clip(paper * (1 - 0.72 * ink), 0, 255)).astype(np.uint8)


def written(
    digit: str, height: float, left: float, top: float, shape: tuple[int, int], pen: float
) -> Field:
    """(H, W) from 0 to 1: how much of a pixel is ink; `pen`: half of a stroke's width."""
    ink = np.zeros(shape)
    for points in STROKES[digit]:
        at = np.array(points) * (0.72 * height, height) + (left, top)
        curve = CubicSpline(np.arange(len(at)), at)(np.linspace(0, len(at) - 1, 240))
        for place, width in zip(curve, pen * (0.85 + 0.3 * np.linspace(0, 1, 240)), strict=True):
            row, column, reach = int(place[1]), int(place[0]), int(width) + 2
            window = slice(row - reach, row + reach + 1), slice(column - reach, column + reach + 1)
            y, x = np.mgrid[window] + 0.5
            near = np.hypot(x - place[0], y - place[1])
            ink[window] = np.maximum(ink[window], smoothstep(-0.7, 0.7, width - near))
    return ink
