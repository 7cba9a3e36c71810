"""Planes through stencils."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from imgconv.errors import UsageError
from imgconv.images import Info, find_format, of_suffix
from imgconv.ops.alpha import white
from imgconv.ops.filter import Filter
from imgconv.ops.rank import Rank

from .light import IMPORTS
from .nodata import rows_on, work_on
from .operation import Operation, Result
from .values import Kernel, Number, fraction, kernels, operator

if TYPE_CHECKING:
    from imgconv.ops.rows import Rows


BURNT = 0.4  # of all values are white, and were not
BRIGHTER = 1.5  # times as bright as before
NOTHING = 1e-9  # what weights that sum to 0 may sum to


@dataclass(frozen=True)
class FilterPlane(Operation):
    """The filter as an operation; where all values are kept, results are float32."""

    work: Filter
    linear: bool = False  # in light, not in stored values

    @property
    def imports(self) -> tuple[str, ...]:
        """What it imports when it works."""
        return IMPORTS if self.linear else ()

    def __call__(self, plane: np.ndarray, info: Info) -> Result:
        floats = self.work.range == "float"
        found = work_on(self._work(plane.dtype), plane, info, self.linear, floats)
        counts = self.count(plane, found.pixels, 0)
        return found._replace(notes=(*found.notes, *self.notes_of(counts)))

    def by_rows(self, info: Info) -> Rows | None:
        floats = self.work.range == "float"
        return rows_on(self._work(info.dtype), info, self.linear, floats)

    def count(self, rows: np.ndarray, found: np.ndarray, begin: int) -> Mapping[str, int]:
        """Of every fourth row and column, from the plane's first one on."""
        if rows.dtype.kind == "f" or not may_doubt(self.work):
            return {}
        first, top = -begin % 4, np.iinfo(rows.dtype).max
        seen, before = found[first::4, ::4], rows[first::4, ::4]
        return {
            "pixels": seen.size,
            "changed": int(np.count_nonzero(seen)),
            "white": int(np.count_nonzero(seen == top)),
            "were white": int(np.count_nonzero(before == top)),
        }

    def notes_of(self, counts: Mapping[str, int]) -> tuple[str, ...]:
        return doubt(self.work, counts) if counts else ()

    def _work(self, dtype: np.dtype[Any]) -> Filter:
        """The filter; of light, which is from 0 to 1, with its bias in the same range."""
        if not self.linear or dtype.kind == "f":
            return self.work
        return replace(self.work, bias=self.work.bias / int(white(dtype)))

    def describe(self, info: Info) -> Info:
        """For float results a TIFF, where the input's format holds none."""
        kept = self.work.range != "float" or 32 in find_format(info.format).depths
        return info if kept else replace(info, format="tiff")

    def suffix(self, found: str) -> str:
        known = of_suffix(found)
        holds = known is not None and 32 in known.depths
        return found if holds or self.work.range != "float" else ".tif"


def may_doubt(work: Filter) -> bool:
    """Whether its result may be one that is not meant: see `doubt`."""
    last = work.operators[-1]
    alone = not isinstance(last, Rank) and len(last) == 1
    if not alone or work.range != "clip" or work.bias:
        return False
    total, gain = gain_of(work)
    return abs(total) < NOTHING or not 0 <= gain < BRIGHTER


def gain_of(work: Filter) -> tuple[float, float]:
    """What the last stencil's weights sum to, and that times the scale."""
    last = work.operators[-1]
    assert not isinstance(last, Rank)
    total = float(last[0].weights.sum())
    return total, total * float(work.scale)


def doubt(work: Filter, counts: Mapping[str, int]) -> tuple[str, ...]:
    """What is almost certainly not meant of a result, and what to type instead."""
    total, gain = gain_of(work)
    if abs(total) < NOTHING:
        lost = "its negative values became 0; `range='abs'` keeps edges of both signs"
        return (f"the kernel sums to 0: {lost}",) if counts["changed"] else ()
    if gain < 0 and not counts["changed"]:
        return (f"all is black: the kernel sums to {total:g}; `range='abs'` drops the sign, "
                "`range='rescale'` spreads what there is",)  # fmt: skip
    burnt, before = (counts[name] / counts["pixels"] for name in ("white", "were white"))
    if gain < BRIGHTER or burnt < BURNT or before > BURNT / 2:
        return ()
    scale = Fraction(total).limit_denominator(1000)
    return (f"most is white: the kernel sums to {total:g}; `scale={1 / scale}` keeps brightness",)


def filter_plane(
    kernel: Kernel | Sequence[Kernel],
    *,
    border: str,
    range: str,
    scale: Number,
    bias: Number,
    luma: bool,
    flip: bool,
    linear: bool = False,
) -> FilterPlane:
    """The operation that these settings describe. Raises UsageError."""
    every = kernels(kernel)
    if not every:
        raise UsageError(
            "filter needs `kernel`: a name such as sharpen, a matrix or a file "
            "(`imgconv kernels` lists the names)"
        )
    if luma and linear:
        raise UsageError(
            "`luma=True` is the brightness of stored values, which `linear=True` does not use: "
            "leave one out"
        )
    operators = tuple(operator(one) for one in every)
    scale, bias = fraction("scale", scale), fraction("bias", bias)
    return FilterPlane(Filter(operators, border, range, scale, bias, luma, flip), linear)
