"""OKLab: lightness L, and chroma a (green to red) and b (blue to yellow).

Björn Ottosson: A perceptual color space for image processing, 2020. Lines of constant hue are
straight in it: a blue whose chroma is lowered, raised or averaged with grey stays blue, where in
CIE Lab it turns purple. RGB is sRGB as stored (with its gamma), 0 to 1, in the last axis.
"""

from __future__ import annotations

import numpy as np

from imgconv.ops.filter import LUMA

TO_CONES = np.array([
    [0.4122214708, 0.5363325363, 0.0514459929],
    [0.2119034982, 0.6806995451, 0.1073969566],
    [0.0883024619, 0.2817188376, 0.6299787005],
], np.float32)  # fmt: skip
TO_LAB = np.array([
    [0.2104542553, 0.7936177850, -0.0040720468],
    [1.9779984951, -2.4285922050, 0.4505937099],
    [0.0259040371, 0.7827717662, -0.8086757660],
], np.float32)  # fmt: skip
FROM_LAB = np.linalg.inv(TO_LAB.astype(np.float64)).astype(np.float32)
FROM_CONES = np.linalg.inv(TO_CONES.astype(np.float64)).astype(np.float32)
STEPS = 11  # after which lightness is right to 0.0005
HIGHEST = 1.1  # lightness; colours outside of sRGB can be lighter than white


def linear(rgb: np.ndarray) -> np.ndarray:
    """Light, 0 to 1, of stored sRGB values of any shape (IEC 61966-2-1); negative ones mirrored."""
    size = np.abs(rgb)
    curve = ((size + np.float32(0.055)) / np.float32(1.055)) ** np.float32(2.4)
    return np.copysign(np.where(size <= 0.04045, size / np.float32(12.92), curve), rgb)


def encode_srgb(light: np.ndarray) -> np.ndarray:
    """sRGB values of light of any shape, the inverse of `linear`; negative ones mirrored."""
    size = np.abs(light)
    curve = np.float32(1.055) * size ** np.float32(1 / 2.4) - np.float32(0.055)
    return np.copysign(np.where(size <= 0.0031308, size * np.float32(12.92), curve), light)


def lab_of(rgb: np.ndarray) -> np.ndarray:
    """(..., 3) L, a, b of RGB (..., 3)."""
    return np.cbrt(linear(np.asarray(rgb, np.float32)) @ TO_CONES.T) @ TO_LAB.T


def rgb_of(lab: np.ndarray) -> np.ndarray:
    """(..., 3) RGB, not clipped, of L, a, b (..., 3)."""
    return encode_srgb((lab @ FROM_LAB.T) ** 3 @ FROM_CONES.T)


def colour(luma: np.ndarray, chroma: np.ndarray) -> np.ndarray:
    """(..., 3) RGB, not clipped, of Rec. 601 luma (...), with the chroma a, b (..., 2).

    The lightness is found by halving: luma grows with it.
    """
    low, high = np.zeros_like(luma, np.float32), np.full_like(luma, HIGHEST, np.float32)
    for _ in range(STEPS):
        middle = (low + high) / 2
        dark = _rgb(middle, chroma) @ LUMA < luma
        low, high = np.where(dark, middle, low), np.where(dark, high, middle)
    return _rgb((low + high) / 2, chroma)


def _rgb(light: np.ndarray, chroma: np.ndarray) -> np.ndarray:
    return rgb_of(np.concatenate([light[..., None], chroma], axis=-1))
