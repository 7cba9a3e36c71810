"""`filter`: an image through a chain of stencils, rounded once, alpha treated as coverage."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import ClassVar

import numpy as np

from .alpha import FLOAT, by_rows, fit, is_opaque, white, with_alpha, without_alpha
from .correlation import correlate
from .rank import Rank
from .stencil import Stencil

RANGES = ("clip", "rescale", "abs", "float")
LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601

# One stencil, two whose responses are taken as a length, or a median, max or min.
Operator = tuple[Stencil, ...] | Rank


IMPORTS = tuple(
    f"imgconv.ops.{name}" for name in ("box", "symmetric", "gaussian", "order_statistics")
)  # at the first image that needs it: a single sharpened one needs none


Span = Callable[[np.ndarray], tuple[float, float]]


def span_of(values: np.ndarray) -> tuple[float, float]:
    """The smallest and the largest, of those that are finite."""
    low, high = float(values.min()), float(values.max())
    if np.isfinite(low) and np.isfinite(high):
        return low, high
    finite = values[np.isfinite(values)]
    return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)


@dataclass(frozen=True)
class Filter:
    """Operators one after the other, then scale and bias, then the range; a pure function.

    Called with pixels (H, W, C) of uint8, uint16 or float32 and what the last channel is
    ("none", "straight" or "premultiplied" alpha), it returns pixels of the same shape and
    dtype, or float32 with range "float". Between operators values are float32 and keep what
    exceeds the dtype; a median, max or min of what was read keeps its type.
    """

    imports: ClassVar = IMPORTS
    operators: tuple[Operator, ...]
    border: str = "reflect"
    range: str = "clip"
    scale: Fraction = Fraction(1)
    bias: Fraction = Fraction(0)
    luma: bool = False
    flip: bool = False
    span: Span = span_of  # of values (H, W, C): the two that "rescale" makes black and white

    def __call__(self, pixels: np.ndarray, alpha: str = "none") -> np.ndarray:
        if alpha == "none" or (alpha == "premultiplied" and self.blurs):
            return self._colour(pixels)
        if is_opaque(pixels, alpha):
            return with_alpha(self._colour(without_alpha(pixels)), pixels[..., -1:])
        if self.blurs and self.luma and pixels.shape[2] == 4:
            return self._covered_brightness(pixels)
        if self.blurs:
            return self._coverage(pixels)
        return self._beside_alpha(pixels)

    def looks_at(self, alpha: str) -> bool:
        """Whether it matters if alpha covers everything."""
        return alpha != "none" and not (alpha == "premultiplied" and self.blurs)

    @property
    def blurs(self) -> bool:
        """Whether pixels are mixed, and only mixed: no negative weight, and not the identity."""
        alone = [o[0] for o in self.operators if not isinstance(o, Rank) and len(o) == 1]
        mixes = len(alone) == len(self.operators) and all(one.blurs for one in alone)
        return mixes and not all(one.keeps_places for one in alone)

    def _colour(self, pixels: np.ndarray) -> np.ndarray:
        """Filter all channels alike, or the brightness of RGB only."""
        if self.luma and pixels.shape[2] == 3:
            return self._brightness(pixels)
        return self._channels(pixels)

    def _channels(self, pixels: np.ndarray) -> np.ndarray:
        last = self.operators[-1]
        if isinstance(last, Rank):
            return self._ranked(pixels, last)
        if self.range == "rescale" or len(last) > 1:
            return self._apply_range(self._values(pixels), pixels.dtype)
        return correlate(
            self._before_last(pixels),
            self._turn(last[0]),
            border=self.border,
            result=self._result(pixels.dtype),
            scale=self.scale,
            bias=self.bias,
            absolute=self.range == "abs",
        )

    def _ranked(self, pixels: np.ndarray, last: Rank) -> np.ndarray:
        """A chain that ends in a rank, whose values need no arithmetic if nothing is asked."""
        before = self._before_last(pixels)
        plain = self.scale == 1 and self.bias == 0 and self.range in ("clip", "abs")
        if (
            plain
            and before.dtype == pixels.dtype
            and (pixels.dtype.kind == "u" or self.range == "clip")
        ):
            return last(before, self.border)
        return self._apply_range(self._values(pixels), pixels.dtype)

    def _result(self, dtype: np.dtype) -> np.dtype:
        return FLOAT if self.range == "float" else dtype

    def _turn(self, stencil: Stencil) -> Stencil:
        return stencil.flip() if self.flip else stencil

    def _before_last(self, pixels: np.ndarray, fill: np.ndarray | None = None) -> np.ndarray:
        for operator in self.operators[:-1]:
            pixels = self._operate(pixels, operator, Fraction(1), Fraction(0), fill)
        return pixels

    def _values(self, pixels: np.ndarray, fill: np.ndarray | None = None) -> np.ndarray:
        """float32 results of the whole chain, before the range."""
        before = self._before_last(pixels, fill)
        found = self._operate(before, self.operators[-1], self.scale, self.bias, fill)
        return found.astype(FLOAT, copy=False)

    def _operate(
        self,
        pixels: np.ndarray,
        operator: Operator,
        scale: Fraction,
        bias: Fraction,
        fill: np.ndarray | None,
    ) -> np.ndarray:
        def one(stencil: Stencil, scale: Fraction, bias: Fraction) -> np.ndarray:
            turned = self._turn(stencil)
            return correlate(
                pixels, turned, border=self.border, result=FLOAT, scale=scale, bias=bias, fill=fill
            )

        if isinstance(operator, Rank):
            found = operator(pixels, self.border, fill)
            factor, offset = np.float32(scale), np.float32(bias)
            return (
                found if scale == 1 and bias == 0 else by_rows(lambda v: v * factor + offset, found)
            )
        if len(operator) == 1:
            return one(operator[0], scale, bias)
        legs = [one(stencil, Fraction(1), Fraction(0)) for stencil in operator]
        factor, offset = np.float32(scale), np.float32(bias)
        return by_rows(lambda a, b: np.hypot(a, b) * factor + offset, *legs)

    def _brightness(self, pixels: np.ndarray) -> np.ndarray:
        """Add to every channel what the filter changes of the luma: the hue stays."""
        luma = by_rows(lambda p: (p @ LUMA)[..., None], pixels, channels=1)
        return self._with_luma(pixels, luma, self._values(luma))

    def _covered_brightness(self, pixels: np.ndarray) -> np.ndarray:
        """The same beside alpha, which stays: brightness counts as much as it covers."""
        top = np.float32(white(pixels.dtype))
        colour = without_alpha(pixels)
        luma = by_rows(lambda p: (p @ LUMA)[..., None], colour, channels=1)
        grey = np.concatenate([luma, pixels[..., -1:].astype(FLOAT)], axis=2) / top
        bias = self.bias / Fraction(float(top))
        blurred = replace(self, luma=False, range="float", bias=bias)._coverage(grey)
        return with_alpha(self._with_luma(colour, luma, blurred[..., :1] * top), pixels[..., -1:])

    def _with_luma(self, pixels: np.ndarray, luma: np.ndarray, values: np.ndarray) -> np.ndarray:
        """RGB whose luma was filtered to these values, before the range."""
        wanted = values if self.range == "float" else self._apply_range(values, FLOAT, pixels)
        result = self._result(pixels.dtype)

        def changed(p: np.ndarray, w: np.ndarray, y: np.ndarray) -> np.ndarray:
            return fit(p + (w - y), result)

        return by_rows(changed, pixels, wanted, luma, dtype=result)

    def _beside_alpha(self, pixels: np.ndarray) -> np.ndarray:
        """Filter the colour; alpha and the colour of fully transparent pixels stay."""
        colour = without_alpha(pixels)
        hidden = pixels[..., -1] == 0
        out = self._colour(colour)
        out[hidden] = colour[hidden]
        return with_alpha(out, pixels[..., -1:])

    def _coverage(self, pixels: np.ndarray) -> np.ndarray:
        """Blur colour weighted by alpha, and alpha itself, so that nothing hidden bleeds in.

        Where no coverage results, the colour stays. Beyond a constant border lies opaque
        black, as it does for an image without alpha.
        """
        top = np.float32(white(pixels.dtype))
        channels = pixels.shape[2]
        weighted = by_rows(lambda p: _premultiply(p, top), pixels)
        fill = np.array([0.0] * (channels - 1) + [1.0])
        plain = Filter(self.operators, self.border, flip=self.flip)
        sums = plain._values(weighted, fill)
        stencils = [o[0] for o in self.operators if not isinstance(o, Rank)]
        total = np.float32(np.prod([one.weights.sum() for one in stencils]))
        result = self._result(pixels.dtype)
        scale, bias = np.float32(self.scale), np.float32(self.bias)

        def colour(p: np.ndarray, s: np.ndarray) -> np.ndarray:
            cover = s[..., -1:] / total
            with np.errstate(divide="ignore", invalid="ignore"):
                values = s[..., :-1] / cover * scale + bias
            return np.where(cover > 0, values, p[..., :-1])

        values = by_rows(colour, pixels, sums, channels=channels - 1)
        out = self._apply_range(values, pixels.dtype)

        def coverage(s: np.ndarray) -> np.ndarray:
            return fit(s[..., -1:] / total * top, result)

        alpha = by_rows(coverage, sums, channels=1, dtype=result)
        hidden = alpha[..., 0] == 0
        out[hidden] = without_alpha(pixels)[hidden]
        return with_alpha(out, alpha)

    def _apply_range(
        self, values: np.ndarray, dtype: np.dtype, like: np.ndarray | None = None
    ) -> np.ndarray:
        """What becomes of float32 values that do not fit: see `range` in the help of filter.

        `like`: the image whose white is meant, where it is not of `dtype`.
        """
        if self.range == "float":
            return values
        if self.range == "abs":
            return by_rows(lambda v: fit(np.abs(v), dtype), values, dtype=dtype)
        if self.range == "rescale":
            top = white(dtype if like is None else like.dtype)
            low, high = self.span(values)
            if high > low:
                factor = np.float32(top / (high - low))
                return by_rows(lambda v: fit((v - low) * factor, dtype), values, dtype=dtype)
        return by_rows(lambda v: fit(v, dtype), values, dtype=dtype)


def _premultiply(pixels: np.ndarray, top: np.float32) -> np.ndarray:
    cover = pixels[..., -1:] / top
    return np.concatenate([pixels[..., :-1] * cover, cover], axis=2)
