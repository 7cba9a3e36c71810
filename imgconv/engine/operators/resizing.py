"""Resizing by interpolation, one axis after the other."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np

from imgconv.errors import InputError

from .axes import along, axis_of, format_shape, to_integers
from .operator import AXES, FLAG, NUMBER, NUMBERS, Fast, Operator, choice, wholes
from .reach import NotLocal, Shape, Site, Sliding, Span

f32 = np.float32
COORDINATES = (
    "half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric",
    "tf_half_pixel_for_nn", "tf_crop_and_resize",
)  # fmt: skip
ROUNDING = ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")


def scales_and_sizes(
    x: Shape, scales: Any, sizes: Any, roi: Any = None, **attributes: Any
) -> tuple[list[float], Shape]:
    """For every axis of x the factor and the result's size, out = floor(in * scale)."""
    axes = attributes.get("axes")
    at = list(range(len(x))) if axes is None else [axis_of(a, len(x)) for a in to_integers(axes)]
    given = sizes if sizes is not None and np.size(sizes) else scales
    if given is None or np.size(given) != len(at):
        raise InputError(f"found {np.size(given)} scales or sizes, allowed one for {len(at)} axes")
    factors, out = [1.0] * len(x), list(x)
    if given is sizes:
        scale, wanted = _keep_proportions(
            x, at, to_integers(sizes), attributes.get("keep", "stretch")
        )
        for axis, factor, size in zip(at, scale, wanted, strict=True):
            factors[axis], out[axis] = factor, size
    else:
        first, last = _region(len(x), at, roi, attributes)
        for axis, scale in zip(at, np.ravel(np.asarray(scales)).tolist(), strict=True):
            part = (last[axis] - first[axis]) * scale
            factors[axis], out[axis] = scale, _size(x[axis], part)
    if min(out) < 0 or any(n == 0 < m for n, m in zip(x, out, strict=True)):
        raise InputError(f"found a result of {out} for an input of {format_shape(x)}")
    return factors, tuple(out)


def _size(size: int, scale: float) -> int:
    if not 0 < scale < 1 << 20:
        raise InputError(f"found a scale of {scale}, allowed numbers above 0")
    return math.floor(f32(size) * f32(scale))  # 25 * 1.92 is 48, in float64 47.9999


def _keep_proportions(
    x: Shape, at: list[int], wanted: list[int], keep: str
) -> tuple[list[float], list[int]]:
    """Factors and sizes; unless `keep` is stretch with one factor for all axes, such that no
    result is larger (or smaller) than wanted."""
    factors = [size / max(x[axis], 1) for axis, size in zip(at, wanted, strict=True)]
    if keep == "stretch":
        return factors, wanted
    scale = min(factors) if keep == "not_larger" else max(factors)
    return [scale] * len(at), [math.floor(x[axis] * scale + 0.5) for axis in at]


def _region(
    rank: int, at: list[int], roi: Any, attributes: dict[str, Any]
) -> tuple[list[float], list[float]]:
    """The part that tf_crop_and_resize takes: from 0 to 1 where nothing else is said."""
    first, last = [0.0] * rank, [1.0] * rank
    if attributes.get("coordinates") == "tf_crop_and_resize":
        found = np.ravel(np.asarray(roi)).tolist() if roi is not None else []
        if len(found) != 2 * len(at):
            raise InputError(f"found a region of {len(found)} numbers, allowed {2 * len(at)}")
        for i, axis in enumerate(at):
            first[axis], last[axis] = found[i], found[i + len(at)]
    return first, last


def resize_shape(
    x: Shape, scales: Any = None, sizes: Any = None, roi: Any = None, **attributes: Any
) -> Shape:
    return scales_and_sizes(x, scales, sizes, roi, **attributes)[1]


def whole_scale(scale: float) -> tuple[int, int] | None:
    """The scale as n / 1 or 1 / n, n whole, where it is one (up to the rounding of float32)."""
    n = round(max(scale, 1 / scale))
    over, under = (n, 1) if scale >= 1 else (1, n)
    return (over, under) if abs(scale * under / over - 1) < 1e-6 else None


def coordinates(
    size: int, out: int, scale: float, how: str, region: tuple[float, float] = (0, 1)
) -> np.ndarray:
    """Where the pixels of the result lie in the input: (out,).

    In float32 like other libraries, because a rounding decides which pixel is the nearest; in
    float64 for whole scales, so that neighbours and weights are the same everywhere and a tile
    is resized like the whole.
    """
    exact = whole_scale(scale)
    real: Any = f32 if exact is None else np.float64
    factor = real(scale if exact is None else exact[0] / exact[1])
    i, half = np.arange(out, dtype=real), real(0.5)
    if how == "align_corners":
        return i * real(size - 1) / real(out - 1) if out > 1 else i * real(0)
    if how == "asymmetric":
        return i / factor
    if how == "tf_half_pixel_for_nn":
        return (i + half) / factor
    if how == "tf_crop_and_resize":
        first, last = (real(end) for end in region)
        if out == 1:
            return half * (first + last) * real(size - 1) + i
        return first * real(size - 1) + i * (last - first) * real(size - 1) / real(out - 1)
    if how == "pytorch_half_pixel" and out == 1:
        return i * real(0)
    shift = real(0)
    if how == "half_pixel_symmetric":  # the result's centre lies on the input's
        shift = real(size / 2) * (real(1) - real(out) / (factor * real(size)))
    return shift + ((i + half) / factor - half)


def _nearest(at: np.ndarray, rounding: str) -> np.ndarray:
    function, shift = {
        "round_prefer_floor": (np.ceil, -0.5),
        "round_prefer_ceil": (np.floor, 0.5),
        "floor": (np.floor, 0.0),
        "ceil": (np.ceil, 0.0),
    }[rounding]
    rounded: np.ndarray = function(at + f32(shift))
    return rounded[:, None].astype(np.int64)


def weights_at(distance: np.ndarray, mode: str, a: float) -> np.ndarray:
    """A triangle, or Keys' cubic with the parameter a (1981): weights of the distances' shape.

    distance: from the centre, in pixels.
    """
    d = np.abs(distance)
    if mode == "linear":
        return np.maximum(1 - d, 0)
    near = ((a + 2) * d - (a + 3)) * d * d + 1
    far = ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
    return np.where(d <= 1, near, np.where(d < 2, far, 0))


def taps(
    size: int, out: int, scale: float, region: tuple[float, float] = (0, 1), **attributes: Any
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Input pixels int64 (out, n), their weights float32 (out, n), coordinates (out,)."""
    mode = attributes.get("mode", "nearest")
    at = coordinates(size, out, scale, attributes.get("coordinates", "half_pixel"), region)
    if mode == "nearest":
        index = _nearest(at, attributes.get("rounding", "round_prefer_floor"))
        return np.clip(index, 0, size - 1), np.ones(index.shape, f32), at
    stretch = min(scale, 1.0) if attributes.get("antialias") else 1.0
    reach = (1 if mode == "linear" else 2) / stretch
    near = np.floor(at).astype(np.int64)[:, None]
    first = math.floor(-reach) + 1
    index = near + np.arange(first, 2 - first)
    distance = (index - at[:, None].astype(np.float64)) * stretch
    weights = weights_at(distance, mode, attributes.get("cubic", -0.75))
    if attributes.get("exclude_outside"):
        weights = np.where((index >= 0) & (index < size), weights, 0)
    if stretch < 1 or attributes.get("exclude_outside"):
        weights = weights / weights.sum(1, keepdims=True)
    return np.clip(index, 0, size - 1), weights.astype(f32), at


def resize(
    x: np.ndarray, scales: Any = None, sizes: Any = None, roi: Any = None, **attributes: Any
) -> np.ndarray:
    """y[i] = sum_t weight[i, t] x[tap[i, t]], on each axis whose size or scale changes.

    nearest: the pixel nearest to the coordinate; linear: the two around it, cubic: the four
    around it (Keys), more of them with `antialias` where the picture becomes smaller.
    """
    factors, out = scales_and_sizes(x.shape, scales, sizes, roi, **attributes)
    if 0 in out:  # whatever the other axes are: nothing may be as long as they please
        return np.zeros(out, x.dtype)
    at = attributes.get("axes")
    axes = list(range(x.ndim)) if at is None else [axis_of(a, x.ndim) for a in to_integers(at)]
    first, last = _region(x.ndim, axes, roi, attributes)
    outside = []
    for axis, (size, scale) in enumerate(zip(out, factors, strict=True)):
        region = (first[axis], last[axis])
        if size == x.shape[axis] and scale == 1 and region == (0, 1):
            continue
        index, weights, places = taps(x.shape[axis], size, scale, region, **attributes)
        outside.append((axis, (places < 0) | (places > x.shape[axis] - 1)))
        x = _interpolate(x, axis, index, weights)
    if attributes.get("coordinates") == "tf_crop_and_resize":
        for axis, beyond in outside:
            fill = f32(attributes.get("extrapolation", 0))
            x = np.where(along(beyond, axis, x.ndim), fill, x)
    return x


def _interpolate(x: np.ndarray, axis: int, index: np.ndarray, weights: np.ndarray) -> np.ndarray:
    if index.shape[1] == 1:
        return np.take(x, index[:, 0], axis)
    y: Any = 0
    for t in range(index.shape[1]):
        y = y + np.take(x, index[:, t], axis) * along(weights[:, t], axis, x.ndim)
    return y


def _span(site: Site, axis: int) -> Span:
    attributes, (n, at) = site.but("scales", "sizes", "roi"), (site.x[2 + axis], 2 + axis)
    factors, out = scales_and_sizes(
        site.x, site.argument(1, "scales"), site.argument(2, "sizes"), **attributes
    )
    scale, size = factors[at], out[at]
    exact = whole_scale(scale) if scale > 0 else None
    if size == n and scale == 1:
        return Span(Fraction(1), np.arange(size), np.arange(size))
    if exact is None or size * exact[1] != n * exact[0]:
        raise NotLocal(f"resizes {n} to {size}, which is no whole factor")
    how = attributes.get("coordinates", "half_pixel")
    if how in ("align_corners", "tf_crop_and_resize"):
        raise NotLocal(f"resizes with coordinates of the whole image ({how})")
    first, last = _taps_range(n, size, exact[0] / exact[1], attributes)
    return Span(Fraction(exact[1], exact[0]), first, last)


def _taps_range(
    size: int, out: int, scale: float, attributes: dict[str, Any]
) -> tuple[np.ndarray, np.ndarray]:
    """First and last tap: as in the middle of an image that is larger on both sides."""
    unit = max(1, round(1 / scale))  # input samples after which the pattern repeats
    more = 8 * unit
    middle = taps(size + 2 * more, round((size + 2 * more) * scale), scale, **attributes)[0] - more
    kept = middle[round(more * scale) :][:out]
    return kept.min(1), kept.max(1)


OPERATORS = {
    "resize": Operator(
        resize,
        resize_shape,
        Sliding(_span),
        ("x", "scales?", "sizes?", "roi?"),
        {
            "scales": NUMBERS,
            "sizes": wholes(0, 1 << 40),
            "mode": choice("nearest", "linear", "cubic"),
            "coordinates": choice(*COORDINATES),
            "rounding": choice(*ROUNDING),
            "cubic": NUMBER,
            "exclude_outside": FLAG,
            "antialias": FLAG,
            "extrapolation": NUMBER,
            "axes": AXES,
            "keep": choice("stretch", "not_larger", "not_smaller"),
        },
        reads=("scales", "sizes", "roi"),
        fast=Fast("resize.prepare"),
    )
}
