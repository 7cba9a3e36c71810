"""Planes through stencils."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from imgconv.errors import UsageError
from imgconv.images import Info, find_format, of_suffix
from imgconv.ops.filter import Filter

from .nodata import work_on
from .operation import Operation, Result
from .values import Kernel, Number, fraction, kernels, operator


@dataclass(frozen=True)
class FilterPlane(Operation):
    """The filter as an operation; where all values are kept, results are float32."""

    work: Filter

    def __call__(self, plane: np.ndarray, info: Info) -> Result:
        return work_on(self.work, plane, info)

    def describe(self, info: Info) -> Info:
        """For float results a TIFF, where the input's format holds none."""
        kept = self.work.range != "float" or 32 in find_format(info.format).depths
        return info if kept else replace(info, format="tiff")

    def suffix(self, found: str) -> str:
        known = of_suffix(found)
        holds = known is not None and 32 in known.depths
        return found if holds or self.work.range != "float" else ".tif"


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
    operators = tuple(operator(one) for one in every)
    scale, bias = fraction("scale", scale), fraction("bias", bias)
    return FilterPlane(Filter(operators, border, range, scale, bias, luma, flip))
