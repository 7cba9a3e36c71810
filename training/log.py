"""What a run says: lines for people on standard error, and log.jsonl beside its checkpoint."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .learner import Learner

Figures = Mapping[str, Mapping[str, float]]  # of each source, and "mean"


class Log:
    """Appends to a file; each line is a JSON object with a "kind": run, step, figures or note."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._from: tuple[float, int, int] | None = None

    def write(self, kind: str, **values: Any) -> None:
        with self.file.open("a") as stream:
            stream.write(json.dumps({"kind": kind, "time": round(time.time()), **values}) + "\n")

    def note(self, text: str) -> None:
        self.write("note", text=text)
        say(text)

    def step(self, learner: Learner) -> None:
        """How far it is, how wrong and how fast, since this was last said."""
        now = (learner.seconds, learner.step, learner.pixels)
        seconds, steps, pixels = (a - b for a, b in zip(now, self._from or (0, 0, 0), strict=True))
        self._from = now
        budget = learner.schedule.budget
        done = learner.done()[budget.unit]
        each = seconds / max(steps, 1)
        left = learner.seconds * (budget.total / max(done, 1e-9) - 1) / 60
        self.write(
            "step", step=learner.step, minutes=learner.seconds / 60, pixels=learner.pixels,
            loss=learner.loss, rate=learner.rate, norm=learner.norm, seconds_per_step=each,
        )  # fmt: skip
        say(
            f"step {learner.step}  {100 * min(done / budget.total, 1):.1f} %  "
            f"loss {learner.loss:.4f}  {each:.3g} s/step  "
            f"{pixels / max(seconds, 1e-9) / 1e6:.2f} Mpixel/s  {max(left, 0):.0f} min left"
        )

    def figures(self, learner: Learner, found: Figures, whole: bool) -> None:
        """How good the average is."""
        self.write(
            "figures", step=learner.step, minutes=learner.seconds / 60, pixels=learner.pixels,
            whole=whole, figures=found,
        )  # fmt: skip
        for source, values in found.items():
            say(f"  {source:32} " + "  ".join(f"{n} {v:.3f}" for n, v in values.items()))

    def resumed(self, learner: Learner) -> None:
        """What is said of speed begins here."""
        self._from = (learner.seconds, learner.step, learner.pixels)


def say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')}  {text}", file=sys.stderr, flush=True)


def with_mean(found: Figures) -> dict[str, dict[str, float]]:
    """The figures of each source, and their mean over the sources that have them."""
    names = list(dict.fromkeys(name for values in found.values() for name in values))
    mean = {}
    for name in names:
        values = [one[name] for one in found.values() if name in one]
        mean[name] = sum(values) / len(values)
    return {**{source: dict(values) for source, values in found.items()}, "mean": mean}
