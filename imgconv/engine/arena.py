"""One piece of memory for all values of a plan: those that never live together share it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

LINE = 16  # float32 numbers of a cache line: every value begins on one


@dataclass(frozen=True)
class Span:
    """A value of so many numbers, in use from one step to another, both included."""

    size: int
    first: int
    last: int


def place(spans: Sequence[Span]) -> tuple[list[int], int]:
    """Where each span lies, in numbers from the start, and how many there are in all.

    The largest first, each in the lowest gap among those that live when it does.
    """
    places = [0] * len(spans)
    done: list[int] = []
    for i in sorted(range(len(spans)), key=lambda i: (-spans[i].size, spans[i].first)):
        span, at = spans[i], 0
        for j in sorted(done, key=places.__getitem__):
            other = spans[j]
            if other.first > span.last or other.last < span.first:
                continue
            if at + span.size <= places[j]:
                break
            at = max(at, _round_up(places[j] + other.size))
        places[i] = at
        done.append(i)
    return places, max((places[i] + spans[i].size for i in done), default=0)


def _round_up(numbers: int) -> int:
    return -(-numbers // LINE) * LINE


def aligned(shape: tuple[int, ...]) -> np.ndarray:
    """New float32 numbers that begin at a cache line: a vector that lies in two is read twice."""
    count = math.prod(shape)
    room = np.empty(count + LINE, np.float32)
    first = -(room.__array_interface__["data"][0] // room.itemsize) % LINE
    return room[first : first + count].reshape(shape)
