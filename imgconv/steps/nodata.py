"""Planes with cells without a measurement, through operations that mix pixels."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from imgconv.text import Fact

from .light import caller, work_in_light
from .operation import Result

if TYPE_CHECKING:
    import numpy as np

    from imgconv.images import Info
    from imgconv.ops.rows import Rows


def rows_on(work: Any, info: Info, linear: bool = False, floats: bool = False) -> Rows | None:
    """How it is done band by band; None where that would not be the same.

    linear and floats as in `work_on`.
    """
    from imgconv.ops.rows import rows_of

    if info.no_data is not None:
        return None
    call = caller(work, info, linear, floats)
    shape = info.height, info.width, info.channels

    def rows(alpha: str, real: bool) -> Rows | None:
        return rows_of(work, shape, info.dtype, call(alpha), real or linear)

    if not work.looks_at(info.alpha):
        return rows(info.alpha, False)
    opaque, covered = rows("opaque", False), rows("covered", True)
    return opaque._replace(covered=covered) if opaque and covered else None


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

    note = Fact(f"cells without data ({empty:g}) are left out of all sums, and stay without")
    if not linear and info.alpha == "none":
        return Result(leave_out(work, plane, empty), (note,))
    bare = info.alpha == "none"
    covered = replace(info, alpha="straight", channels=info.channels + 1) if bare else info
    covered = replace(covered, axes="", shape=())

    def apply(shown: np.ndarray) -> np.ndarray:
        return work_in_light(work, shown, covered, linear, floats)

    return Result(leave_out_pixels(work, apply, plane, empty, not bare), (note,))
