"""A number read from a scan's marks: which of them are digits, and which are two that touch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from .card import NONE
from .glyph import frame
from .marks import Mark, cut, cuts
from .read import Classes, Reading, rank, texts
from .scan import Look

SURE = 0.75  # of the product of both probabilities: from here on a mark is cut in two
WRITING = 0.5  # share of a line's marks that are digits, from which on it is a number
UNEVEN = 0.62  # of a line's high digits, which its low ones have: the bars of a chart differ more

Scores = Callable[[np.ndarray], np.ndarray]
Scored = tuple[Mark, np.ndarray]


@dataclass(frozen=True, eq=False)
class Numbers:
    """Reads lines of marks. names: of the classes, with "no digit" among them; scores: gives
    fields (N, 1, 28, 28) their probabilities (N, K); top: how many readings to tell."""

    names: Sequence[str]
    scores: Scores
    top: int

    def read(self, look: Look, scores: np.ndarray) -> Classes:
        """What the look's marks say, whose fields have these scores (N, K)."""
        each = iter(scores)
        found = [self._readings([(m, next(each)) for m in line], look.step) for line in look.lines]
        every = [one for line in found for one in line]
        if not every:
            return Classes(((NONE, 1.0),))
        marks = tuple((one.box, *rank(one.scores, self.names, 1)[0]) for one in every)
        numbers = [line for line in found if self._is_number(line)]
        if len(every) == 1 or not numbers:
            return Classes(self._none(every), marks)
        return Classes(texts(numbers, self.names, NONE, self.top), marks)

    def _none(self, every: Sequence[Reading]) -> tuple[tuple[str, float], ...]:
        """How little the largest mark is a digit; its likeliest classes."""
        largest = max(every, key=lambda one: one.box[2] * one.box[3])
        scores = largest.scores
        if len(every) > 1 and scores.argmax() != self._nothing:  # a digit among what is none
            scores = say_doubt(scores, self._nothing, 1.0)
        return rank(scores, self.names, self.top)

    @property
    def _nothing(self) -> int:
        return self.names.index(NONE)

    def _is_number(self, line: Sequence[Reading]) -> bool:
        heights = [one.box[3] for one in line if int(one.scores.argmax()) != self._nothing]
        if not heights or len(heights) < WRITING * len(line):
            return False
        low, high = np.percentile(heights, [20, 80])
        return bool(low >= UNEVEN * high)

    def _readings(self, line: Sequence[Scored], step: float) -> list[Reading]:
        """The marks of a line with their scores, those cut in two that read better so."""
        found = [part for mark, scores in line for part in self._parts(mark, scores)]
        return [Reading(_box(mark, step), self._doubted(scores)) for mark, scores in found]

    def _doubted(self, scores: np.ndarray) -> np.ndarray:
        """No digit is at least as likely as that the likeliest digit is wrong."""
        wrong = 1 - float(np.delete(scores, self._nothing).max())
        return say_doubt(scores, self._nothing, wrong)

    def _parts(self, mark: Mark, scores: np.ndarray) -> list[Scored]:
        """The mark, or what it is cut into: two digits that touch, each of which may be two."""
        if mark.drawn:
            return [(mark, np.eye(len(self.names))[self._nothing])]
        places = cuts(mark) if int(scores.argmax()) == self._nothing else []
        if not places:
            return [(mark, scores)]
        pairs = [cut(mark, place) for place in places]
        fields = np.stack([frame(one.ink) for pair in pairs for one in pair])[:, None]
        every = self.scores(fields).reshape(len(pairs), 2, -1)
        sure = [float(np.delete(two, self._nothing, 1).max(1).prod()) for two in every]
        best = int(np.argmax(sure))
        if sure[best] >= SURE:
            return [(one, every[best, n]) for n, one in enumerate(pairs[best])]
        return self._ends(pairs, every) or [(mark, scores)]

    def _ends(self, pairs: Sequence[tuple[Mark, Mark]], every: np.ndarray) -> list[Scored]:
        """Three or more digits: a sure one at the left, and what the rest reads as."""
        heads = [(float(np.delete(two[0], self._nothing).max()), n) for n, two in enumerate(every)]
        for sure, n in sorted(heads, reverse=True):
            if sure < 0.8 or int(every[n, 1].argmax()) != self._nothing:
                continue
            parts = self._parts(pairs[n][1], every[n, 1])
            if all(int(scores.argmax()) != self._nothing for _, scores in parts):
                return [(pairs[n][0], every[n, 0]), *parts]
        return []


def say_doubt(scores: np.ndarray, nothing: int, least: float) -> np.ndarray:
    """Probabilities (K,) in which `nothing` has at least so much, before they are made to sum 1."""
    made = scores.copy()
    made[nothing] = max(scores[nothing], least)
    return np.asarray(made / made.sum())


def _box(mark: Mark, step: float) -> tuple[int, int, int, int]:
    left, top, right, bottom = (
        round(n * step) for n in (mark.left + 1, mark.top + 1, mark.right - 1, mark.bottom - 1)
    )
    return left, top, max(right - left, 1), max(bottom - top, 1)
