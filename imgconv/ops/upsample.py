"""`upsample`: images enlarged, by interpolation or by a transposed convolution."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from imgconv.errors import InputError, UsageError

from .alpha import KNOWN, by_rows, fit, is_opaque, white, with_alpha, without_alpha
from .interpolation import interpolate
from .stencil import Stencil
from .strides import Pair
from .transposed import check, correlate_transposed, output_size

INTERPOLATIONS = ("nearest", "bilinear", "bicubic")


@dataclass(frozen=True)
class Interpolation:
    """Enlarging by a factor along rows and columns, as a pure function of an image.

    See interpolation.py. Colours are weighted by straight alpha, so that those of transparent
    pixels never show; "nearest" copies pixels as they are.
    """

    method: str = "nearest"
    factors: tuple[Fraction, Fraction] = (Fraction(2), Fraction(2))

    def __post_init__(self) -> None:
        for factor in self.factors:
            if factor < 1:
                raise UsageError(
                    f"`scale={float(factor):g}`: must be 1 or more; to make images smaller, use "
                    "imgconv pool"
                )

    def size(self, height: int, width: int) -> Pair:
        """Height and width of the result."""
        return int(height * self.factors[0]), int(width * self.factors[1])

    def __call__(self, pixels: np.ndarray, alpha: str = "none") -> np.ndarray:
        def enlarged(image: np.ndarray) -> np.ndarray:
            return interpolate(image, self.method, self.factors)

        if alpha not in ("straight", *KNOWN) or self.method == "nearest":
            return enlarged(pixels)
        return enlarge_covered(pixels, alpha, enlarged, enlarged)

    def looks_at(self, alpha: str) -> bool:
        """Whether it matters if alpha covers everything."""
        return alpha == "straight" and self.method != "nearest"

    def spacing(self) -> tuple[float, float]:
        """Rows and columns of the result per row and column of the image."""
        return float(self.factors[0]), float(self.factors[1])


@dataclass(frozen=True)
class Transposed:
    """A transposed convolution as a pure function of an image; see transposed.py.

    Straight alpha is coverage: colours are weighted by it, and it is spread by the stencil's
    absolute weights, divided by what they add up to at each place.
    """

    stencil: Stencil
    stride: Pair = (2, 2)
    padding: Pair = (0, 0)
    gain: Fraction = Fraction(1)

    def __post_init__(self) -> None:
        check(self.stride, self.padding)

    def size(self, height: int, width: int) -> Pair:
        """Height and width of the result."""
        K, L = self.stencil.shape
        return (
            output_size(height, K, self.stride[0], self.padding[0]),
            output_size(width, L, self.stride[1], self.padding[1]),
        )

    def __call__(self, pixels: np.ndarray, alpha: str = "none") -> np.ndarray:
        if alpha not in ("straight", *KNOWN):
            return self._spread(pixels)
        return enlarge_covered(pixels, alpha, self._spread, self._share)

    def _spread(self, pixels: np.ndarray) -> np.ndarray:
        return correlate_transposed(pixels, self.stencil, self.stride, self.padding, self.gain)

    def _share(self, cover: np.ndarray) -> np.ndarray:
        """How much of what the stencil gives each place comes from covered pixels."""
        positive = Stencil(np.abs(self.stencil.weights))
        work = replace(self, stencil=positive, gain=Fraction(1))
        with np.errstate(invalid="ignore"):
            return np.nan_to_num(work._spread(cover) / work._spread(np.ones_like(cover)))

    def looks_at(self, alpha: str) -> bool:
        """Whether it matters if alpha covers everything."""
        return alpha == "straight"

    def spacing(self) -> tuple[float, float]:
        """Rows and columns of the result per row and column of the image."""
        return float(self.stride[0]), float(self.stride[1])


def enlarge_covered(
    pixels: np.ndarray,
    alpha: str,
    enlarged: Callable[[np.ndarray], np.ndarray],
    shared: Callable[[np.ndarray], np.ndarray],
) -> np.ndarray:
    """(H', W', C) of pixels (H, W, C) with straight alpha, in their dtype.

    Colour is weighted by alpha and `enlarged`, then divided by alpha `shared`, both in float32.
    Where nothing is covered, the colour is that of the hidden pixels.
    """
    dtype, depth = pixels.dtype, pixels.shape[2]
    colour, top = without_alpha(pixels), np.float32(white(pixels.dtype))
    plain = enlarged(colour)
    if is_opaque(pixels, alpha):
        return with_alpha(plain, white(dtype))
    weighted = by_rows(lambda p: p[..., :-1] * (p[..., -1:] / top), pixels, channels=depth - 1)
    cover = shared(by_rows(lambda p: p[..., -1:] / top, pixels, channels=1))
    sums = enlarged(weighted)

    def divided(p: np.ndarray, s: np.ndarray, a: np.ndarray) -> np.ndarray:
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(a > 0, fit(np.where(a > 0, s / a, 0), dtype), p)

    found = by_rows(divided, plain, sums, cover, channels=depth - 1, dtype=dtype)
    return with_alpha(found, fit(cover.clip(0, 1) * top, dtype))


def refuse_too_large(size: Pair, most: int) -> None:
    """InputError where the result has more than `most` pixels."""
    if size[0] * size[1] > most:
        raise InputError(
            f"the result would be {size[1]}x{size[0]}, {size[0] * size[1]:,} pixels, and the limit "
            f"is {most:,}: use a smaller factor, or raise it with `max_pixels={size[0] * size[1]}`"
        )
