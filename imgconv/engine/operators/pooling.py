"""Pools: one number for each window, or for the whole of each channel."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from .axes import along
from .operator import COUNT, FLAG, SIZES, Fast, Operator
from .reach import WHOLE, Shape, Site, Sliding, Span
from .sliding import WINDOW, Windows, need_spatial, span, windows


def pool_shape(x: Shape, *, kernel: Sequence[int], **attributes: Any) -> Shape:
    return (*x[:2], *pool_windows(x, kernel, attributes).out)


def pool_windows(x: Shape, kernel: Sequence[int], attributes: Mapping[str, Any]) -> Windows:
    """The windows of a pool over x."""
    found = {name: attributes.get(name) for name in ("strides", "dilations", "pads")}
    auto_pad, ceil = attributes.get("auto_pad") or "", bool(attributes.get("ceil"))
    return windows(need_spatial(x), kernel, **found, auto_pad=auto_pad, ceil=ceil)


def _combine(x: np.ndarray, at: Windows, fill: float, combine: Callable[..., Any]) -> np.ndarray:
    """All taps of every window combined, one axis after the other.

    Outside the input lies `fill`, which changes nothing.
    """
    for i in range(len(at.out)):
        axis, d, s, n = x.ndim - len(at.out) + i, at.dilations[i], at.strides[i], at.out[i]
        after = max((n - 1) * s + at.extent[i] - at.before[i] - x.shape[axis], 0)
        widths = [(at.before[i], after) if a == axis else (0, 0) for a in range(x.ndim)]
        if any(widths[axis]):
            x = np.pad(x, widths, constant_values=fill)
        found = [
            x[(slice(None),) * axis + (slice(u * d, u * d + (n - 1) * s + 1, s),)]
            for u in range(at.kernel[i])
        ]
        result = found[0].copy()
        for other in found[1:]:
            combine(result, other, out=result)
        x = result
    return x


def max_pool(x: np.ndarray, *, kernel: Sequence[int], **attributes: Any) -> np.ndarray:
    """y[n,c,i,j] = max_uv x[n,c, i s + u d - p, j s + v d - p], over the pixels inside."""
    at = pool_windows(x.shape, kernel, attributes)
    return _combine(x, at, -np.inf, np.maximum)


def average_pool(
    x: np.ndarray, *, kernel: Sequence[int], count_include_pad: bool = False, **attributes: Any
) -> np.ndarray:
    """y[n,c,i,j] = sum_uv x[n,c, i s + u d - p, j s + v d - p] / (pixels counted).

    Counted are the pixels inside the input, or with count_include_pad those of its padding too
    (not those that only rounding up has added).
    """
    at = pool_windows(x.shape, kernel, attributes)
    y = _combine(x, at, 0.0, np.add)
    for i in range(len(at.out)):
        y /= along(count_taps(x.shape[2 + i], at, i, bool(count_include_pad)), 2 + i, y.ndim)
    return y


def count_taps(size: int, at: Windows, i: int, padding: bool) -> np.ndarray:
    """Taps of each window along axis i that fall on pixels that count, 1 for none: (out,)."""
    starts = np.arange(at.out[i]) * at.strides[i] - at.before[i]
    places = starts[:, None] + np.arange(at.kernel[i]) * at.dilations[i]
    low, high = (-at.before[i], size + at.after[i]) if padding else (0, size)
    return np.maximum(((places >= low) & (places < high)).sum(1), 1).astype(np.float32)


def l2_pool(
    x: np.ndarray, *, kernel: Sequence[int], p: int = 2, count_include_pad: bool = False, **a: Any
) -> np.ndarray:
    """y[n,c,i,j] = (sum_uv |x[n,c, i s + u d - p, j s + v d - p]|^p)^(1/p), p = 2 unless given."""
    return _root(_combine(_power(x, p), pool_windows(x.shape, kernel, a), 0.0, np.add), p)


def _power(x: np.ndarray, p: int) -> np.ndarray:
    return x * x if p == 2 else np.abs(x) ** np.float32(p)


def _root(sums: np.ndarray, p: int) -> np.ndarray:
    return np.sqrt(sums) if p == 2 else sums ** np.float32(1 / p)


def global_shape(x: Shape, **_: Any) -> Shape:
    return (*x[:2], *(1 for _ in need_spatial(x)))


def _spatial(x: np.ndarray) -> tuple[int, ...]:
    need_spatial(x.shape)
    return tuple(range(2, x.ndim))


def global_average_pool(x: np.ndarray) -> np.ndarray:
    """(N, C, H, W) -> (N, C, 1, 1): y[n,c] = mean_ij x[n,c,i,j]."""
    return x.mean(_spatial(x), dtype=np.float64, keepdims=True).astype(np.float32)


def global_max_pool(x: np.ndarray) -> np.ndarray:
    """(N, C, H, W) -> (N, C, 1, 1): y[n,c] = max_ij x[n,c,i,j]."""
    return x.max(_spatial(x), keepdims=True)


def global_l2_pool(x: np.ndarray, *, p: int = 2) -> np.ndarray:
    """(N, C, H, W) -> (N, C, 1, 1): y[n,c] = (sum_ij |x[n,c,i,j]|^p)^(1/p), p = 2 unless given."""
    sums = _power(x.astype(np.float64), p).sum(_spatial(x), keepdims=True)
    return (sums ** (1 / p)).astype(np.float32)


_POOL = {**WINDOW, "kernel": SIZES, "ceil": FLAG}
_COUNTING = {**_POOL, "count_include_pad": FLAG}


def _pool_span(site: Site, axis: int) -> Span:
    return span(pool_windows(site.x, site.attributes["kernel"], site.attributes), axis)


def _pool(apply: Callable[..., Any], attributes: dict[str, Any], fast: Fast | None) -> Operator:
    return Operator(
        apply, pool_shape, Sliding(_pool_span), ("x",), attributes, required=("kernel",), fast=fast
    )


_FAST = Fast("pooling.prepare")


OPERATORS = {
    "max_pool": _pool(max_pool, _POOL, _FAST),
    "average_pool": _pool(average_pool, _COUNTING, _FAST),
    "l2_pool": _pool(l2_pool, {**_COUNTING, "p": COUNT}, None),
    "global_average_pool": Operator(global_average_pool, global_shape, WHOLE, ("x",)),
    "global_max_pool": Operator(global_max_pool, global_shape, WHOLE, ("x",)),
    "global_l2_pool": Operator(global_l2_pool, global_shape, WHOLE, ("x",), {"p": COUNT}),
}
