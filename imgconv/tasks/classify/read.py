"""What a network's numbers say: classes by probability, and a number of several digits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Reading:
    """One mark of a scan. box: left, top, width, height in pixels. scores: (K,) probabilities."""

    box: tuple[int, int, int, int]
    scores: np.ndarray = field(repr=False)


@dataclass(frozen=True)
class Classes:
    """ranked: names and probabilities, the likeliest first. marks: what they were read from, of a
    scan, line by line."""

    ranked: tuple[tuple[str, float], ...]
    marks: tuple[tuple[tuple[int, int, int, int], str, float], ...] = ()

    @property
    def best(self) -> str:
        return self.ranked[0][0]

    def record(self) -> dict[str, Any]:
        """As --json says it."""
        found: dict[str, Any] = {
            "class": self.best,
            "probability": round(self.ranked[0][1], 6),
            "classes": [{"class": n, "probability": round(p, 6)} for n, p in self.ranked],
        }
        if self.marks:
            found["marks"] = [
                {"class": name, "probability": round(p, 6), "box": list(box)}
                for box, name, p in self.marks
            ]
        return found


def softmax(scores: np.ndarray) -> np.ndarray:
    """(N, K) -> probabilities (N, K)."""
    powers = np.exp(scores - scores.max(1, keepdims=True))
    return np.asarray(powers / powers.sum(1, keepdims=True))


def rank(scores: np.ndarray, names: Sequence[str], top: int) -> tuple[tuple[str, float], ...]:
    """The `top` likeliest of probabilities (K,), of equal ones the first."""
    order = np.argsort(-scores, kind="stable")[:top]
    return tuple((names[n], float(scores[n])) for n in order)


def texts(
    readings: Sequence[Sequence[Reading]], names: Sequence[str], none: str, top: int
) -> tuple[tuple[str, float], ...]:
    """The `top` likeliest readings of lines of marks, and their probabilities.

    Marks that are no digit are left out where there are digits; a line break is a space. The
    probability of a text is the product of its marks'.
    """
    skipped = names.index(none) if none in names else -1
    beams: list[tuple[str, float]] = [("", 1.0)]
    for line in readings:
        kept = [one for one in line if int(one.scores.argmax()) != skipped]
        if not kept:
            continue
        beams = [(text + " " * bool(text), p) for text, p in beams]
        for one in kept:
            choices = [c for c in rank(one.scores, names, top + 1) if c[0] != none][:top]
            longer = [(text + name, p * q) for text, p in beams for name, q in choices]
            beams = sorted(longer, key=lambda pair: -pair[1])[:top]
    return tuple(beams)
