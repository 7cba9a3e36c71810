"""Planes through stencils."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from imgconv.errors import UsageError
from imgconv.images import SUFFIXES, Info
from imgconv.ops.filter import Filter

from .operation import Operation, Result
from .values import Kernel, Number, fraction, kernels, stencils

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


def filter_plane(
    kernel: Kernel | Sequence[Kernel],
    *,
    border: str,
    range: str,
    scale: Number,
    bias: Number,
    luma: bool,
    flip: bool,
) -> FilterPlane:
    """The operation that these settings describe. Raises UsageError."""
    every = kernels(kernel)
    if not every:
        raise UsageError(
            "filter needs `kernel`: a name such as sharpen, a matrix or a file "
            "(`imgconv kernels` lists the names)"
        )
    operators = tuple(stencils(one) for one in every)
    scale, bias = fraction("scale", scale), fraction("bias", bias)
    return FilterPlane(Filter(operators, border, range, scale, bias, luma, flip))
