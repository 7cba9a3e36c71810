"""The median, the largest or the smallest of the pixels around each pixel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imgconv import threads

from .. import kernels
from ..kernels.layout import pack
from ..kernels.plane_layout import Plane, Reals
from . import box, pool
from .borders import border_indices
from .box import WORDS
from .padded import NARROW, SLACK, padded, strip_of
from .strides import Windows

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
        out = np.empty_like(pixels) if out is None else out
        if self.method != "median":
            word = WORDS[pixels.dtype]
            types = (word, word, "f32")
            name = f"{self.method}_{word}"
            box.run(name, pixels, out, self.size, border, fill, Reals(), types)
        elif self.size == (3, 3) and pixels.shape[1] * pixels.shape[2] >= NARROW:
            _median_of_nine(pixels, out, border, fill)
        else:
            wide = _surrounded(pixels, self.size, border, fill)
            out[:] = pool.median(wide, Windows(self.size, (1, 1)))
        return out


def _surrounded(
    pixels: np.ndarray, size: tuple[int, int], border: str, fill: np.ndarray | None
) -> np.ndarray:
    """(H + K - 1, W + L - 1, C): the plane within its border."""
    rows, columns = (border_indices(pixels.shape[a], size[a], border) for a in (0, 1))
    wide = np.ascontiguousarray(pixels[np.ix_(rows.clip(0), columns.clip(0))])
    beyond = 0 if fill is None else fill
    wide[rows < 0] = beyond
    wide[:, columns < 0] = beyond
    return wide


def _median_of_nine(
    pixels: np.ndarray, out: np.ndarray, border: str, fill: np.ndarray | None
) -> None:
    height, width, channels = pixels.shape
    around = padded(pixels, (3, 3), border, fill)
    strip = strip_of(around, width, channels, 2, 6 * pixels.itemsize)
    line = strip + 2 * channels + SLACK
    beyond = np.zeros(channels, pixels.dtype)
    beyond[:] = 0 if fill is None else fill
    facts = Plane(width, channels, width, around.pad, 3, 3, 1, 0, 0, strip, line)

    def band(begin: int, end: int) -> None:
        kernels.medians[WORDS[pixels.dtype]](
            pixels, out, pack(facts._replace(begin=begin, end=end)), around.rows, around.columns,
            beyond, np.empty(3 * line, pixels.dtype),
        )  # fmt: skip

    threads.run(band, height, threads.rows_worthwhile(width * channels))
