"""Pixels per unit of length, kept as exact fractions so that nothing drifts on the way."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

METRES = {
    "inch": Fraction(254, 10000), "m": Fraction(1), "cm": Fraction(1, 100), "mm": Fraction(1, 1000),
    "µm": Fraction(1, 10**6), "nm": Fraction(1, 10**9), "dm": Fraction(1, 10),
    "Å": Fraction(1, 10**10), "pm": Fraction(1, 10**12),
}  # fmt: skip
MICRO = ("micron", "microns", "um", "\u03bcm", "\\u00B5m")  # as ImageJ and others spell µm


SPELLED = {
    "inches": "inch", "in": "inch", '"': "inch", "angstrom": "Å",
    **{
        prefix + spelling + plural: unit
        for prefix, unit in (
            ("", "m"), ("deci", "dm"), ("centi", "cm"), ("milli", "mm"), ("micro", "µm"),
            ("nano", "nm"), ("pico", "pm"),
        )
        for spelling in ("meter", "metre")
        for plural in ("", "s")
    },
}  # fmt: skip


def unit_named(text: str) -> str:
    """One spelling for each unit of length; what is unknown stays as it is."""
    text = text.strip()
    return "µm" if text in MICRO else SPELLED.get(text.lower(), text)


@dataclass(frozen=True)
class Resolution:
    """`x` and `y` pixels per `unit`; an empty unit means that only their ratio is known."""

    x: Fraction
    y: Fraction
    unit: str = ""  # "inch", "cm", "m", or what a microscope wrote: "µm", "nm", ...

    @property
    def dpi(self) -> tuple[float, float] | None:
        ratio = self.per("inch")
        return (float(ratio.x), float(ratio.y)) if ratio else None

    @property
    def pixel_size(self) -> tuple[float, float, str] | None:
        if not self.unit or not self.x or not self.y:
            return None
        return float(1 / self.x), float(1 / self.y), self.unit

    def per(self, unit: str) -> Resolution | None:
        """The same in another unit of METRES, or None where this one is no known length."""
        if self.unit not in METRES:
            return None
        factor = METRES[unit] / METRES[self.unit]
        return Resolution(self.x * factor, self.y * factor, unit)

    def scale(self, fy: float, fx: float) -> Resolution:
        """After resampling to fy times the rows and fx times the columns."""
        factor_y, factor_x = (Fraction(f).limit_denominator(1 << 20) for f in (fy, fx))
        return replace(self, x=self.x * factor_x, y=self.y * factor_y)

    def turn(self) -> Resolution:
        """After a quarter turn."""
        return replace(self, x=self.y, y=self.x)


def ratio_of_32_bits(value: Fraction) -> tuple[int, int]:
    """Two numbers of 32 bits whose quotient is the value, or as near as they come."""
    top = 0xFFFFFFFF
    if value.numerator > top:
        value = value.limit_denominator(max(1, int(top / float(value))))
    value = value.limit_denominator(top)
    return min(value.numerator, top), value.denominator
