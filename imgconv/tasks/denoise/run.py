"""What all ways of denoising have in common: alpha aside, strengths, types and ranges kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from imgconv.ops.alpha import by_rows, fit, white, with_alpha, without_alpha


class Cleaner(Protocol):
    """(H, W, C) finite colours in their own type, and the value of white -> what to subtract,
    float32 of the same shape and unit, and what was found out on the way (numbers and words by
    name). One whose images get measured has `sums`: integers are rounded so that these stay.
    """

    def __call__(self, colours: np.ndarray, top: float) -> tuple[np.ndarray, dict[str, Any]]: ...


@dataclass(frozen=True)
class Result:
    """A cleaned plane, what was subtracted from its colours, and facts for the user."""

    pixels: np.ndarray
    removed: np.ndarray  # float32 (H, W, colours)
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Cleaning:
    """A cleaner as a function of a plane (H, W, C) of uint8, uint16 or float32.

    luma and chroma, 0 to 1: how much of what was found in the brightness and in the colour is
    taken out. Alpha, the colour under full transparency, and what is no picture (see `find_valid`)
    stay as they are; floats keep values beyond 0 and 1.
    """

    clean: Cleaner
    luma: float = 1.0
    chroma: float = 1.0

    def __call__(self, pixels: np.ndarray, alpha: str = "none", top: float | None = None) -> Result:
        """top: the value of white, if not the type's (integers that are delivered as floats)."""
        colours = pixels if alpha == "none" else without_alpha(pixels)
        known = find_valid(colours)
        removed, facts = self.clean(fill_invalid(colours, known), top or white(colours.dtype))
        removed = self._blend(removed)
        if known is not None:
            removed[~known] = 0
        if alpha != "none":
            removed[pixels[..., -1] == 0] = 0
        cleaned = self._clean(colours, removed)
        if alpha == "premultiplied":  # no more colour than there is coverage
            np.minimum(cleaned, np.maximum(colours, pixels[..., -1:]), out=cleaned)
        if alpha != "none":
            cleaned = with_alpha(cleaned, pixels[..., -1:])
        return Result(cleaned, removed, facts)

    def subtract(self, colours: np.ndarray, removed: np.ndarray) -> np.ndarray:
        """Rows of integers (h, W, C), without alpha, less what a cleaner found in them."""
        return self._clean(colours, self._blend(removed))

    def _clean(self, colours: np.ndarray, removed: np.ndarray) -> np.ndarray:
        if getattr(self.clean, "sums", False) and colours.dtype.kind != "f":
            return round_keeping_sums(colours - removed, colours.dtype)
        # an integer less a float32 is a float: exact up to 16 bits
        return by_rows(lambda a, b: fit(a - b, a.dtype), colours, removed, dtype=colours.dtype)

    def _blend(self, removed: np.ndarray) -> np.ndarray:
        luma, chroma = np.float32(self.luma), np.float32(self.chroma)
        if removed.shape[2] != 3 or luma == chroma:
            return removed if luma == 1 else removed * luma

        def parts(r: np.ndarray) -> np.ndarray:
            brightness = r.mean(2, keepdims=True)
            return (r - brightness) * chroma + brightness * luma

        return by_rows(parts, removed)


FAR, ABSURD = 10.0, 1e30  # what is farther away, in ranges of all the rest, is no picture


def find_valid(colours: np.ndarray) -> np.ndarray | None:
    """(H, W, C) bool: which values of colours (H, W, C) are a picture's. None if all are.

    Not NaN, infinity, or a "no data" of -9999 or 3.4e38, which is one value far from all others.
    """
    if colours.dtype.kind != "f":
        return None
    with np.errstate(invalid="ignore"):
        known = np.abs(colours) < ABSURD
    for extreme in (np.min, np.max):
        if not known.any():
            break
        value = float(extreme(colours[known]))
        rest = known & (colours != value)
        ends = [float(f(colours[rest])) for f in (np.min, np.max)] if rest.any() else [value] * 2
        if max(ends[0] - value, value - ends[1]) > FAR * (ends[1] - ends[0]) > 0:
            known = rest
    return None if known.all() else known


def fill_invalid(colours: np.ndarray, known: np.ndarray | None) -> np.ndarray:
    """Colours (H, W, C) with the median of the `known` (H, W, C) in the place of all others.

    None: all are known.
    """
    if known is None:
        return colours
    middle = np.median(colours[known]) if known.any() else 0
    return np.where(known, colours, np.float32(middle))


def round_keeping_sums(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """To integers whose sums stay within one in every channel (H, W, C): what a value loses by
    rounding, the next one gets. Integers stay what they are.

    Rounded each for itself, a smooth 0.4 counts would become 0 everywhere.
    """
    values = np.clip(values, 0, np.iinfo(dtype).max)
    whole = np.floor(values)
    shares = (values - whole).reshape(-1, values.shape[2]).cumsum(0, dtype=np.float64)
    steps = np.diff(np.floor(shares + 0.5), axis=0, prepend=0)
    return np.asarray((whole + steps.reshape(values.shape)).astype(dtype))


def by_channel(
    clean: Cleaner, colours: np.ndarray, top: float
) -> tuple[np.ndarray, dict[str, Any]]:
    """Each channel of colours (H, W, C) cleaned on its own: what a Cleaner gives.

    The facts are the first channel's.
    """
    channels = (np.ascontiguousarray(colours[..., c : c + 1]) for c in range(colours.shape[2]))
    parts = [clean(channel, top) for channel in channels]
    return np.concatenate([removed for removed, _ in parts], axis=2), parts[0][1]
