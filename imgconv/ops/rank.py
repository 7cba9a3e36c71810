"""The median, the largest or the smallest of the pixels around each pixel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .arguments import border_values, result_array

MEANINGS = {
    "median": "middle of the values around: specks vanish, edges stay",
    "max": "largest value around (dilation): bright parts grow",
    "min": "smallest value around (erosion): dark parts grow",
}


@dataclass(frozen=True)
class Rank:
    """One of MEANINGS over windows of K x L pixels, whose anchor is (K // 2, L // 2).

    The result has the type of the image; the median of an even number of integers is the mean
    of the two in the middle, rounded half to even. NaN in a window makes its result NaN.
    """

    method: str
    size: tuple[int, int]

    def __call__(
        self,
        pixels: np.ndarray,
        border: str = "reflect",
        fill: np.ndarray | None = None,
        out: np.ndarray | None = None,
    ) -> np.ndarray:
        """pixels: (H, W, C); fill: C values of a constant border; out: to write into."""
        from .order_statistics import slide  # few filters take ranks: see filter.IMPORTS

        out = result_array(pixels.shape, pixels.dtype, out)
        fill = border_values(fill, pixels.shape[2])
        slide(self.method, self.size, pixels, border, fill, out)
        return out
