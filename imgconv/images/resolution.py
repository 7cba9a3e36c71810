"""Pixels per unit of length, kept as exact fractions so that nothing drifts on the way."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

INCHES_PER = {"inch": Fraction(1), "cm": Fraction(254, 100), "m": Fraction(254, 10000)}


@dataclass(frozen=True)
class Resolution:
    """`x` and `y` pixels per `unit`; an empty unit means that only their ratio is known."""

    x: Fraction
    y: Fraction
    unit: str = ""  # "inch", "cm", "m", or what a microscope wrote: "µm", "nm", ...

    @property
    def dpi(self) -> tuple[float, float] | None:
        if self.unit not in INCHES_PER:
            return None
        per_inch = INCHES_PER[self.unit]
        return float(self.x * per_inch), float(self.y * per_inch)

    @property
    def pixel_size(self) -> tuple[float, float, str] | None:
        if not self.unit or not self.x or not self.y:
            return None
        return float(1 / self.x), float(1 / self.y), self.unit

    def per(self, unit: str) -> Resolution | None:
        """The same in `unit` ("inch", "cm" or "m"), or None where the unit is another kind."""
        if self.unit not in INCHES_PER:
            return None
        factor = INCHES_PER[self.unit] / INCHES_PER[unit]
        return Resolution(self.x * factor, self.y * factor, unit)

    def scaled(self, fy: float, fx: float) -> Resolution:
        """After resampling to fy times the rows and fx times the columns."""
        factor_y, factor_x = (Fraction(f).limit_denominator(1 << 20) for f in (fy, fx))
        return replace(self, x=self.x * factor_x, y=self.y * factor_y)

    def turned(self) -> Resolution:
        """After a quarter turn."""
        return replace(self, x=self.y, y=self.x)
