"""Brightness and colour differences: what denoising works on.

Y = (R + G + B) / 3, P = (R - B) / sqrt 2, Q = (R - 2 G + B) / sqrt 6. Noise of level s in each
of R, G and B has the level s / sqrt 3 in Y and s in P and Q, and the three are independent. A
grey image is the case P = Q = 0.
"""

from __future__ import annotations

import numpy as np

FORWARD = np.array(
    [[1 / 3, 1 / 3, 1 / 3], [0.5**0.5, 0, -(0.5**0.5)], [6**-0.5, -2 * 6**-0.5, 6**-0.5]],
    np.float32,
)
BACK = np.linalg.inv(FORWARD.astype(np.float64)).astype(np.float32)


def opponent(pixels: np.ndarray) -> np.ndarray:
    """(H, W, 3) RGB or (H, W, 1) grey -> float32 (3, H, W)."""
    H, W, C = pixels.shape
    if C == 3:
        return np.ascontiguousarray(FORWARD @ pixels.reshape(-1, 3).T).reshape(3, H, W)
    planes = np.zeros((3, H, W), np.float32)
    planes[0] = pixels[..., 0]
    return planes


def rgb(planes: np.ndarray) -> np.ndarray:
    """float32 (3, H, W) -> (H, W, 3)."""
    flat = planes.reshape(3, -1).T @ BACK.T
    return np.ascontiguousarray(flat).reshape(*planes.shape[1:], 3)
