"""A stencil: the small matrix that is slid over an image, exact where it can be."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np

from imgconv.errors import UsageError

LARGEST = 1e30  # of a weight: its sums with 16-bit samples are float32 still
SIMPLE = 65536  # the largest common denominator that still counts as simple fractions


@dataclass(frozen=True, eq=False)
class Stencil:
    """K x L weights; as integers over one denominator where they are simple fractions.

    weights: float64 (K, L). numerators: int64 (K, L) with weights = numerators / denominator
    exactly, or None. Its anchor, the tap that lies on the output pixel, is (K//2, L//2).
    """

    weights: np.ndarray
    numerators: np.ndarray | None = None
    denominator: int = 1

    @property
    def shape(self) -> tuple[int, int]:
        """Rows K and columns L."""
        return self.weights.shape

    @property
    def anchor(self) -> tuple[int, int]:
        """The tap on the output pixel; past the middle where a size is even."""
        return self.shape[0] // 2, self.shape[1] // 2

    @property
    def is_box(self) -> bool:
        """Whether all weights are one number, and enough that sums of windows are faster."""
        first = self.weights.flat[0]
        return self.weights.size >= 3 and first != 0 and bool((self.weights == first).all())

    @property
    def blurs(self) -> bool:
        """Whether no weight is negative, so that it mixes pixels rather than contrasts them."""
        return bool((self.weights >= 0).all() and self.weights.sum() > 0)

    @property
    def keeps_places(self) -> bool:
        """Whether the anchor is its only weight: the identity, perhaps scaled."""
        return np.count_nonzero(self.weights) == 1 and self.weights[self.anchor] != 0

    @property
    def centre(self) -> Stencil:
        """The anchor alone (1 x 1): what else is 0 would make NaN of a neighbour's NaN."""
        i, j = self.anchor
        numerators = self.numerators
        one = None if numerators is None else numerators[i : i + 1, j : j + 1].copy()
        return replace(self, weights=self.weights[i : i + 1, j : j + 1].copy(), numerators=one)

    def flip(self) -> Stencil:
        """Rotated by 180 degrees: correlating with it is true convolution."""
        numerators = self.numerators
        turned = None if numerators is None else np.ascontiguousarray(numerators[::-1, ::-1])
        return replace(
            self, weights=np.ascontiguousarray(self.weights[::-1, ::-1]), numerators=turned
        )

    def factors(self) -> tuple[Stencil, Stencil] | None:
        """A column (K x 1) and a row (1 x L) whose product it is, or None (rank above 1)."""
        if min(self.shape) == 1:
            return None
        return self._real_factors() if self.numerators is None else self._exact_factors()

    def _exact_factors(self) -> tuple[Stencil, Stencil] | None:
        """Integers of rank 1 are a column of integers times a row without common divisor."""
        matrix = self.numerators
        assert matrix is not None
        pivot = next((line for line in matrix if line.any()), None)
        if pivot is None:
            return None
        row = pivot // np.gcd.reduce(pivot)
        first = int(np.flatnonzero(row)[0])
        column = matrix[:, first] // row[first]
        if not np.array_equal(np.outer(column, row), matrix):
            return None
        return _from_integers(column[:, None], self.denominator), _from_integers(row[None], 1)

    def _real_factors(self) -> tuple[Stencil, Stencil] | None:
        """The column and row through the largest weight, if the rest are their products."""
        i, j = np.unravel_index(np.abs(self.weights).argmax(), self.shape)
        pivot = self.weights[i, j]
        if pivot == 0:
            return None
        column, row = self.weights[:, j] / pivot, self.weights[i]
        if np.abs(np.outer(column, row) - self.weights).max() > 1e-12 * abs(pivot):
            return None
        return Stencil(column[:, None].copy()), Stencil(row[None].copy())


def _from_integers(numerators: np.ndarray, denominator: int) -> Stencil:
    return Stencil(numerators / denominator, numerators, denominator)


def uniform(height: int, width: int) -> Stencil:
    """The mean of height x width pixels."""
    area, shape = height * width, (height, width)
    if area > SIMPLE:
        return Stencil(np.full(shape, 1 / area))
    return _from_integers(np.ones(shape, np.int64), area)


def stencil(values: Any, name: str = "the kernel") -> Stencil:
    """A stencil of a matrix of numbers or Fractions; exact if they are simple fractions.

    UsageError where the rows differ in length, a value is no finite number or none is given.
    """
    rows = [list(row) for row in values]
    lengths = sorted({len(row) for row in rows})
    if not rows or lengths[0] == 0:
        raise UsageError(f"{name} is empty: give rows of numbers, e.g. '0 -1 0; -1 5 -1; 0 -1 0'")
    if len(lengths) > 1:
        raise UsageError(
            f"{name} has rows of {_join_words(lengths)} numbers: make them equally long"
        )
    weights = np.array([[float(v) for v in row] for row in rows], np.float64)
    if not np.isfinite(weights).all():
        raise UsageError(f"{name} holds a value that is not finite: use ordinary numbers")
    if np.abs(weights).max() > LARGEST:
        raise UsageError(f"{name} holds {np.abs(weights).max():g}: use numbers up to {LARGEST:g}")
    exact = _common_denominator([v for row in rows for v in row])
    if exact is None:
        return Stencil(weights)
    numerators, denominator = exact
    return _from_integers(np.array(numerators, np.int64).reshape(weights.shape), denominator)


def _join_words(numbers: Sequence[int]) -> str:
    return " and ".join(map(str, numbers))


def _common_denominator(values: Iterable[Any]) -> tuple[list[int], int] | None:
    """Integers over their least common denominator, or None if that is not simple."""
    fractions = [_fraction(value) for value in values]
    if any(f is None for f in fractions):
        return None
    known = [f for f in fractions if f is not None]
    denominator = math.lcm(*(f.denominator for f in known))
    numerators = [f.numerator * (denominator // f.denominator) for f in known]
    if denominator > SIMPLE or max(map(abs, numerators)) >= 2**31:
        return None
    return numerators, denominator


def _fraction(value: Any) -> Fraction | None:
    """The simple fraction a number stands for: 0.1111111111111111 is 1/9."""
    if isinstance(value, Fraction):
        return value
    exact = Fraction(float(value))
    near = exact.limit_denominator(4096)
    return near if abs(near - exact) <= abs(exact) * Fraction(1, 2**50) else None
