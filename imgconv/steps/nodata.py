"""Planes with cells without a measurement, through operations that mix pixels."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from imgconv.ops.alpha import is_opaque
from imgconv.text import Fact

from .light import caller, work_in_light
from .operation import Result
from .rescale import rescales, rows_of_rescaled

if TYPE_CHECKING:
    from imgconv.images import Info
    from imgconv.ops.rows import Rows


def rows_on(work: Any, info: Info, linear: bool = False, floats: bool = False) -> Rows | None:
    """How it is done band by band; None where that would not be the same.

    linear and floats as in `work_on`.
    """
    from imgconv.ops.rows import rows_of

    if info.no_data is not None:
        if linear or info.alpha != "none":
            return _rows_of_pixels(work, info, linear, floats)
        return _rows_without(work, info)
    if rescales(work):
        return rows_of_rescaled(lambda one: rows_on(one, info, linear, floats), work)
    call = caller(work, info, linear, floats)
    shape = info.height, info.width, info.channels

    def rows(alpha: str, real: bool) -> Rows | None:
        return rows_of(work, shape, info.dtype, call(alpha), real or linear)

    if not work.looks_at(info.alpha):
        return rows(info.alpha, False)
    opaque, covered = rows("opaque", False), rows("covered", True)
    return opaque._replace(covered=covered) if opaque and covered else None


def _rows_without(work: Any, info: Info) -> Rows | None:
    """The same of channels with cells without data, of which all are looked at first: those that
    have none are as they would be without."""
    from imgconv.ops.nodata import find_empty, leave_out, margin_of
    from imgconv.ops.rows import Look, every_row, rows_of

    empty, shape = info.no_data, (info.height, info.width, info.channels)
    assert empty is not None

    def knowing(hidden: tuple[bool, ...], work: Any = work) -> Rows | None:
        if rescales(work):
            return rows_of_rescaled(partial(knowing, hidden), work)

        def call(band: np.ndarray) -> np.ndarray:
            return leave_out(work, band, empty, hidden)

        found = rows_of(work, shape, info.dtype, call, True, margin_of(work))
        return found and found._replace(notes=(_note(empty),))

    def look() -> Look:
        hidden = np.zeros(info.channels, bool)

        def seen(band: np.ndarray) -> None:
            hidden[:] |= find_empty(band, empty).any((0, 1))

        def then() -> Rows:
            known = knowing(tuple(hidden))
            assert known is not None
            return known

        return Look(every_row(shape, seen), then)

    if rescales(work) and info.channels > 1:  # each by its own span
        return None
    found = knowing((True,) * info.channels)
    return found._replace(look=look) if found and (rescales(work) or not found.look) else None


def _rows_of_pixels(work: Any, info: Info, linear: bool, floats: bool) -> Rows | None:
    """The same where channels belong together: whether all pixels have data and are covered is
    looked at first."""
    from imgconv.ops.nodata import leave_out_pixels, reach_of, shown_of
    from imgconv.ops.rows import Look, every_row, rows_of

    empty, shape = info.no_data, (info.height, info.width, info.channels)
    bare, covered = info.alpha == "none", _covered(info)
    assert empty is not None
    call = caller(work, covered, linear, floats)

    def knowing(alpha: str) -> Rows | None:
        def each(band: np.ndarray) -> np.ndarray:
            return leave_out_pixels(work, call(alpha), band, empty, not bare)

        real = linear or alpha == "covered"
        found = rows_of(work, shape, info.dtype, each, real, reach_of(work))
        return found and found._replace(notes=(_note(empty),))

    if not work.looks_at(covered.alpha):
        return knowing(covered.alpha)
    opaque, other = knowing("opaque"), knowing("covered")
    if not opaque or not other or opaque.look or other.look:
        return None
    ways = {True: opaque, False: other}

    def look() -> Look:
        every: list[bool] = []

        def seen(band: np.ndarray) -> None:
            every.append(is_opaque(shown_of(band, empty, not bare), covered.alpha))

        return Look(every_row(shape, seen), lambda: ways[all(every)])

    return opaque._replace(look=look)


def _covered(info: Info) -> Info:
    """With alpha, which is then what says which pixels have data."""
    bare = info.alpha == "none"
    covered = replace(info, alpha="straight", channels=info.channels + 1) if bare else info
    return replace(covered, axes="", shape=())


def _note(empty: float) -> str:
    return Fact(f"cells without data ({empty:g}) are left out of all sums, and stay without")


def work_on(
    work: Any, plane: np.ndarray, info: Info, linear: bool = False, floats: bool = False
) -> Result:
    """What a Filter, Pool or enlargement makes of a plane; no-data cells are left out.

    linear and floats: of pictures, see `work_in_light`.
    """
    empty = info.no_data
    if empty is None:
        return Result(work_in_light(work, plane, info, linear, floats))
    from imgconv.ops.nodata import leave_out, leave_out_pixels

    note = _note(empty)
    if not linear and info.alpha == "none":
        return Result(leave_out(work, plane, empty), (note,))
    covered = _covered(info)

    def apply(shown: np.ndarray) -> np.ndarray:
        return work_in_light(work, shown, covered, linear, floats)

    found = leave_out_pixels(work, apply, plane, empty, info.alpha != "none")
    return Result(found, (note,))
