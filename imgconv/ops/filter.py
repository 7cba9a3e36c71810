"""`filter`: an image through a chain of stencils, rounded once, alpha treated as coverage."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from ..kernels import bands
from .correlation import correlate
from .stencil import Stencil

RANGES = ("clip", "rescale", "abs", "float")
FLOAT = np.dtype(np.float32)
LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601

Operator = tuple[Stencil, ...]  # one stencil, or two whose responses are taken as a length


@dataclass(frozen=True)
class Filter:
    """Operators one after the other, then scale and bias, then the range; a pure function.

    Called with pixels (H, W, C) of uint8, uint16 or float32 and what the last channel is
    ("none", "straight" or "premultiplied" alpha), it returns pixels of the same shape and
    dtype, or float32 with range "float". Between operators values are float32 and keep what
    exceeds the dtype.
    """

    operators: tuple[Operator, ...]
    border: str = "reflect"
    range: str = "clip"
    scale: Fraction = Fraction(1)
    bias: Fraction = Fraction(0)
    luma: bool = False
    flip: bool = False

    def __call__(self, pixels: np.ndarray, alpha: str = "none") -> np.ndarray:
        if alpha == "none" or (alpha == "premultiplied" and self.blurs):
            return self._colour(pixels)
        if (pixels[..., -1] == _top(pixels.dtype)).all():
            return _with_alpha(self._colour(_without_alpha(pixels)), pixels[..., -1])
        if self.blurs:
            return self._coverage(pixels)
        return self._beside_alpha(pixels)

    @property
    def blurs(self) -> bool:
        """Whether pixels are mixed, and only mixed: no negative weight, and not the identity."""
        mixes = all(len(o) == 1 and o[0].blurs for o in self.operators)
        return mixes and not all(o[0].keeps_places for o in self.operators)

    def _colour(self, pixels: np.ndarray) -> np.ndarray:
        """Filter all channels alike, or the brightness of RGB only."""
        if self.luma and pixels.shape[2] == 3:
            return self._brightness(pixels)
        return self._channels(pixels)

    def _channels(self, pixels: np.ndarray) -> np.ndarray:
        last = self.operators[-1]
        if self.range == "rescale" or len(last) > 1:
            return _ranged(self._values(pixels), pixels.dtype, self.range)
        return correlate(
            self._before_last(pixels),
            self._turned(last[0]),
            border=self.border,
            result=self._result(pixels.dtype),
            scale=self.scale,
            bias=self.bias,
            absolute=self.range == "abs",
        )

    def _result(self, dtype: np.dtype) -> np.dtype:
        return FLOAT if self.range == "float" else dtype

    def _turned(self, stencil: Stencil) -> Stencil:
        return stencil.flipped() if self.flip else stencil

    def _before_last(self, pixels: np.ndarray, fill: np.ndarray | None = None) -> np.ndarray:
        for operator in self.operators[:-1]:
            pixels = self._operate(pixels, operator, Fraction(1), Fraction(0), fill)
        return pixels

    def _values(self, pixels: np.ndarray, fill: np.ndarray | None = None) -> np.ndarray:
        """float32 results of the whole chain, before the range."""
        before = self._before_last(pixels, fill)
        return self._operate(before, self.operators[-1], self.scale, self.bias, fill)

    def _operate(
        self,
        pixels: np.ndarray,
        operator: Operator,
        scale: Fraction,
        bias: Fraction,
        fill: np.ndarray | None,
    ) -> np.ndarray:
        def one(stencil: Stencil, scale: Fraction, bias: Fraction) -> np.ndarray:
            turned = self._turned(stencil)
            return correlate(
                pixels, turned, border=self.border, result=FLOAT, scale=scale, bias=bias, fill=fill
            )

        if len(operator) == 1:
            return one(operator[0], scale, bias)
        legs = [one(stencil, Fraction(1), Fraction(0)) for stencil in operator]
        factor, offset = np.float32(scale), np.float32(bias)
        return _by_rows(lambda a, b: np.hypot(a, b) * factor + offset, FLOAT, *legs)

    def _brightness(self, pixels: np.ndarray) -> np.ndarray:
        """Add to every channel what the filter changes of the luma: the hue stays."""
        luma = _by_rows(lambda p: (p @ LUMA)[..., None], FLOAT, pixels, channels=1)
        values = self._values(luma)
        wanted = values if self.range == "float" else _ranged(values, FLOAT, self.range, pixels)
        result = self._result(pixels.dtype)
        return _by_rows(lambda p, w, y: _fit(p + (w - y), result), result, pixels, wanted, luma)

    def _beside_alpha(self, pixels: np.ndarray) -> np.ndarray:
        """Filter the colour; alpha and the colour of fully transparent pixels stay."""
        colour = _without_alpha(pixels)
        alpha = pixels[..., -1]
        out = self._colour(colour)
        out[alpha == 0] = colour[alpha == 0]
        return _with_alpha(out, alpha)

    def _coverage(self, pixels: np.ndarray) -> np.ndarray:
        """Blur colour weighted by alpha, and alpha itself, so that nothing hidden bleeds in.

        Where no coverage results, the colour stays. Beyond a constant border lies opaque
        black, as it does for an image without alpha.
        """
        top = np.float32(_top(pixels.dtype))
        channels = pixels.shape[2]
        weighted = _by_rows(lambda p: _premultiplied(p, top), FLOAT, pixels)
        fill = np.array([0.0] * (channels - 1) + [1.0])
        plain = Filter(self.operators, self.border, flip=self.flip)
        sums = plain._values(weighted, fill)
        total = np.float32(np.prod([o[0].weights.sum() for o in self.operators]))
        result = self._result(pixels.dtype)
        scale, bias = np.float32(self.scale), np.float32(self.bias)

        def colour(p: np.ndarray, s: np.ndarray) -> np.ndarray:
            cover = s[..., -1:] / total
            with np.errstate(divide="ignore", invalid="ignore"):
                values = s[..., :-1] / cover * scale + bias
            return np.where(cover > 0, values, p[..., :-1])

        values = _by_rows(colour, FLOAT, pixels, sums, channels=channels - 1)
        out = _ranged(values, pixels.dtype, self.range)

        def coverage(s: np.ndarray) -> np.ndarray:
            return _fit(s[..., -1:] / total * top, result)

        alpha = _by_rows(coverage, result, sums, channels=1)
        hidden = alpha[..., 0] == 0
        out[hidden] = _without_alpha(pixels)[hidden]
        return _with_alpha(out, alpha[..., 0])


def _top(dtype: np.dtype) -> float:
    """The value of white and of full coverage."""
    return 1.0 if dtype.kind == "f" else float(np.iinfo(dtype).max)


def _without_alpha(pixels: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(pixels[..., :-1])


def _with_alpha(colour: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    return np.concatenate([colour, alpha[..., None].astype(colour.dtype)], axis=2)


def _premultiplied(pixels: np.ndarray, top: np.float32) -> np.ndarray:
    cover = pixels[..., -1:] / top
    return np.concatenate([pixels[..., :-1] * cover, cover], axis=2)


def _fit(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Rounded half to even and clipped, if the type is an integer."""
    return values if dtype.kind == "f" else np.rint(values).clip(0, np.iinfo(dtype).max)


def _ranged(
    values: np.ndarray, dtype: np.dtype, range: str, like: np.ndarray | None = None
) -> np.ndarray:
    """What becomes of float32 values that do not fit: see the help of --range.

    `like`: the image whose white is meant, where it is not of `dtype`.
    """
    if range == "float":
        return values
    if range == "abs":
        return _by_rows(lambda v: _fit(np.abs(v), dtype), dtype, values)
    if range == "rescale":
        white = _top(dtype if like is None else like.dtype)
        low, high = float(values.min()), float(values.max())
        if high > low:
            factor = white / (high - low)
            return _by_rows(lambda v: _fit((v - low) * np.float32(factor), dtype), dtype, values)
    return _by_rows(lambda v: _fit(v, dtype), dtype, values)


def _by_rows(
    function: Callable[..., np.ndarray],
    dtype: np.dtype,
    *images: np.ndarray,
    channels: int | None = None,
) -> np.ndarray:
    """function(rows of each image) for bands of rows, on all threads, into one new image."""
    height, width, depth = images[0].shape
    out = np.empty((height, width, channels or depth), dtype)

    def band(begin: int, end: int) -> None:
        out[begin:end] = function(*(image[begin:end] for image in images))

    bands.run(band, height, bands.rows_worthwhile(width * depth))
    return out
