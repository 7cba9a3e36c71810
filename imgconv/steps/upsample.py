"""Planes enlarged, and the figure that compares the ways to do it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imgconv.images import MAX_PIXELS, Info
from imgconv.ops.comparison import Comparison
from imgconv.ops.upsample import Interpolation, Transposed, refuse_too_large

from .operation import Operation, Result


@dataclass(frozen=True)
class UpsamplePlane(Operation):
    """Upsampling as an operation; a result of more than `max_pixels` is refused."""

    work: Interpolation | Transposed
    max_pixels: int = MAX_PIXELS

    def __call__(self, plane: np.ndarray, info: Info) -> Result:
        refuse_too_large(self.work.size(*plane.shape[:2]), self.max_pixels)
        return Result(self.work(plane, info.alpha))

    def describe(self, info: Info) -> Info:
        """Pixels become smaller."""
        return info.scaled(*self.work.spacing())


@dataclass(frozen=True)
class ComparePlane(Operation):
    """A figure of all methods, of a plane."""

    work: Comparison

    def __call__(self, plane: np.ndarray, info: Info) -> Result:
        return Result(self.work(plane, info.alpha))

    def describe(self, info: Info) -> Info:
        return figure_info("png", info)

    def suffix(self, found: str) -> str:
        return ".png"


def figure_info(format: str, found: Info) -> Info:
    """The Info of figures of an image: nothing of its own holds for them but the stack's axes."""
    height, width = found.height, found.width
    axes, shape = found.stack_axes + "YXS", (*found.stack_shape, height, width, 3)
    return Info(format, np.dtype(np.uint8), height, width, 3, axes=axes, shape=shape)
