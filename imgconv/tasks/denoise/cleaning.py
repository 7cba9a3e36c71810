"""What all ways of denoising have in common: alpha aside, strengths, types and ranges kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from ...ops.alpha import by_rows, fit, with_alpha, without_alpha


class Cleaner(Protocol):
    """(H, W, C) finite colours in their own type -> what to subtract, float32 of the same shape
    and unit, and what was found out on the way (numbers and words by name).
    """

    def __call__(self, colours: np.ndarray) -> tuple[np.ndarray, dict[str, Any]]: ...


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
    taken out. Alpha, the colour under full transparency, and what is not finite stay as they
    are; floats keep values beyond 0 and 1.
    """

    clean: Cleaner
    luma: float = 1.0
    chroma: float = 1.0

    def __call__(self, pixels: np.ndarray, alpha: str = "none") -> Result:
        colours = pixels if alpha == "none" else without_alpha(pixels)
        removed, facts = self.clean(finite(colours))
        removed = self._blended(removed)
        if alpha == "straight":
            removed[pixels[..., -1] == 0] = 0
        cleaned = by_rows(
            lambda a, b: fit(a - b, a.dtype), colours, removed, dtype=colours.dtype
        )  # an integer less a float32 is a float: exact up to 16 bits
        if alpha != "none":
            cleaned = with_alpha(cleaned, pixels[..., -1:])
        return Result(cleaned, removed, facts)

    def _blended(self, removed: np.ndarray) -> np.ndarray:
        luma, chroma = np.float32(self.luma), np.float32(self.chroma)
        if removed.shape[2] != 3 or luma == chroma:
            return removed if luma == 1 else removed * luma

        def parts(r: np.ndarray) -> np.ndarray:
            brightness = r.mean(2, keepdims=True)
            return (r - brightness) * chroma + brightness * luma

        return by_rows(parts, removed)


def finite(colours: np.ndarray) -> np.ndarray:
    """The same, with the median in the place of NaN and infinity."""
    if colours.dtype.kind != "f":
        return colours
    known = np.isfinite(colours)
    if known.all():
        return colours
    middle = np.median(colours[known]) if known.any() else np.float32(0)
    return np.where(known, colours, middle)


def by_channel(clean: Cleaner, colours: np.ndarray) -> tuple[np.ndarray, dict[str, Any]]:
    """Each channel cleaned on its own; facts are the first channel's."""
    parts = [clean(np.ascontiguousarray(colours[..., c : c + 1])) for c in range(colours.shape[2])]
    return np.concatenate([removed for removed, _ in parts], axis=2), parts[0][1]
