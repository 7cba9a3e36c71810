"""How narrow means of 8-bit images become words: see kernels/narrow.py.

An error of e levels crosses the boundary between two results in a share e of all places. The
cuts of products to 1/256 of a level put about 0.2 % of all pixels one level off, whatever they
show. What shares a product is so light that its coarser weights add little to that: SHARED
bounds the weight of both sides together, ASTRAY what a weight may be wrong by.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from imgconv.kernels.plane_layout import Narrow

WEIGHTS = 16  # bits: weights sum to 2^16
BYTES = 128  # the most that two weights of bytes sum to
SHARED, ASTRAY = 0.0095, 6e-5
ROUNDED = 127.5  # 1/256 of a level, where a result is cut at whole numbers
PRODUCTS = 5  # that a row may have: of Narrow's numbers, the first
FINER = 8  # how far the two bytes may lie from one that would do nearly
UNEVEN = 0.25  # what the rounded mean of two integers is too large by, on average


@dataclass(frozen=True)
class Words:
    """A stencil of `near` folds with products of their own, and what a line's numbers begin at."""

    near: int
    column: Narrow
    row: Narrow
    base: float  # of a line, in 1/256 of a level


def words(column: np.ndarray, row: np.ndarray) -> Words | None:
    """The stencil of weights from the middle outwards, which sum to 1; None if it is too wide."""
    parts = [
        np.append(part[0], 2 * part[1:]) / (2 * part.sum() - part[0]) for part in (column, row)
    ]
    fitting = (n for n in (3, 4) if all(_fits(part, n) for part in parts))
    near = next(fitting, None)
    if near is None:
        return None
    across = _row(parts[1], near)
    base = ROUNDED + np.count_nonzero(across[:PRODUCTS]) / 2 - UNEVEN * (1 - parts[1][0])
    return Words(near, _column(parts[0], near, base), across, base)


def _sums(part: np.ndarray, near: int) -> np.ndarray:
    """(near + 2,): the weights of a fold and all beyond, which are rounded in place of weights."""
    sums = np.cumsum(part[::-1])[::-1]
    return np.append(sums, np.zeros(near + 2))[: near + 2]


def _ratio(sums: np.ndarray, near: int) -> int:
    """By which power of two the last fold is lighter than the one before."""
    inner, outer = sums[near] - sums[near + 1], sums[near + 1]
    return min(15, max(0, round(math.log2(inner / outer)))) if inner > 0 < outer else 15


def _fits(part: np.ndarray, near: int) -> bool:
    sums = _sums(part, near)
    inner, outer = sums[near] - sums[near + 1], sums[near + 1]
    astray = outer - inner * 2.0 ** -_ratio(sums, near)
    return bool(sums[near] <= SHARED and part[near + 2 :].sum() <= ASTRAY and abs(astray) <= ASTRAY)


def _near(sums: np.ndarray, near: int, shared: float) -> list[int]:
    """Four weights times 2^16, which with what is `shared` sum to 2^16."""
    whole = np.append(np.rint(sums[:near] * 2**WEIGHTS), round(shared * 2**WEIGHTS))
    weights = [int(one) for one in -np.diff(whole)]
    return weights + [0] * (4 - near)


def _column(part: np.ndarray, near: int, base: float) -> Narrow:
    sums = _sums(part, near)
    scale = min(15, int(math.log2((BYTES - 2) / sums[near]))) if sums[near] > 0 else 15
    outer = round(sums[near + 1] * 2**scale)
    inner = round(sums[near] * 2**scale) - outer
    shared = (inner + outer) / 2**scale
    weights = _near(sums, near, shared)
    moved = (1 - 2.0 ** (8 - scale)) / 2 - 256 * UNEVEN * shared if shared else 0
    cuts = np.count_nonzero(weights) / 2 + moved
    zeros = _below_the_point(base + cuts, weights)
    return Narrow._make((*weights, inner | outer << 8, scale - 8, *zeros))


def _below_the_point(wanted: float, weights: list[int]) -> tuple[int, int]:
    """Bytes of the others and of the first fold whose weighted sum is nearest to what is wanted."""
    first, all_of_them = weights[1] / 2**WEIGHTS, sum(weights) / 2**WEIGHTS
    middle = round(wanted / all_of_them)
    around = range(middle - FINER, middle + FINER + 1)
    return min(
        ((zero, beside) for zero in around for beside in around),
        key=lambda z: abs(z[0] * (all_of_them - first) + z[1] * first - wanted),
    )


def _row(part: np.ndarray, near: int) -> Narrow:
    sums = _sums(part, near)
    places = _ratio(sums, near)
    both = 1 + 2.0**-places
    tail = round(2 * sums[near] / both * 2**WEIGHTS)
    return Narrow._make((*_near(sums, near, tail / 2 * both / 2**WEIGHTS), tail, places, 0, 0))
