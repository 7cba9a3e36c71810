"""Lengths as the texts of microscopes spell them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from fractions import Fraction

from imgconv.images.resolution import METRES, unit_named

Sizes = tuple[Fraction | None, Fraction | None, Fraction | None]
"""Width, height and depth of a pixel in µm, each where it is known."""

MICRO = re.compile(r"(?:\\u00b5|\u00c2?\u00b5|\u03bc|u)m|micro(?:n|met(?:er|re))s?", re.IGNORECASE)


def positive(text: str) -> Fraction | None:
    """A number that stays one times any unit."""
    try:
        number = float(text)
    except ValueError:
        return None
    return Fraction(repr(number)) if 1e-99 < number < 1e99 else None


def micrometres(unit: str, metres: Mapping[str, Fraction]) -> Fraction | None:
    """How long the unit is; None where it is no length."""
    unit = unicodedata.normalize("NFC", unit.strip())  # of Å there are three
    length = metres.get("µm" if MICRO.fullmatch(unit) else unit_named(unit))
    return length / METRES["µm"] if length else None
