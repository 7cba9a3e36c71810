"""Every window of a plane becomes one pixel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from imgconv.errors import UsageError
from imgconv.images import Info
from imgconv.ops.pool import Pool

from .light import IMPORTS
from .nodata import rows_on, work_on
from .operation import Operation, Result
from .values import Pair, pair

if TYPE_CHECKING:
    from imgconv.ops.rows import Rows


@dataclass(frozen=True)
class PoolPlane(Operation):
    """Pooling as an operation."""

    work: Pool
    linear: bool = False  # in light, not in stored values

    @property
    def imports(self) -> tuple[str, ...]:
        """What it imports when it works."""
        return IMPORTS if self.linear else ()

    def __call__(self, plane: np.ndarray, info: Info) -> Result:
        return work_on(self.work, plane, info, self.linear)

    def by_rows(self, info: Info) -> Rows | None:
        return rows_on(self.work, info, self.linear)

    def describe(self, info: Info) -> Info:
        """A pixel of the result is as large as the windows are apart."""
        return info.scale(*self.work.factors(info.height, info.width))

    def size(self, info: Info) -> tuple[int, int]:
        return self.work.windows(info.height, info.width).over(info.height, info.width)


def pool_plane(
    *,
    method: str,
    size: Pair | None,
    stride: Pair | None,
    padding: Pair,
    ceil: bool,
    everything: bool,
    norm: bool,
    linear: bool = False,
) -> PoolPlane:
    """The operation that these settings describe. Raises UsageError."""
    if everything and size is not None:
        raise UsageError("`everything=True` takes the whole image: leave out `size`")
    return PoolPlane(
        Pool(
            method=method,
            size=None if everything else pair("size", 2 if size is None else size),
            stride=None if stride is None else pair("stride", stride),
            padding=pair("padding", padding),
            ceil=ceil,
            norm=norm,
        ),
        linear,
    )
