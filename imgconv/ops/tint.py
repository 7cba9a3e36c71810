"""Colour laid over an image of brightness, along the edges of the brightness.

Colour is known at a small size only. There, around each place, each colour difference (R - Y and
B - Y) is fitted as a straight line of the brightness Y (He, Sun, Tang: Guided Image Filtering,
PAMI 2013). At full size the lines, not the colours, are interpolated, and applied to the full
brightness (He, Sun: Fast Guided Filter, 2015): where brightness has an edge, colour has it too,
and a shadow's colour is that of the thing it falls on, darker. Colour and brightness are fitted
as means over the same areas: a mean of two colours then belongs to the mean of their
brightnesses, on the same line, and the line tells them apart again.

The result's brightness (Rec. 601 luma of the stored values) is that of the image: colour
differences have none, and are reduced together where a channel would leave its range.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .alpha import fit, white, with_alpha
from .areas import lines, strips
from .filter import LUMA

RADIUS = 3  # pixels of the size at which lines are fitted
EPSILON = 1e-3  # variance of brightness (of white = 1) that is no edge


@dataclass(frozen=True, eq=False)
class Tint:
    """differences = slopes * brightness + offsets, both (2, h, w): R - Y and B - Y."""

    slopes: np.ndarray
    offsets: np.ndarray

    def __call__(self, pixels: np.ndarray, alpha: str = "none", keep: float = 0.0) -> np.ndarray:
        """RGB (H, W, 3), or (H, W, 4) with alpha, in the dtype of pixels (H, W, C).

        pixels are grey or RGB, with alpha ("straight" or "premultiplied") as the last channel if
        there is any. `keep` is the share, 0 to 1, of the colour they have that is kept.
        """
        return self.laid(pixels.shape[:2])(pixels, 0, alpha, keep)

    def laid(self, shape: tuple[int, ...]) -> Laid:
        """Over an image (H, W, C) of this shape, of which there may be a band at a time."""
        rows, columns = (lines(n, m) for n, m in zip(shape[:2], self.slopes.shape[1:], strict=True))
        return Laid(np.concatenate([self.slopes, self.offsets]), rows, columns.T)


@dataclass(frozen=True, eq=False)
class Laid:
    """A tint at the size of an image: coefficients (4, h, w), and where its rows and columns lie
    between theirs, (H, h) and (w, W)."""

    coefficients: np.ndarray
    rows: np.ndarray
    columns: np.ndarray

    def __call__(self, pixels: np.ndarray, top: int, alpha: str, keep: float) -> np.ndarray:
        """As of Tint, of rows from `top` on, a multiple of `areas.rows_of_strip`."""
        H, W = pixels.shape[:2]
        out = np.empty((H, W, 3 + (alpha != "none")), pixels.dtype)

        def strip(begin: int, end: int) -> None:
            lying = self.rows[top + begin : top + end] @ self.coefficients
            out[begin:end] = _colour(pixels[begin:end], lying @ self.columns, alpha, keep)

        strips(strip, H, W)
        return out


def tint(
    colours: np.ndarray,
    luma: np.ndarray,
    size: tuple[int, int],
    radius: int = RADIUS,
    epsilon: float = EPSILON,
) -> Tint:
    """Fit the differences of colours (h, w, 3), RGB, as lines of luma (h, w), both 0 to 1.

    size: rows and columns of places at which they are fitted, a few for each pixel.
    """
    own = colours @ LUMA
    known = np.stack([luma, colours[..., 0] - own, colours[..., 2] - own])
    known = lines(size[0], luma.shape[0]) @ known @ lines(size[1], luma.shape[1]).T
    guide, differences = known[0], known[1:]
    mean = box(np.concatenate([known, (guide * guide)[None], differences * guide]), radius)
    variance = mean[3] - mean[0] ** 2
    slopes = (mean[4:] - mean[0] * mean[1:3]) / (variance + epsilon)
    offsets = mean[1:3] - slopes * mean[0]
    return Tint(box(slopes, radius).astype(np.float32), box(offsets, radius).astype(np.float32))


def box(planes: np.ndarray, radius: int) -> np.ndarray:
    """(C, h, w) float64: means over squares of 2 * radius + 1 pixels, of those that exist."""
    for axis in (1, 2):
        length = planes.shape[axis]
        sums = np.cumsum(planes, axis=axis, dtype=np.float64)
        sums = np.concatenate([np.zeros_like(np.take(sums, [0], axis)), sums], axis=axis)
        place = np.arange(length)
        end, begin = np.minimum(place + radius + 1, length), np.maximum(place - radius, 0)
        count = (end - begin).reshape(-1, 1) if axis == 1 else end - begin
        planes = (np.take(sums, end, axis) - np.take(sums, begin, axis)) / count
    return planes


def brightness(pixels: np.ndarray, alpha: str = "none") -> np.ndarray:
    """(H, W) float32, white = 1: grey itself, of RGB its luma. Premultiplied alpha is undone."""
    top = np.float32(white(pixels.dtype))
    colours = pixels.shape[2] - (alpha != "none")
    luma = pixels[..., 0] / top if colours == 1 else pixels[..., :3] @ (LUMA / top)
    if alpha == "premultiplied":
        cover = pixels[..., -1] / top
        luma = np.divide(luma, cover, out=np.zeros_like(luma), where=cover > 0)
    return np.asarray(luma, np.float32)


def _colour(pixels: np.ndarray, coefficients: np.ndarray, alpha: str, keep: float) -> np.ndarray:
    """The rows with their colour; coefficients (4, rows, W): two slopes, two offsets."""
    luma = brightness(pixels, alpha)
    known = np.isfinite(luma)
    differences = np.where(known, luma, 0) * coefficients[:2] + coefficients[2:] * known
    if keep and pixels.shape[2] >= 3:
        differences *= np.float32(1 - keep)
        differences += np.float32(keep) * _own(pixels, luma, alpha)
    rgb = within(luma, differences)
    top = np.float32(white(pixels.dtype))
    if alpha == "premultiplied":
        rgb *= (pixels[..., -1] / top)[..., None]
    rgb *= top
    found = fit(rgb, pixels.dtype)
    return found if alpha == "none" else with_alpha(found, pixels[..., -1:])


def _own(pixels: np.ndarray, luma: np.ndarray, alpha: str) -> np.ndarray:
    """(2, rows, W): R - Y and B - Y that the image has itself."""
    cover = [] if alpha == "none" else [3]
    red, blue = (brightness(pixels[..., [c, *cover]], alpha) for c in (0, 2))
    return np.stack([red - luma, blue - luma])


def within(luma: np.ndarray, differences: np.ndarray) -> np.ndarray:
    """RGB (..., 3) of luma (...) and differences (2, ...), reduced to where 0 <= RGB <= 1.

    Y = 0.299 R + 0.587 G + 0.114 B gives G - Y; all three are scaled alike, so that the luma
    stays. Luma beyond black or white gets no colour.
    """
    red, blue = differences
    green = (red * LUMA[0] + blue * LUMA[2]) * np.float32(-1 / LUMA[1])
    most = np.maximum(np.maximum(red, blue), green)
    least = np.minimum(np.minimum(red, blue), green)
    tiny = np.float32(1e-9)
    share = np.minimum((1 - luma) / np.maximum(most, tiny), luma / np.maximum(-least, tiny))
    share = share.clip(0, 1)
    return np.stack([luma + share * d for d in (red, green, blue)], axis=-1)
