"""Every window of a plane becomes one pixel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imgconv.images import Info
from imgconv.ops.pool import Pool

from .operation import Operation, Result


@dataclass(frozen=True)
class PoolPlane(Operation):
    """Pooling as an operation."""

    work: Pool

    def __call__(self, plane: np.ndarray, info: Info) -> Result:
        return Result(self.work(plane, info.alpha))

    def describe(self, info: Info) -> Info:
        """A pixel of the result is as large as the windows are apart."""
        return info.scaled(*self.work.factors(info.height, info.width))
