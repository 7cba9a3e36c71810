"""What all ways of denoising have in common: alpha aside, strengths, types and ranges kept."""

from __future__ import annotations

import math
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
        return Result(*self.subtract(pixels, alpha, known, removed), facts)

    def subtract(
        self,
        pixels: np.ndarray,
        alpha: str,
        known: np.ndarray | None,
        removed: np.ndarray,
        rounding: Rounding | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Rows (h, W, C) less what a cleaner found in their colours; and how much that was.

        rounding: of some rows of a plane, what rounded those before.
        """
        colours = pixels if alpha == "none" else without_alpha(pixels)
        removed = self._blend(removed)
        if known is not None:
            removed[~known] = 0
        if alpha != "none":
            removed[pixels[..., -1] == 0] = 0
        cleaned = self._clean(colours, removed, rounding)
        if alpha == "premultiplied":  # no more colour than there is coverage
            np.minimum(cleaned, np.maximum(colours, pixels[..., -1:]), out=cleaned)
        if alpha != "none":
            cleaned = with_alpha(cleaned, pixels[..., -1:])
        return cleaned, removed

    def _clean(
        self, colours: np.ndarray, removed: np.ndarray, rounding: Rounding | None
    ) -> np.ndarray:
        if getattr(self.clean, "sums", False) and colours.dtype.kind != "f":
            rounding = rounding or Rounding(colours.shape[2])
            return rounding(colours - removed, colours.dtype)
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
SEEN = 1 << 22  # pixels of a large plane that are looked at for what most are like


def step_of(shape: tuple[int, ...]) -> int:
    """Of a plane (H, W, C) every how manieth row and column is looked at for that."""
    return max(1, math.isqrt(shape[0] * shape[1] // SEEN))


@dataclass
class Ends:
    """The two least and the two largest of values that differ, of a float plane whose rows are
    added band by band; absurd ones do not count."""

    low: list[float] = field(default_factory=list)  # the least first
    high: list[float] = field(default_factory=list)  # the largest first
    all_sound: bool = True

    def add(self, colours: np.ndarray) -> None:
        with np.errstate(invalid="ignore"):
            sound = np.abs(colours) < ABSURD
        values = colours if sound.all() else colours[sound]
        self.all_sound = self.all_sound and values is colours
        for extreme, ends in ((np.min, self.low), (np.max, self.high)):
            some = values
            for _ in range(2 if values.size else 0):
                ends.append(float(extreme(some)))
                some = some[some != extreme(some)]
                if not some.size:
                    break
        self.low[:] = sorted(set(self.low))[:2]
        self.high[:] = sorted(set(self.high), reverse=True)[:2]

    def far(self) -> list[float]:
        """The one least and the one largest value, as far as they are far from all others."""
        every = sorted({*self.low, *self.high})
        found = []
        for place in (0, -1):
            if not every:
                break
            value = every[place]
            rest = [one for one in every if one != value] or [value]
            if max(rest[0] - value, value - rest[-1]) > FAR * (rest[-1] - rest[0]) > 0:
                found.append(value)
                every = rest
        return found


@dataclass(frozen=True)
class Valid:
    """Which values of a float plane are a picture's: not NaN, infinity, or a "no data" of -9999
    or 3.4e38, which is one value far from all others."""

    far: tuple[float, ...]

    def __call__(self, colours: np.ndarray) -> np.ndarray:
        """bool, of colours of any shape."""
        with np.errstate(invalid="ignore"):
            known = np.abs(colours) < ABSURD
        for value in self.far:
            known &= colours != value
        return np.asarray(known)


def valid_of(ends: Ends) -> Valid | None:
    """None if all values are a picture's."""
    far = ends.far()
    return None if ends.all_sound and not far else Valid(tuple(far))


def find_valid(colours: np.ndarray) -> np.ndarray | None:
    """(H, W, C) bool: which values of colours (H, W, C) are a picture's. None if all are."""
    if colours.dtype.kind != "f":
        return None
    ends = Ends()
    ends.add(colours)
    valid = valid_of(ends)
    return valid(colours) if valid else None


def middle_of(sample: np.ndarray, known: np.ndarray) -> np.float32:
    """What stands in the place of values that are no picture's: the median of the others."""
    return np.float32(np.median(sample[known]) if known.any() else 0)


def fill_invalid(colours: np.ndarray, known: np.ndarray | None) -> np.ndarray:
    """Colours (H, W, C) with a usual value in the place of all that are not `known` (H, W, C).

    None: all are known.
    """
    if known is None:
        return colours
    step = step_of(colours.shape)
    middle = middle_of(colours[::step, ::step], known[::step, ::step])
    return np.where(known, colours, middle)


class Rounding:
    """Values to integers whose sums stay within one in every channel, also from band to band: what
    a value loses by rounding, the next one gets. Integers stay what they are.

    Rounded each for itself, a smooth 0.4 counts would become 0 everywhere.
    """

    def __init__(self, channels: int) -> None:
        self.carry = np.zeros((1, channels))  # the sum of all that was cut off

    def __call__(self, values: np.ndarray, dtype: np.dtype) -> np.ndarray:
        """The next rows (h, W, C)."""
        values = np.clip(values, 0, np.iinfo(dtype).max)
        whole = np.floor(values)
        shares = (values - whole).reshape(-1, values.shape[2])
        sums = np.concatenate([self.carry, shares]).cumsum(0, dtype=np.float64)
        self.carry = sums[-1:]
        steps = np.diff(np.floor(sums + 0.5), axis=0)
        return np.asarray((whole + steps.reshape(values.shape)).astype(dtype))


def round_keeping_sums(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """All of (H, W, C): see Rounding."""
    return Rounding(values.shape[2])(values, dtype)


def by_channel(
    clean: Cleaner, colours: np.ndarray, top: float
) -> tuple[np.ndarray, dict[str, Any]]:
    """Each channel of colours (H, W, C) cleaned on its own: what a Cleaner gives.

    The facts are the first channel's.
    """
    channels = (np.ascontiguousarray(colours[..., c : c + 1]) for c in range(colours.shape[2]))
    parts = [clean(channel, top) for channel in channels]
    return np.concatenate([removed for removed, _ in parts], axis=2), parts[0][1]
