"""How long a run is, and the learning rate on the way: a rise, then a cosine to zero."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

RISE = 0.04  # share of a run over which the rate rises
UNITS = ("steps", "minutes", "pixels")


@dataclass(frozen=True)
class Budget:
    """The length of a run, in one of UNITS."""

    unit: str
    total: float


@dataclass
class Schedule:
    """The rate at a point of the run, which may be lengthened: it then goes from the rate there
    was to the cosine of the longer run within the next 4 % of it."""

    peak: float
    budget: Budget
    begun: float = 0.0  # where this cosine was taken up, in the budget's unit
    before: float = 0.0  # the rate there was

    def rate(self, done: float) -> float:
        share = min(done / self.budget.total, 1.0)
        cosine = self.peak * (0.5 + 0.5 * math.cos(math.pi * share))
        taken = min(1.0, (done - self.begun) / (RISE * self.budget.total))
        return max(self.before + (cosine - self.before) * taken, 1e-3 * self.peak)

    def state(self) -> dict[str, Any]:
        return {
            "peak": self.peak, "unit": self.budget.unit, "total": self.budget.total,
            "begun": self.begun, "before": self.before,
        }  # fmt: skip

    def take_up(self, state: dict[str, Any], done: dict[str, float]) -> None:
        """Go on from a saved schedule; `done` in each unit."""
        old = Schedule(
            state["peak"], Budget(state["unit"], state["total"]), state["begun"], state["before"]
        )
        if (old.peak, old.budget) == (self.peak, self.budget):
            self.begun, self.before = old.begun, old.before
        else:
            self.begun = done[self.budget.unit]
            self.before = old.rate(done[old.budget.unit])
