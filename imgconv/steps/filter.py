"""Planes through stencils."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from imgconv.images import Info, named, of_suffix
from imgconv.ops.filter import Filter

from .operation import Operation, Result


@dataclass(frozen=True)
class FilterPlane(Operation):
    """The filter as an operation; where all values are kept, results are float32."""

    work: Filter

    def __call__(self, plane: np.ndarray, info: Info) -> Result:
        return Result(self.work(plane, info.alpha))

    def describe(self, info: Info) -> Info:
        """Of float results: a TIFF where the input's format holds none."""
        kept = self.work.range != "float" or 32 in named(info.format).depths
        return info if kept else replace(info, format="tiff")

    def suffix(self, found: str) -> str:
        known = of_suffix(found)
        holds = known is not None and 32 in known.depths
        return found if holds or self.work.range != "float" else ".tif"
