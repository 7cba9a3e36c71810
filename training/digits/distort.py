"""Digits as other hands and pens would have written them.

Simard, Steinkraus, Platt: Best practices for convolutional neural networks applied to visual
document analysis, ICDAR 2003: affine and elastic distortions. Pens of other widths are ours.
"""

from __future__ import annotations

import cv2
import numpy as np

SIDE, KNOTS = 28, 4
PLAIN, PENS = 0.06, 0.3  # shares of digits left as they are, and written with another pen
_ROWS, _COLUMNS = np.indices((SIDE, SIDE), dtype=np.float32)


def distorted(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """(28, 28) uint8 -> float32 from 0 to 1, bent, turned, slanted, moved."""
    if rng.random() < PLAIN:
        return image.astype(np.float32) / 255
    given = with_pen(rng, image) if rng.random() < PENS else image.astype(np.float32)
    x, y = places(rng)
    made = cv2.remap(given, x, y, cv2.INTER_LINEAR)
    return np.clip(made / 255, 0, 1)


def places(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Where each pixel comes from, columns and rows (28, 28) each."""
    turn, slant = rng.normal(0, 0.13), rng.normal(0, 0.15)
    across, down = np.exp(rng.normal(0, 0.08, 2))
    cosine, sine = np.cos(turn), np.sin(turn)
    matrix = np.array([[cosine, -sine], [sine, cosine]]) @ np.array([[across, slant], [0, down]])
    middle = (SIDE - 1) / 2
    x, y = _COLUMNS - middle, _ROWS - middle
    bend = cv2.resize(
        rng.normal(0, rng.uniform(0, 1.6), (KNOTS, KNOTS, 2)).astype(np.float32),
        (SIDE, SIDE), interpolation=cv2.INTER_CUBIC,
    )  # fmt: skip
    move = rng.normal(0, 0.8, 2) + middle
    columns = matrix[0, 0] * x + matrix[0, 1] * y + move[0] + bend[..., 0]
    rows = matrix[1, 0] * x + matrix[1, 1] * y + move[1] + bend[..., 1]
    return columns.astype(np.float32), rows.astype(np.float32)


def with_pen(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """With a thinner or wider pen, of sharper or softer edges: blurred, then cut off elsewhere."""
    soft = cv2.GaussianBlur(image.astype(np.float32), (0, 0), rng.uniform(0.5, 1.2))
    level = rng.uniform(0.2, 0.6)
    gain = 0.5 / level + rng.uniform(0, 3)  # nothing stays nothing
    return np.clip((soft - 255 * level) * gain + 127.5, 0, 255)
