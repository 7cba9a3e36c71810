"""Smooth random fields, and the few curves every picture needs. All in float64."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import fft, ndimage

Field = np.ndarray


def smoothstep(low: ArrayLike, high: ArrayLike, x: ArrayLike) -> Field:
    """0 below low, 1 above high, an S between; low > high runs the other way."""
    low, high = np.asarray(low, float), np.asarray(high, float)
    t = np.clip((np.asarray(x, float) - low) / (high - low), 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def mix(a: ArrayLike, b: ArrayLike, t: ArrayLike) -> Field:
    """a where t is 0, b where t is 1."""
    return np.asarray(a, float) + (np.asarray(b, float) - np.asarray(a, float)) * t


def octave(rng: np.random.Generator, n: int, cycles: float) -> Field:
    """An (n, n) field of one scale: about `cycles` bumps a side, periodic, mean 0, variance 1.

    Random only where its band has strength, so a coarse octave of a large field costs little.
    """
    m = min(n, 2 ** int(np.ceil(np.log2(6 * cycles))))
    radius = np.hypot(np.fft.fftfreq(m, 1 / m)[:, None], np.fft.rfftfreq(m, 1 / m))
    band = np.exp(-(((radius / cycles - 1.0) / 0.45) ** 2)) * (radius < m / 2)
    spectrum = np.asarray(fft.rfft2(rng.standard_normal((m, m)), workers=2)) * band
    spectrum[0, 0] = 0
    padded = np.zeros((n, n // 2 + 1), complex)
    padded[: m // 2, : m // 2 + 1] = spectrum[: m // 2]
    padded[-m // 2 :, : m // 2 + 1] = spectrum[-m // 2 :]
    field = np.asarray(fft.irfft2(padded, s=(n, n), workers=2, overwrite_x=True))
    return field / np.sqrt(np.mean(field * field))


def fractal(
    rng: np.random.Generator, n: int, cycles: float, octaves: int, gain: float = 0.5
) -> Field:
    """Octaves at 1, 2, 4 ... times `cycles`, each `gain` as strong as the last; variance 1."""
    field = sum(gain**k * octave(rng, n, cycles * 2.0**k) for k in range(octaves))
    return np.asarray(field) / np.std(field)


def sample(field: Field, y: Field, x: Field, mode: str = "grid-wrap") -> Field:
    """`field` (H, W) at fractional indices, bilinear."""
    return ndimage.map_coordinates(field, [y, x], order=1, mode=mode)


def halve(image: Field) -> Field:
    """Means of 2x2 pixels: (2H, 2W, ...) to (H, W, ...)."""
    return 0.25 * (image[::2, ::2] + image[1::2, ::2] + image[::2, 1::2] + image[1::2, 1::2])


def to_linear(srgb: ArrayLike) -> Field:
    """sRGB values in 0..1 to linear light (IEC 61966-2-1)."""
    c = np.asarray(srgb, float)
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def to_srgb(linear: ArrayLike) -> Field:
    """Linear light to sRGB values in 0..1 (IEC 61966-2-1)."""
    c = np.clip(np.asarray(linear, float), 0.0, 1.0)
    return np.where(c <= 0.0031308, c * 12.92, 1.055 * c ** (1 / 2.4) - 0.055)


def to_bytes(unit: ArrayLike) -> Field:
    """0..1 to uint8, rounded."""
    return np.rint(np.clip(np.asarray(unit, float), 0.0, 1.0) * 255.0).astype(np.uint8)
