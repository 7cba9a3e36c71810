"""Which rows of an image a few rows of its result are made of, so that a band is enough.

A band of the image (with what its windows reach above and below) goes through the very function
that the whole would; of what comes out, the rows that saw the band's cut edges are left away.
So bands equal the whole to the bit wherever that function does the same for each row, whichever
rows are given: not for what depends on all of them ("rescale", FFTs, no windows of a known
size) or on sums that run down a column of floats. Places thinned out from the first row on are
the same in a band that begins at one of them.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any, NamedTuple

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
Call = Callable[[np.ndarray], np.ndarray]


class Rows(NamedTuple):
    """How a result is made band by band."""

    shape: Shape  # of the whole result
    dtype: np.dtype
    reads: Callable[[int, int], Span]  # of which rows of the image rows begin..end are made
    work: Callable[[np.ndarray, int, int, int], np.ndarray]  # band, its first row, begin, end
    least: int = 1  # rows that are worth being made together
    covered: Any = None  # the Rows of planes whose alpha does not cover everything


def rows_of(
    work: object, shape: Shape, dtype: np.dtype, call: Call | None = None, floats: bool = False
) -> Rows | None:
    """Of an image of this shape (H, W, C); None where a band is not enough.

    A band may begin above row 0 and end below the last one: there lie the rows of the other end
    (the border "wrap"). `call` does the work, where it is not `work` that is called (the image has
    alpha, or light is meant), with `floats` on float32 made of the pixels.
    """
    call = call or (work if callable(work) else None)
    if call is None:
        return None
    if isinstance(work, Filter):
        return _filter(work, shape, dtype, call, FLOAT if floats or work.luma else dtype)
    if isinstance(work, Pool):
        return _pool(work, shape, dtype, call)
    if isinstance(work, Interpolation):
        return _interpolation(work, shape, dtype, call)
    if isinstance(work, Transposed):
        return _transposed(work, shape, dtype, call)
    return None


def _filter(work: Filter, shape: Shape, dtype: np.dtype, call: Call, seen: np.dtype) -> Rows | None:
    thin = _thinning(work) if dtype.kind == "u" else None  # floats may be not finite
    if not _is_local(work, seen, thin):
        return None
    height, step = shape[0], thin.step if thin else 1
    reach = sum(_reach(one) for one in work.operators[bool(thin) :])
    reach += thin.reach if thin else 0
    wraps = work.border == "wrap"
    if wraps and (reach + step > height or (thin and len(work.operators) > 1)):
        return None  # what follows would see the other end's rows, at places thinned out there

    def reads(begin: int, end: int) -> Span:
        top = (begin - reach) // step * step
        return (top, end + reach) if wraps else (max(0, top), min(height, end + reach))

    def part(band: np.ndarray, top: int, begin: int, end: int) -> np.ndarray:
        return call(band)[begin - top : end - top]

    result = FLOAT if work.range == "float" else dtype
    return Rows(shape, result, reads, part, 2 * reach if thin else 1)


def _reach(operator: tuple[Stencil, ...] | Rank) -> int:
    """Rows above and below, at most."""
    if isinstance(operator, Rank):
        return operator.size[0] // 2
    return max(stencil.shape[0] // 2 for stencil in operator)


def _thinning(work: Filter) -> gaussian.Parts | None:
    """That of the first operator; later ones are not given numbers that are surely finite."""
    first = work.operators[0]
    if isinstance(first, Rank) or len(first) > 1 or fourier.wins(first[0]) or first[0].is_box:
        return None
    product = folds(first[0])
    return gaussian.thinning(product) if product else None


def _is_local(work: Filter, dtype: np.dtype, thin: gaussian.Parts | None) -> bool:
    if work.range == "rescale":
        return False
    for place, operator in enumerate(work.operators):
        if isinstance(operator, Rank):
            continue
        known = thin is not None and place == 0
        if not known and not all(_is_row_by_row(stencil, dtype) for stencil in operator):
            return False
        dtype = FLOAT
    return True


def _is_row_by_row(stencil: Stencil, dtype: np.dtype) -> bool:
    """Whether a row's result does not depend on where the image begins."""
    real = dtype.kind == "f" or stencil.numerators is None
    if fourier.wins(stencil) or (stencil.is_box and real):
        return False
    product = folds(stencil) if real else None
    return product is None or gaussian.thinning(product) is None


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
