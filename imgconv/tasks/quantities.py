"""Lengths and areas as a user types them: in pixels, or in micrometres of a known pixel size."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

from imgconv.errors import InputError, UsageError

from .labels.select import Size

TEXT = re.compile(r"\s*([\d.]+(?:[eE][-+]?\d+)?)\s*(px|[uµμ]m)?(?:\^?([2²]))?\s*")


@dataclass(frozen=True)
class Quantity:
    """A length (power 1) or an area (power 2), in pixels or, if `metric`, in µm or µm²."""

    option: str
    value: float
    power: int
    metric: bool = False

    def pixels(self, size: Size) -> float:
        """In pixels of that width and height in µm. Raises InputError where they are unknown."""
        if not self.metric:
            return self.value
        if size is None:
            raise InputError(
                f"{self} needs the pixel size, which the file does not tell: give "
                f"`pixel_size` in µm, or `{self.option}` in pixels"
            )
        return self.value / (size[0] * size[1]) ** (self.power / 2)

    def __str__(self) -> str:
        return f"`{self.option}='{self.words}'`"

    @property
    def words(self) -> str:
        """As it is typed: "30px", "7.5um2"."""
        unit = ("um" if self.metric else "px") + ("2" if self.power == 2 else "")
        return f"{float(self.value)!r}".removesuffix(".0") + unit


def quantity(option: str, text: Any, power: int) -> Quantity | None:
    """Read 30, "30px", "7.5um" or, with power 2, "50um2"; None stays None. Raises UsageError."""
    if text is None:
        return None
    found = TEXT.fullmatch(str(text))
    metric = bool(found and found[2] not in (None, "px"))
    right = found and (found[3] is None or power == 2)
    value = _number(found[1]) if found and right else 0.0
    if not 0 < value < math.inf:
        unit = "um" if power == 1 else "um2"
        raise UsageError(
            f"`{option}={text!r}`: give a number of pixels above 0 (30), or of micrometres "
            f"(7.5{unit})"
        )
    return Quantity(option, value, power, metric)


def pixel_sides(text: Any) -> Size:
    """Width and height in µm of a pixel size "0.325" or "0.325,0.33". Raises UsageError."""
    if text is None:
        return None
    words = ",".join(map(str, text)) if isinstance(text, (tuple, list)) else str(text)
    parts = re.sub(r"\s*[uµμ]m\s*", "", words).split(",")
    sides = [_number(part) for part in parts]
    if len(sides) > 2 or not all(0 < side < math.inf for side in sides):
        raise UsageError(
            f"`pixel_size={text!r}`: give the width of a pixel in micrometres (0.325), or its "
            "width and height (0.325,0.33)"
        )
    return sides[0], sides[-1]


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
