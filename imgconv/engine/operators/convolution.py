"""Convolution and its transpose, with any number of spatial axes."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from imgconv.errors import InputError

from .axes import along, format_shape
from .operator import COUNT, PADS, SIZES, Fast, Operator
from .reach import Shape, Site, Sliding, Span
from .sliding import WINDOW, Windows, extents, halves, need_spatial, per_axis, span, windows

COLUMNS = 1 << 24  # bytes of input windows laid out at a time


def conv_windows(x: Shape, w: Shape, attributes: Mapping[str, Any]) -> Windows:
    """The windows of a convolution over x."""
    found: Any = {name: attributes.get(name) for name in ("strides", "dilations", "pads")}
    return windows(need_spatial(x), w[2:], **found, auto_pad=attributes.get("auto_pad") or "")


def _check(x: Shape, w: Shape, b: Shape | None, channels: int, results: int, groups: int) -> None:
    if len(w) != len(x):
        raise InputError(
            f"found weights of shape {format_shape(w)}, the input is {format_shape(x)}"
        )
    if x[1] != channels:
        raise InputError(f"found an input of {x[1]} channels, its weights are for {channels}")
    if w[0] % groups:
        raise InputError(f"found {groups} groups, allowed a divisor of {w[0]}")
    if b is not None and tuple(b) != (results,):
        raise InputError(f"found a bias of shape {format_shape(b)}, allowed {results} numbers")
    if 0 in w[1:]:
        raise InputError(f"found weights of shape {format_shape(w)}, allowed sizes from 1 on")


def conv_shape(x: Shape, w: Shape, b: Shape | None = None, **attributes: Any) -> Shape:
    groups = attributes.get("groups", 1)
    need_spatial(x)
    _check(x, w, b, w[1] * groups if len(w) > 1 else 0, w[0] if w else 0, groups)
    return (x[0], w[0], *conv_windows(x, w, attributes).out)


def conv(x: np.ndarray, w: np.ndarray, b: np.ndarray | None = None, **attributes: Any) -> Any:
    """y[n,k,i,j] = b[k] + sum_cuv w[k,c,u,v] x[n,c, i s + u d - p, j s + v d - p].

    x (N, C, H, W), w (K, C/groups, h, w), b (K,) -> (N, K, i, j); c runs over the channels of
    the group of k.
    """
    shape = conv_shape(x.shape, w.shape, None if b is None else b.shape, **attributes)
    at = conv_windows(x.shape, w.shape, attributes)
    padded = pad_zeros(x, at.before, at.after)
    if 0 in shape:
        return np.zeros(shape, np.float32)
    each = _depthwise if w.shape[1] == 1 and w.shape[0] == x.shape[1] else _columns_product
    y = each(padded, w, at, attributes.get("groups", 1))
    return y if b is None else np.add(y, along(b, 1, y.ndim), out=y)


def pad_zeros(x: np.ndarray, before: Shape, after: Shape) -> np.ndarray:
    """x (..., H, W) -> (..., before + H + after, before + W + after), with zeros around it.

    before, after: zeros for each of the last axes, as many as there are. x itself where there is
    nothing to add.
    """
    if not any(before) and not any(after):
        return x
    lead = x.ndim - len(before)
    sizes = [n + p + q for n, p, q in zip(x.shape[lead:], before, after, strict=True)]
    padded = np.zeros((*x.shape[:lead], *sizes), x.dtype)
    padded[_inner(before, x.shape[lead:])] = x
    return padded


def _inner(before: Shape, sizes: Shape) -> Any:
    return (..., *(slice(p, p + n) for p, n in zip(before, sizes, strict=True)))


def _of(axes: int, tap: tuple[int, ...]) -> Any:
    """One tap of all stencils, behind that many axes."""
    return (slice(None),) * axes + tap


def taps(kernel: Shape) -> Iterator[tuple[int, ...]]:
    return itertools.product(*map(range, kernel))


def _seen(tap: Sequence[int], at: Windows, out: Shape) -> Any:
    """The input pixels that one tap meets in all windows."""
    return (
        ...,
        *(
            slice(u * d, u * d + (n - 1) * s + 1, s)
            for u, d, s, n in zip(tap, at.dilations, at.strides, out, strict=True)
        ),
    )


def _depthwise(padded: np.ndarray, w: np.ndarray, at: Windows, groups: int) -> np.ndarray:
    y = np.zeros((*padded.shape[:2], *at.out), np.float32)
    for tap in taps(at.kernel):
        y += padded[_seen(tap, at, at.out)] * along(w[_of(1, (0, *tap))], 1, y.ndim)
    return y


def _columns_product(padded: np.ndarray, w: np.ndarray, at: Windows, groups: int) -> np.ndarray:
    """Windows laid out as columns, a band of rows at a time, then one matrix product a group."""
    n, c = padded.shape[:2]
    y = np.empty((n, w.shape[0], *at.out), np.float32)
    matrix = w.reshape(groups, w.shape[0] // groups, -1)
    row = 4 * n * c * math.prod(at.kernel) * math.prod(at.out[1:])
    step = max(1, COLUMNS // max(row, 1))
    for first in range(0, at.out[0], step):
        out = (min(step, at.out[0] - first), *at.out[1:])
        band = padded[:, :, first * at.strides[0] :]
        columns = np.empty((n, c, *at.kernel, *out), np.float32)
        for tap in taps(at.kernel):
            columns[_of(2, tap)] = band[_seen(tap, at, out)]
        product = matrix @ columns.reshape(n, groups, matrix.shape[2], -1)
        y[:, :, first : first + out[0]] = product.reshape(n, w.shape[0], *out)
    return y


def conv_multiply_adds(y: Shape, x: Shape, w: Shape, *_: Any, **__: Any) -> int:
    return math.prod(y) * math.prod(w[1:])


def conv_scale(w: np.ndarray, factors: np.ndarray, **_: Any) -> np.ndarray:
    """Weights (K, C/groups, h, w) times a factor (K,) for each channel of the result."""
    return w * along(factors, 0, w.ndim)


def _conv_span(site: Site, axis: int) -> Span:
    """In blocks where a 3x3 convolution is computed in blocks."""
    w = site.shapes[1]
    assert w is not None
    at = conv_windows(site.x, w, site.attributes)
    plain = (at.kernel, at.strides, at.dilations) == ((3, 3), (1, 1), (1, 1))
    return span(at, axis, site.block if plain else 1)


def transposed_windows(x: Shape, w: Shape, attributes: Mapping[str, Any]) -> Windows:
    """The windows over the *result* that the pixels of x are spread to; `out` is its size."""
    sizes, n = need_spatial(x), len(x) - 2
    kernel = w[2:]
    strides = per_axis(attributes.get("strides"), n, 1, "strides")
    dilations = per_axis(attributes.get("dilations"), n, 1, "dilations")
    added = per_axis(attributes.get("output_padding"), n, 0, "output paddings")
    extent, auto_pad = extents(kernel, dilations), attributes.get("auto_pad") or ""
    full = [(i - 1) * s + e + a for i, s, e, a in zip(sizes, strides, extent, added, strict=True)]
    wanted = attributes.get("output_shape") or (
        [i * s for i, s in zip(sizes, strides, strict=True)] if auto_pad[:4] == "same" else None
    )
    if wanted is not None:
        wanted = per_axis(wanted[-n:], n, 1, "output sizes")
        total = [max(f - size, 0) for f, size in zip(full, wanted, strict=True)]
        before, after = halves(total, more_after=auto_pad == "same_upper")
    else:
        pads = attributes.get("pads") if not auto_pad else None
        both = per_axis(pads, 2 * n, 0, "paddings")
        before, after = both[:n], both[n:]
    out = tuple(f - p - q for f, p, q in zip(full, before, after, strict=True))
    if min(out, default=1) < 1:
        raise InputError(
            f"found a result of {format_shape(out)} pixels, allowed at least 1 an axis"
        )
    return Windows(kernel, strides, dilations, before, after, out)


def conv_transpose_shape(x: Shape, w: Shape, b: Shape | None = None, **attributes: Any) -> Shape:
    groups = attributes.get("groups", 1)
    need_spatial(x)
    results = w[1] * groups if len(w) > 1 else 0
    _check(x, w, b, w[0] if w else 0, results, groups)
    return (x[0], results, *transposed_windows(x, w, attributes).out)


def conv_transpose(
    x: np.ndarray, w: np.ndarray, b: np.ndarray | None = None, **attributes: Any
) -> np.ndarray:
    """y[n,k, i s + u d - p, j s + v d - p] += w[c,k,u,v] x[n,c,i,j], from b[k] on.

    x (N, C, H, W), w (C, K/groups, h, w), b (K,) -> (N, K, ...) of (H - 1) s + (h - 1) d + 1
    + output_padding - pads pixels.
    """
    shape = conv_transpose_shape(x.shape, w.shape, None if b is None else b.shape, **attributes)
    at, groups = transposed_windows(x.shape, w.shape, attributes), attributes.get("groups", 1)
    n, sizes = x.shape[0], x.shape[2:]
    full = [o + p + q for o, p, q in zip(at.out, at.before, at.after, strict=True)]
    y = np.zeros((n, shape[1], *full), np.float32)
    if b is not None:
        y += along(b, 1, y.ndim)
    pixels = x.reshape(n, groups, x.shape[1] // groups, -1)
    for tap in taps(at.kernel):
        matrix = w[_of(2, tap)].reshape(groups, pixels.shape[2], -1)
        spread = np.swapaxes(matrix, 1, 2) @ pixels
        y[_seen(tap, at, sizes)] += spread.reshape(n, shape[1], *sizes)
    return np.asarray(y[_inner(at.before, at.out)], order="C")


def conv_transpose_multiply_adds(y: Shape, x: Shape, w: Shape, *_: Any, **__: Any) -> int:
    return math.prod(x) * math.prod(w[1:])


def conv_transpose_scale(
    w: np.ndarray, factors: np.ndarray, *, groups: int = 1, **_: Any
) -> np.ndarray:
    """Weights (C, K/groups, h, w) times a factor (K,) for each channel of the result.

    The results of axis 1 belong to the group of axis 0.
    """
    parts = w.reshape(groups, -1, *w.shape[1:])
    each = factors.reshape(groups, 1, w.shape[1], *[1] * (w.ndim - 2))
    return (parts * each).reshape(w.shape)


def _conv_transpose_span(site: Site, axis: int) -> Span:
    """Result j comes from all i with 0 <= j + p - i s < extent."""
    w = site.shapes[1]
    assert w is not None
    at = transposed_windows(site.x, w, site.attributes)
    s, j = at.strides[axis], np.arange(at.out[axis]) + at.before[axis]
    return Span(Fraction(1, s), -((at.extent[axis] - 1 - j) // s), j // s)


_CONV = {**WINDOW, "groups": COUNT}

OPERATORS = {
    "conv": Operator(
        conv, conv_shape, Sliding(_conv_span), ("x", "w", "b?"), _CONV,
        multiply_adds=conv_multiply_adds, scale=conv_scale,
        fast=Fast("convolution.prepare", clamps=True, adds=True),
    ),
    "conv_transpose": Operator(
        conv_transpose, conv_transpose_shape, Sliding(_conv_transpose_span), ("x", "w", "b?"),
        {**_CONV, "output_padding": PADS, "output_shape": SIZES},
        multiply_adds=conv_transpose_multiply_adds, scale=conv_transpose_scale,
        fast=Fast("transposed.prepare", clamps=True, adds=True),
    ),
}  # fmt: skip
