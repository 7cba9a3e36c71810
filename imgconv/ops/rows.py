"""Which rows of an image a few rows of its result are made of, so that a band is enough.

A band of the image (with what its windows reach above and below) goes through the very function
that the whole would; of what comes out, the rows that saw the band's cut edges are left away.
So bands equal the whole to the bit wherever that function does the same for each row, whichever
rows are given: not for what depends on all of them ("rescale", FFTs, no windows of a known
size), on sums that run down a column of floats, or on places thinned out from the first row on.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from . import fourier, gaussian
from .alpha import FLOAT
from .filter import Filter
from .pool import Pool
from .rank import Rank
from .stencil import Stencil
from .symmetric import folds
from .upsample import Interpolation, Transposed

Shape = tuple[int, int, int]
Span = tuple[int, int]  # rows begin..end


class Rows(NamedTuple):
    """How a result is made band by band."""

    shape: Shape  # of the whole result
    dtype: np.dtype
    reads: Callable[[int, int], Span]  # of which rows of the image rows begin..end are made
    work: Callable[[np.ndarray, int, int, int], np.ndarray]  # band, its first row, begin, end


def rows_of(work: object, shape: Shape, dtype: np.dtype) -> Rows | None:
    """Of an image of this shape (H, W, C) without alpha; None where a band is not enough.

    A band may begin above row 0 and end below the last one: there lie the rows of the other end
    (the border "wrap").
    """
    if isinstance(work, Filter):
        return _filter(work, shape, dtype)
    if isinstance(work, Pool):
        return _pool(work, shape, dtype)
    if isinstance(work, Interpolation):
        return _interpolation(work, shape, dtype)
    if isinstance(work, Transposed):
        return _transposed(work, shape, dtype)
    return None


def _filter(work: Filter, shape: Shape, dtype: np.dtype) -> Rows | None:
    if not _is_local(work, FLOAT if work.luma else dtype):
        return None
    height, reach = shape[0], sum(_reach(one) for one in work.operators)
    wraps = work.border == "wrap"
    if wraps and reach >= height:
        return None

    def reads(begin: int, end: int) -> Span:
        if wraps:
            return begin - reach, end + reach
        return max(0, begin - reach), min(height, end + reach)

    def part(band: np.ndarray, top: int, begin: int, end: int) -> np.ndarray:
        return work(band)[begin - top : end - top]

    return Rows(shape, FLOAT if work.range == "float" else dtype, reads, part)


def _reach(operator: tuple[Stencil, ...] | Rank) -> int:
    """Rows above and below, at most."""
    if isinstance(operator, Rank):
        return operator.size[0] // 2
    return max(stencil.shape[0] // 2 for stencil in operator)


def _is_local(work: Filter, dtype: np.dtype) -> bool:
    if work.range == "rescale":
        return False
    for operator in work.operators:
        if isinstance(operator, Rank):
            continue
        if not all(_is_row_by_row(stencil, dtype) for stencil in operator):
            return False
        dtype = FLOAT
    return True


def _is_row_by_row(stencil: Stencil, dtype: np.dtype) -> bool:
    """Whether a row's result does not depend on where the image begins."""
    real = dtype.kind == "f" or stencil.numerators is None
    if fourier.wins(stencil) or (stencil.is_box and real):
        return False
    product = folds(stencil) if real else None
    return product is None or not gaussian.is_thinned(product)


def _pool(work: Pool, shape: Shape, dtype: np.dtype) -> Rows | None:
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
        return work(band)[skip : skip + end - begin]

    return Rows((*windows.over(height, width), depth), dtype, reads, part)


def _interpolation(work: Interpolation, shape: Shape, dtype: np.dtype) -> Rows:
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
        return work(band)[begin - skip : end - skip]

    return Rows((*work.size(height, width), depth), dtype, reads, part)


def _transposed(work: Transposed, shape: Shape, dtype: np.dtype) -> Rows:
    height, width, depth = shape
    size, stride, padding = work.stencil.shape[0], work.stride[0], work.padding[0]

    def reads(begin: int, end: int) -> Span:
        top = max(0, (begin + padding - size + 1) // stride - 1)
        return min(top, height - 1), min(height, (end + padding) // stride + 2)

    def part(band: np.ndarray, top: int, begin: int, end: int) -> np.ndarray:
        skip = top * stride
        return work(band)[begin - skip : end - skip]

    return Rows((*work.size(height, width), depth), dtype, reads, part)
