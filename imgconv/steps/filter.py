"""Planes through stencils."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from imgconv.images import SUFFIXES, Info
from imgconv.ops.filter import Filter

from .operation import Operation, Result

FLOAT_FORMATS = ("tiff", "npy", "pfm")  # the others hold no float32


@dataclass(frozen=True)
class FilterPlane(Operation):
    """The filter as an operation; where all values are kept, results are float32."""

    work: Filter

    def __call__(self, plane: np.ndarray, info: Info) -> Result:
        return Result(self.work(plane, info.alpha))

    def describe(self, info: Info) -> Info:
        """Of float results: a TIFF where the input's format holds none."""
        kept = self.work.range != "float" or info.format in FLOAT_FORMATS
        return info if kept else replace(info, format="tiff")

    def suffix(self, found: str) -> str:
        kept = self.work.range != "float" or SUFFIXES.get(found.lower()) in FLOAT_FORMATS
        return found if kept else ".tif"
