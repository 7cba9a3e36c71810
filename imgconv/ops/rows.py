"""Which rows of an image a few rows of its result are made of, so that a band is enough.

A band of the image (with what its windows reach above and below) goes through the very function
that the whole would; of what comes out, the rows that saw the band's cut edges are left away.
So bands equal the whole to the bit wherever that function does the same for each row, whichever
rows are given. Sums that run down a column of floats, and tiles of FFTs, begin anew at rows that
are counted from the plane's first one (see place.py): bands have what begins there as a whole.
Places thinned out from the first row on are the same in a band that begins at one of them. What
depends on all rows (the span of "rescale", whether all is finite) is looked at before.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from functools import partial, reduce
from typing import Any, NamedTuple

import numpy as np

from . import fourier, gaussian
from .alpha import FLOAT
from .box import rows_of_sum
from .filter import Filter, span_of
from .place import at
from .pool import Pool
from .rank import Rank
from .stencil import Stencil
from .symmetric import folds
from .upsample import Interpolation, Transposed

HUGE = 1e30  # far below the largest float32
Shape = tuple[int, int, int]
Span = tuple[int, int]  # rows begin..end
Call = Callable[[np.ndarray], np.ndarray]


class Rows(NamedTuple):
    """How a result is made band by band."""

    shape: Shape  # of the whole result
    dtype: np.dtype
    reads: Callable[[int, int], Span]  # of which rows of the image rows begin..end are made
    work: Callable[[np.ndarray, int, int, int], np.ndarray]  # band, its first row, begin, end
    least: int = 1  # rows that are worth being made together
    together: int = 1  # of which rows made together are best a multiple
    covered: Any = None  # the Rows of planes whose alpha does not cover everything
    look: Callable[[], Look] | None = None  # what is to be known of a plane before
    notes: tuple[str, ...] = ()  # what the user should hear of it


class Look(NamedTuple):
    """Rows that a plane is to go through, whose results nobody wants, and what to do then."""

    rows: Rows
    then: Callable[[], Rows]


class Need(NamedTuple):
    """What one step of a chain needs of its input: rows above and below; rows of results that are
    made together; a step of which the first row is to be a multiple."""

    reach: int = 0
    together: int = 1
    step: int = 1
    finite: bool = False  # whether it is so only of what is finite

    def join(self, other: Need) -> Need:
        """What both need of the same input."""
        return Need(
            max(self.reach, other.reach), math.lcm(self.together, other.together),
            math.lcm(self.step, other.step), self.finite or other.finite,
        )  # fmt: skip


def rows_of(
    work: object,
    shape: Shape,
    dtype: np.dtype,
    call: Call | None = None,
    floats: bool = False,
    margin: int = 0,
) -> Rows | None:
    """Of an image of this shape (H, W, C); None where a band is not enough.

    A band may begin above row 0 and end below the last one: there lie the rows of the other end
    (the border "wrap"). `call` does the work, where it is not `work` that is called (the image has
    alpha, or light is meant), with `floats` on float32 made of the pixels, of which it sees
    `margin` rows more on each side.
    """
    call = call or (work if callable(work) else None)
    if call is None:
        return None
    if isinstance(work, Filter):
        seen = FLOAT if floats or work.luma else dtype
        return _filter(work, shape, dtype, call, _needs(work, seen), margin)
    if isinstance(work, Pool):
        return _pool(work, shape, dtype, call)
    if isinstance(work, Interpolation):
        return _interpolation(work, shape, dtype, call)
    if isinstance(work, Transposed):
        return _transposed(work, shape, dtype, call)
    return None


def _filter(
    work: Filter, shape: Shape, dtype: np.dtype, call: Call, needs: list[Need], margin: int
) -> Rows | None:
    if work.range == "rescale" and work.span is span_of:
        return None
    finite = not any(need.finite for need in needs)
    if finite or (dtype.kind == "u" and _stays_finite(work)):
        return _chain(work, shape, dtype, call, needs, margin, None)
    plain = [Need(need.reach) if need.finite else need for need in needs]
    known, other = (
        _chain(work, shape, dtype, call, each, margin, is_finite)
        for each, is_finite in ((needs, None), (plain, False))
    )
    if known is None or other is None:
        return None
    return known._replace(look=partial(_look_for_infinity, work, shape, known, other))


def _look_for_infinity(work: Filter, shape: Shape, known: Rows, other: Rows) -> Look:
    """Values that are finite stay so, or it is another way that is gone."""
    finite: list[bool] = []

    def see(band: np.ndarray) -> None:
        finite.append(bool(np.abs(band).max(initial=0) * _gain(work) < HUGE))

    return Look(every_row(shape, see), lambda: known._replace(look=None) if all(finite) else other)


def every_row(shape: Shape, see: Callable[[np.ndarray], None]) -> Rows:
    """Rows of which all that is wanted is that `see` has seen them."""

    def work(band: np.ndarray, top: int, begin: int, end: int) -> np.ndarray:
        see(band)
        return band[:0]

    return Rows(shape, FLOAT, lambda begin, end: (begin, end), work)


def _stays_finite(work: Filter) -> bool:
    return 65535 * _gain(work) < HUGE


def _gain(work: Filter) -> float:
    """By how much a chain can make numbers larger, at most."""
    parts = [o for o in work.operators if not isinstance(o, Rank)]
    sums = [max(float(np.abs(one.weights).sum()) for one in part) for part in parts]
    return float(np.prod([max(1.0, 2 * one) for one in sums])) * max(1.0, abs(float(work.scale)))


def _chain(
    work: Filter, shape: Shape, dtype: np.dtype, call: Call, needs: list[Need], margin: int,
    finite: bool | None,
) -> Rows | None:  # fmt: skip
    height, step = shape[0], math.lcm(*(need.step for need in needs))
    reach = sum(need.reach for need in needs) + margin
    wraps = work.border == "wrap"
    if wraps and (reach + step > height or any(n.step * n.together > 1 for n in needs[:-1])):
        return None  # what follows would see the other end's rows, at places counted otherwise
    together = needs[-1].together

    def reads(begin: int, end: int) -> Span:
        for need in reversed(needs):
            top = begin // need.together * need.together
            bottom = -(-end // need.together) * need.together
            if not wraps:
                top, bottom = max(0, top), min(height, bottom)
            elif bottom > height:
                bottom = max(height, end)
            begin, end = top - need.reach, bottom + need.reach
        top, bottom = (begin - margin) // step * step, end + margin
        return (top, bottom) if wraps else (max(0, top), min(height, bottom))

    def part(band: np.ndarray, top: int, begin: int, end: int) -> np.ndarray:
        with at(top, finite):
            return call(band)[begin - top : end - top]

    result = FLOAT if work.range == "float" else dtype
    return Rows(shape, result, reads, part, 2 * reach, together)


def _needs(work: Filter, dtype: np.dtype) -> list[Need]:
    """Of each operator; `dtype` is what the first one sees, later ones see floats."""
    found = []
    for operator in work.operators:
        if isinstance(operator, Rank):
            found.append(Need(operator.size[0] // 2))
        else:
            found.append(reduce(Need.join, (_need(one, dtype) for one in operator)))
            dtype = FLOAT
    return found


def _need(stencil: Stencil, dtype: np.dtype) -> Need:
    """As correlation.correlate goes about it."""
    reach, real = stencil.shape[0] // 2, dtype.kind == "f"
    if stencil.is_box:
        return Need(reach, rows_of_sum(stencil.shape[0]) if real else 1)
    product = folds(stencil) if real or stencil.numerators is None else None
    if product:
        thin = gaussian.thinning(product)
        return Need(thin.reach, step=thin.step, finite=True) if thin else Need(reach)
    if fourier.wins(stencil):
        return Need(reach, fourier.rows_of_tile(stencil), finite=True)
    return Need(reach)


def _pool(work: Pool, shape: Shape, dtype: np.dtype, call: Call) -> Rows | None:
    if work.size is None:
        return None
    height, width, depth = shape
    windows = work.windows(height, width)
    size, stride, padding = windows.size[0], windows.stride[0], windows.padding[0]
    before = -(-padding // stride)  # windows whose padding lies above a band

    def first(begin: int) -> int:
        return max(0, begin - before)

    def reads(begin: int, end: int) -> Span:
        return first(begin) * stride, min(height, max((end - 1) * stride - padding + size, 1))

    def part(band: np.ndarray, top: int, begin: int, end: int) -> np.ndarray:
        skip = begin - first(begin)
        return call(band)[skip : skip + end - begin]

    return Rows((*windows.over(height, width), depth), dtype, reads, part)


def _interpolation(work: Interpolation, shape: Shape, dtype: np.dtype, call: Call) -> Rows:
    """Weights repeat every p rows of the result, which are q of the image."""
    height, width, depth = shape
    factor = Fraction(work.factors[0])
    p, q = factor.numerator, factor.denominator

    def reads(begin: int, end: int) -> Span:
        top = max(0, (begin * q // p - 2) // q * q)
        bottom = -(-end * q // p) + 2
        return top, min(height, max(bottom, top + 2 * q))  # two periods have every weight

    def part(band: np.ndarray, top: int, begin: int, end: int) -> np.ndarray:
        skip = top * p // q
        return call(band)[begin - skip : end - skip]

    return Rows((*work.size(height, width), depth), dtype, reads, part)


def _transposed(work: Transposed, shape: Shape, dtype: np.dtype, call: Call) -> Rows:
    height, width, depth = shape
    size, stride, padding = work.stencil.shape[0], work.stride[0], work.padding[0]

    def reads(begin: int, end: int) -> Span:
        top = max(0, (begin + padding - size + 1) // stride - 1)
        return min(top, height - 1), min(height, (end + padding) // stride + 2)

    def part(band: np.ndarray, top: int, begin: int, end: int) -> np.ndarray:
        skip = top * stride
        return call(band)[begin - skip : end - skip]

    return Rows((*work.size(height, width), depth), dtype, reads, part)
