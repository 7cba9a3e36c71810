"""Noise as it comes in photographs: white, correlated by demosaicking, compressed as JPEG."""

from __future__ import annotations

import cv2
import numpy as np

HIGHEST = 55.0


def level(rng: np.random.Generator) -> float:
    """Of white noise, in 1/255: 0 to 55, half of the time below 20; one in ten almost none."""
    if rng.random() < 0.1:
        return float(rng.uniform(0, 2))
    return HIGHEST * float(rng.random() ** 1.4)


def white(rng: np.random.Generator, clean: np.ndarray, sigma: float) -> np.ndarray:
    """The image, 0..255, with Gaussian noise; nothing is clipped."""
    return clean + rng.standard_normal(clean.shape, np.float32) * np.float32(sigma)


def camera(rng: np.random.Generator, clean: np.ndarray) -> np.ndarray:
    """Noise of a sensor, brought through what cameras do: shot and read noise in linear light,
    behind a Bayer mosaic if there are colours, the picture's curve, often JPEG.
    """
    linear = np.clip(clean / 255, 0, 1) ** np.float32(2.2)
    shot, read = 10 ** rng.uniform(-4, -2), 10 ** rng.uniform(-3, -1.7)
    spread = np.sqrt(linear * shot + read**2).astype(np.float32)
    noise = spread * rng.standard_normal(linear.shape, np.float32)
    if clean.shape[2] == 3:
        noise = demosaicked(noise)
    elif rng.random() < 0.6:
        noise = 1.5 * cv2.GaussianBlur(noise, (0, 0), rng.uniform(0.4, 0.9))[..., None]
    seen = np.clip(linear + noise, 0, 1) ** np.float32(1 / 2.2) * 255
    return compressed(seen, int(rng.integers(60, 98))) if rng.random() < 0.6 else seen


def demosaicked(values: np.ndarray) -> np.ndarray:
    """(H, W, 3): each pixel keeps one colour (RGGB), the others are interpolated."""
    kept = np.zeros_like(values)
    kept[0::2, 0::2, 0] = values[0::2, 0::2, 0]
    kept[0::2, 1::2, 1] = values[0::2, 1::2, 1]
    kept[1::2, 0::2, 1] = values[1::2, 0::2, 1]
    kept[1::2, 1::2, 2] = values[1::2, 1::2, 2]
    near = np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1]], np.float32) / 4
    cross = np.array([[0, 1, 0], [1, 4, 1], [0, 1, 0]], np.float32) / 4
    kernels = (near, cross, near)
    return np.dstack([cv2.filter2D(kept[..., c], -1, k) for c, k in enumerate(kernels)])


def compressed(image: np.ndarray, quality: int) -> np.ndarray:
    """As a JPEG gives it back; 0..255 float32 in and out."""
    eight = np.clip(np.rint(image), 0, 255).astype(np.uint8)
    parameters = [
        cv2.IMWRITE_JPEG_QUALITY, quality,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420,
    ]  # fmt: skip
    _, data = cv2.imencode(".jpg", eight[..., ::-1] if eight.shape[2] == 3 else eight, parameters)
    back = cv2.imdecode(data, cv2.IMREAD_UNCHANGED).reshape(image.shape)
    return (back[..., ::-1] if image.shape[2] == 3 else back).astype(np.float32)
