"""Stored values and the light they stand for: the tone curves of colours, and work done in light.

Stored values are spaced as the eye sees them, so their mean is darker than the mean of their light.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .alpha import FLOAT, by_rows, white

Curve = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Curves:
    """`decode` makes light of stored values, `encode` the other way round; both of colours
    (H, W, C) from 0 (black) to 1 (white), and beyond."""

    decode: Curve
    encode: Curve


def _decode_srgb(stored: np.ndarray) -> np.ndarray:
    """IEC 61966-2-1; below black mirrored, as in scRGB."""
    size = np.abs(stored)
    with np.errstate(invalid="ignore"):
        light = np.where(size <= 0.04045, size / 12.92, ((size + 0.055) / 1.055) ** 2.4)
    return np.copysign(light, stored)


def _encode_srgb(light: np.ndarray) -> np.ndarray:
    size = np.abs(light)
    with np.errstate(invalid="ignore"):
        low, high = size * 12.92, 1.055 * size ** (1 / 2.4) - 0.055
    return np.copysign(np.where(size <= 0.0031308, low, high), light)


SRGB = Curves(_decode_srgb, _encode_srgb)


def curves_through(stored: np.ndarray, light: np.ndarray) -> Curves:
    """The curves through samples: of `stored` (N,), which rise from 0 to 1, the `light` (N, C).

    Beyond black and white they go on as straight lines.
    """
    channels = range(light.shape[1])
    rising = np.maximum.accumulate(light, axis=0)

    def decode(values: np.ndarray) -> np.ndarray:
        return np.stack([_through(values[..., c], stored, rising[:, c]) for c in channels], axis=2)

    def encode(values: np.ndarray) -> np.ndarray:
        return np.stack([_through(values[..., c], rising[:, c], stored) for c in channels], axis=2)

    return Curves(decode, encode)


def _through(values: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    inside = np.interp(values, x, y)
    with np.errstate(invalid="ignore"):
        return np.where(values < 0, values, np.where(values > 1, values, inside))


def in_light(
    work: Callable[[np.ndarray, str], np.ndarray],
    pixels: np.ndarray,
    alpha: str,
    curves: Curves,
    keep_float: bool = False,
) -> np.ndarray:
    """work(pixels, alpha) done in light: colours decoded, worked on as float32, encoded and
    rounded once. Alpha is no light and has no curve.

    pixels (H, W, C) of uint8, uint16 or float32; the result is of their type, or with `keep_float`
    float32 in the same levels.
    """
    top, colours = white(pixels.dtype), pixels.shape[2] - (alpha != "none")
    found = work(_decode(pixels, colours, top, curves), alpha)
    result = FLOAT if keep_float else pixels.dtype

    def encode(band: np.ndarray) -> np.ndarray:
        shown = curves.encode(band[..., :colours].astype(np.float64))
        whole = np.concatenate([shown, band[..., colours:]], axis=2) * top
        if result.kind == "u":
            whole = np.rint(np.nan_to_num(whole, nan=0)).clip(0, top)
        return whole

    return by_rows(encode, found, dtype=result)


def _decode(pixels: np.ndarray, colours: int, top: float, curves: Curves) -> np.ndarray:
    """float32 (H, W, C), light from 0 to 1; of integers through a table of all their values."""
    if pixels.dtype.kind == "f":

        def each(band: np.ndarray) -> np.ndarray:
            light = curves.decode(band[..., :colours].astype(np.float64))
            return np.concatenate([light, band[..., colours:]], axis=2)

        return by_rows(each, pixels)
    levels = np.arange(int(top) + 1) / top
    every = np.broadcast_to(levels[:, None, None], (len(levels), 1, colours))
    table = curves.decode(every)[:, 0].astype(FLOAT)

    def look_up(band: np.ndarray) -> np.ndarray:
        light = [table[band[..., c], c] for c in range(colours)]
        rest = [band[..., c] / np.float32(top) for c in range(colours, band.shape[2])]
        return np.stack(light + rest, axis=2)

    return by_rows(look_up, pixels)
