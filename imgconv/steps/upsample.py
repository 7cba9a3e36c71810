"""Planes enlarged, and the figure that compares the ways to do it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from imgconv.errors import UsageError
from imgconv.images import MAX_PIXELS, Info
from imgconv.ops.comparison import Comparison
from imgconv.ops.upsample import Interpolation, Transposed, refuse_too_large

from .figure import figure_info
from .light import IMPORTS
from .nodata import rows_on, work_on
from .operation import Operation, Result
from .values import Factor, Kernel, Number, Pair, factors, fraction, pair, stencils

if TYPE_CHECKING:
    from imgconv.ops.rows import Rows


@dataclass(frozen=True)
class UpsamplePlane(Operation):
    """Upsampling as an operation; a result of more than `max_pixels` is refused."""

    work: Interpolation | Transposed
    max_pixels: int = MAX_PIXELS
    linear: bool = False  # in light, not in stored values

    @property
    def imports(self) -> tuple[str, ...]:
        """What it imports when it works."""
        return IMPORTS if self.linear else ()

    def __call__(self, plane: np.ndarray, info: Info) -> Result:
        refuse_too_large(self.work.size(*plane.shape[:2]), self.max_pixels)
        return work_on(self.work, plane, info, self.linear)

    def by_rows(self, info: Info) -> Rows | None:
        refuse_too_large(self.work.size(info.height, info.width), self.max_pixels)
        return rows_on(self.work, info, self.linear)

    def describe(self, info: Info) -> Info:
        """Pixels become smaller."""
        return info.scale(*self.work.spacing())

    def size(self, info: Info) -> tuple[int, int]:
        return self.work.size(info.height, info.width)


@dataclass(frozen=True)
class ComparePlane(Operation):
    """A figure of all methods, of a plane."""

    work: Comparison

    def __call__(self, plane: np.ndarray, info: Info) -> Result:
        return Result(self.work(plane, info.alpha))

    def describe(self, info: Info) -> Info:
        return figure_info("png", info)

    def size(self, info: Info) -> None:
        """As large as the figure gets."""

    def suffix(self, found: str) -> str:
        return ".png"


def upsample_plane(
    *,
    method: str | None,
    scale: Factor | None,
    stencil: Kernel | None,
    stride: Pair | None,
    padding: Pair | None,
    gain: Number | None,
    linear: bool = False,
    max_pixels: int | None = None,
) -> UpsamplePlane:
    """The operation that these settings describe. Raises UsageError if they do not go together."""
    most = MAX_PIXELS if max_pixels is None else max_pixels
    if method is None:
        method = "nearest" if stencil is None else "transposed"
    if method != "transposed":
        what = f"`method={method!r}`"
        refuse(what, stencil=stencil, stride=stride, padding=padding, gain=gain)
        return UpsamplePlane(Interpolation(method, factors("scale", scale or 2)), most, linear)
    refuse("`method='transposed'` (its factor is the `stride`)", scale=scale)
    if stencil is None:
        raise UsageError("`method='transposed'` needs `stencil`: a name, a matrix or a file")
    found = stencils(stencil)
    if len(found) > 1:
        raise UsageError(f"`stencil={stencil!r}` is two stencils: give one, such as {stencil}-x")
    gain, around = fraction("gain", gain or 1), pair("padding", padding or 0)
    work = Transposed(found[0], pair("stride", stride or 2), around, gain)
    return UpsamplePlane(work, most, linear)


def refuse(what: str, **given: object) -> None:
    """UsageError if any of these settings is given."""
    for name, value in given.items():
        if value is not None:
            raise UsageError(f"`{name}` does not go with {what}: leave one out")
