"""Cells that hold no measurement (GDAL's no-data value): they stay out of every sum, and stay.

What is not linear with weights above 0 (sharpening, edges, medians) sees in their place the means
of the valid cells around, as it sees the pixels of the border mirrored.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from .alpha import white, with_alpha, without_alpha
from .filter import Filter
from .pool import Pool
from .rank import Rank
from .stencil import stencil

AROUND = stencil([[Fraction(1, 9)] * 3] * 3)
HALF = 0.5  # of an enlarged cell, covered by valid ones, from which on it is valid


def leave_out(
    work: Any, pixels: np.ndarray, empty: float, known: Sequence[bool] | None = None
) -> np.ndarray:
    """What a Filter, Pool or enlargement makes of pixels (H, W, C), channel by channel.

    known: of some rows of a plane, whether each channel has empty cells anywhere.
    """
    every = range(pixels.shape[2])
    has_empty = known or [bool(find_empty(pixels[..., c], empty).any()) for c in every]
    parts = [_channel(work, pixels[..., c : c + 1], empty, has_empty[c]) for c in every]
    return np.concatenate(parts, axis=2)


def leave_out_pixels(
    work: Any,
    apply: Callable[[np.ndarray], np.ndarray],
    pixels: np.ndarray,
    empty: float,
    alpha: bool,
) -> np.ndarray:
    """The same where channels belong together: in light, or beside alpha.

    A pixel is empty if all its colours are; it counts as one that covers nothing. `apply` does
    the work on colours with alpha.
    """
    colour = without_alpha(pixels) if alpha else pixels
    hidden = find_empty(colour, empty).all(axis=2, keepdims=True)
    cover = np.where(hidden, 0, white(pixels.dtype)).astype(pixels.dtype)
    reach = reach_of(work)
    parts = [np.where(hidden, 0, colour[..., c : c + 1]) for c in range(colour.shape[2])]
    known = [np.concatenate([part, cover], axis=2).astype(pixels.dtype) for part in parts]
    filled = np.concatenate([_fill(one, reach) for one in known], axis=2)
    found = apply(with_alpha(filled, shown_of(pixels, empty, alpha)))
    gone = hidden if isinstance(work, Filter) else ~_valid(work, cover)
    found[..., :-1][gone.repeat(colour.shape[2], axis=2)] = empty
    return found if alpha else np.ascontiguousarray(found[..., :-1])


def shown_of(pixels: np.ndarray, empty: float, alpha: bool) -> np.ndarray:
    """How much pixels (H, W, C) cover, (H, W, 1): nothing where they are empty."""
    colour = without_alpha(pixels) if alpha else pixels
    hidden = find_empty(colour, empty).all(axis=2, keepdims=True)
    full = pixels[..., -1:] if alpha else white(pixels.dtype)
    return np.where(hidden, 0, full).astype(pixels.dtype)


def find_empty(pixels: np.ndarray, empty: float) -> np.ndarray:
    """Where they are."""
    return np.isnan(pixels) if np.isnan(empty) else pixels == pixels.dtype.type(empty)


def _channel(work: Any, values: np.ndarray, empty: float, has_empty: bool) -> np.ndarray:
    """(H', W', 1) of (H, W, 1)."""
    if not has_empty:
        return work(np.ascontiguousarray(values))
    hidden = find_empty(values, empty)
    cover = np.where(hidden, 0, white(values.dtype)).astype(values.dtype)
    known = np.concatenate([np.where(hidden, 0, values).astype(values.dtype), cover], axis=2)
    if isinstance(work, Filter):
        found = _filter(work, known)
    else:
        found = work(known, "covered")[..., :1]
        hidden = ~_valid(work, cover)
    found[hidden] = empty
    return found


def _filter(work: Filter, known: np.ndarray) -> np.ndarray:
    if _leaves_out(work):
        return np.ascontiguousarray(work(known, "covered")[..., :1])
    return work(_fill(known, reach_of(work)))


def _fill(known: np.ndarray, reach: int) -> np.ndarray:
    """Values (H, W, 1) of those with their cover (H, W, 2): within `reach` of a valid cell there
    are means of their neighbours."""
    mean = Filter(((AROUND,),))
    top = white(known.dtype)
    for _ in range(reach):
        bare = known[..., 1] == 0
        if not bare.any():
            break
        around = mean(known, "covered")
        seen = bare & (around[..., 1] > 0)
        known[seen, 0] = around[seen, 0]
        known[seen, 1] = top
    return np.ascontiguousarray(known[..., :1])


def margin_of(work: Any) -> int:
    """Rows beyond those that its windows reach, from which empty cells are filled."""
    return 0 if isinstance(work, Filter) and _leaves_out(work) else reach_of(work)


def _leaves_out(work: Filter) -> bool:
    """Whether it can weight cells; for others means are put in the place of empty ones."""
    return work.blurs and work.range != "rescale"


def reach_of(work: Any) -> int:
    """Cells from which a filter's result comes, at most, in any direction; 0 for what is none."""
    if not isinstance(work, Filter):
        return 0
    sides = [
        max(part.size if isinstance(part, Rank) else part.shape)
        for operator in work.operators
        for part in ((operator,) if isinstance(operator, Rank) else operator)
    ]  # fmt: skip
    return sum(side // 2 + 1 for side in sides)


def _valid(work: Any, cover: np.ndarray) -> np.ndarray:
    """Which results come from valid cells."""
    if isinstance(work, Pool):
        return replace(work, method="max", norm=False)(cover) > 0
    return work(np.concatenate([cover, cover], axis=2), "covered")[..., 1:] >= HALF * white(
        cover.dtype
    )
