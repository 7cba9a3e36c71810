"""How two planes differ, channel by channel, and a picture of where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .alpha import white
from .similarity import psnr, ssim

NAMES = {1: ("grey",), 2: ("grey", "alpha"), 3: ("red", "green", "blue"),
         4: ("red", "green", "blue", "alpha")}  # fmt: skip
MARK = np.array([[255, 176, 0], [230, 0, 60]], np.float32)  # of the least difference, the largest
PAPER = 160  # levels of the picture below the marks, which is pale


@dataclass(frozen=True)
class Channel:
    """What is between two channels; numbers are those of the first image's type."""

    name: str
    largest: float  # inf where only one is a number
    mean: float
    psnr: float | None  # dB; inf of equals, None where nothing is finite
    ssim: float | None  # 1 of equals, None below 11 pixels and where a value is not finite
    share: float  # of the pixels that differ at all


def compare(one: np.ndarray, two: np.ndarray) -> list[Channel]:
    """Each channel of planes (H, W, C) of one shape, in any types that mean light alike.

    Values of the second are taken in the range of the first one's type.
    """
    two = in_range(two, one.dtype)
    top = reach(one)
    names = NAMES.get(one.shape[2]) or tuple(f"channel {n}" for n in range(1, one.shape[2] + 1))
    return [_channel(names[c], one[..., c], two[..., c], top) for c in range(one.shape[2])]


def in_range(plane: np.ndarray, dtype: np.dtype[Any]) -> np.ndarray:
    """A plane of any shape in the range of another type: white becomes that type's white.

    float64 where that is not its own type.
    """
    if plane.dtype == dtype:
        return plane
    return plane.astype(np.float64) * (white(dtype) / white(plane.dtype))


def reach(plane: np.ndarray) -> float:
    """From black to white of a plane of any shape, in its own unit.

    Of floats beyond 0 to 1 that is from the lowest to the highest finite value.
    """
    known = plane[np.isfinite(plane)] if plane.dtype.kind == "f" else plane
    if plane.dtype.kind != "f" or not known.size or (known.min() >= 0 and known.max() <= 1):
        return white(plane.dtype)
    return float(known.max()) - float(known.min()) or 1.0


def distance(one: np.ndarray, two: np.ndarray) -> np.ndarray:
    """float64: how far apart each two values of two arrays of one shape are.

    0 where both are NaN or the same infinity, infinite where else one is not finite.
    """
    same = (one == two) | (np.isnan(one) & np.isnan(two))
    with np.errstate(invalid="ignore"):
        apart = np.abs(one.astype(np.float64) - two)
    return np.where(same, 0, np.nan_to_num(apart, nan=np.inf, posinf=np.inf))


def _channel(name: str, one: np.ndarray, two: np.ndarray, top: float) -> Channel:
    apart = distance(one, two)
    largest, mean = float(apart.max()), float(apart.mean())
    share = np.count_nonzero(apart) / apart.size
    if largest == 0:
        return Channel(name, 0.0, 0.0, float("inf"), 1.0, 0.0)
    alike = ssim(one[..., None], two[..., None], top)
    return Channel(name, largest, mean, psnr(one, two, top), alike, share)


def picture(one: np.ndarray, two: np.ndarray, tolerance: float) -> np.ndarray:
    """RGB uint8 (H, W, 3) of two planes (H, W, C): the first in pale grey, and where they differ.

    In orange to red is what is further apart than `tolerance`, in the first one's unit; red is the
    largest difference.
    """
    apart = distance(one, in_range(two, one.dtype)).max(axis=2)
    colours = one[..., : 3 if one.shape[2] >= 3 else 1].astype(np.float64)
    known = np.nan_to_num(colours.mean(axis=2), posinf=0, neginf=0)
    low, span = (known.min(), np.ptp(known) or 1) if one.dtype.kind == "f" else (0, reach(one))
    pale = 255 - PAPER + (known - low) / span * (PAPER - 40)
    out = np.repeat(pale[..., None], 3, axis=2)
    marked = apart > tolerance
    finite = apart[np.isfinite(apart)]
    share = np.minimum(apart / (finite.max() or 1), 1)[marked][:, None]
    out[marked] = MARK[0] + (MARK[1] - MARK[0]) * share
    return np.rint(out).astype(np.uint8)
