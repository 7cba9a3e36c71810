"""Filters in one process against OpenCV: 12-megapixel RGB, results into memory in use."""

from __future__ import annotations

import cv2
import numpy as np
from timing import Row, pair

from imgconv import threads
from imgconv.ops.catalogue import NAMED, gaussian
from imgconv.ops.correlation import correlate
from imgconv.ops.stencil import Stencil

SHAPE = (3000, 4000, 3)


def rows() -> list[Row]:
    cv2.setNumThreads(threads.count())
    rng = np.random.default_rng(0)
    eight = rng.integers(0, 256, SHAPE).astype(np.uint8)
    real = eight.astype(np.float32)
    (sharpen,) = NAMED["sharpen"].stencils()
    (box,) = NAMED["box"].stencils()
    five, fifteen = (Stencil(w / w.sum()) for w in (rng.random((5, 5)), rng.random((15, 15))))
    found = [
        filter2d("3x3 sharpen, uint8", eight, sharpen, 0.8),
        filter2d("3x3 box, uint8", eight, box, 0.8),
        filter2d("3x3 sharpen, float32", real, sharpen, 0.9),
        filter2d("5x5, uint8", eight, five, 0.6),
        filter2d("5x5, float32", real, five, 0.8),
        filter2d("15x15, uint8", eight, fifteen, 0.3),
        filter2d("15x15, float32", real, fifteen, 0.3),
        blur("Gaussian sigma 2, uint8", eight, 2, 0.6),
        blur("Gaussian sigma 2, float32", real, 2, 0.6),
    ]
    target = np.empty_like(eight), np.empty_like(real)
    found.append(
        pair("a bare copy, uint8 | float32", "float32",
             lambda: np.copyto(target[0], eight), lambda: np.copyto(target[1], real))
    )  # fmt: skip
    return found


def filter2d(work: str, pixels: np.ndarray, stencil: Stencil, goal: float) -> Row:
    """Both sides write into an array that exists: a new one would cost page faults."""
    target, mine = np.empty_like(pixels), np.empty_like(pixels)
    weights = stencil.weights.astype(np.float32)
    return pair(
        work, "cv2.filter2D",
        lambda: correlate(pixels, stencil, out=mine),
        lambda: cv2.filter2D(pixels, -1, weights, dst=target, borderType=cv2.BORDER_REFLECT_101),
        goal,
    )  # fmt: skip


def blur(work: str, pixels: np.ndarray, sigma: float, goal: float) -> Row:
    """OpenCV chooses its own size: 3 sigma for uint8 and 4 sigma for float32; ours is 4."""
    target, mine = np.empty_like(pixels), np.empty_like(pixels)
    one = gaussian(sigma)
    return pair(
        work, "cv2.GaussianBlur",
        lambda: correlate(pixels, one, out=mine),
        lambda: cv2.GaussianBlur(pixels, (0, 0), sigma, dst=target),
        goal,
    )  # fmt: skip
