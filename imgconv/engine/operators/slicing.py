"""Parts of an array, and more around it: slice, gather, pad, pixel shuffle."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from imgconv.errors import InputError

from .axes import axis_of, format_shape, to_integers
from .operator import AXES, AXIS, COUNT, INTEGERS, NUMBER, WIDEST, Operator, choice, wholes
from .reach import Axes, NotLocal, Shape, Site, Sliding, Span
from .sliding import need_spatial


def slices(x: Shape, starts: Any, ends: Any, axes: Any, steps: Any) -> list[slice]:
    """ONNX's positions, counted from the end where negative, clamped into the axis."""
    first, last = to_integers(starts), to_integers(ends)
    at = list(range(len(first))) if axes is None else to_integers(axes)
    by = [1] * len(first) if steps is None else to_integers(steps)
    if not len(first) == len(last) == len(at) == len(by):
        raise InputError(
            f"found {len(first)} starts, {len(last)} ends, {len(at)} axes and {len(by)} steps, "
            "allowed as many of each"
        )
    found = [slice(None)] * len(x)
    for start, end, axis, step in zip(first, last, at, by, strict=True):
        if step == 0:
            raise InputError("found a step of 0, allowed any other")
        axis = axis_of(axis, len(x))
        n = x[axis]
        low, high = (0, n) if step > 0 else (-1, n - 1)
        start, end = (min(max(p + n if p < 0 else p, low), high) for p in (start, end))
        if step < 0:  # NumPy knows no end before the first, only none
            found[axis] = slice(max(start, 0) if n else 0, None if end < 0 else end, step)
        else:
            found[axis] = slice(start, end, step)
    return found


def slice_shape(x: Shape, starts: Any, ends: Any, axes: Any = None, steps: Any = None) -> Shape:
    parts = slices(x, starts, ends, axes, steps)
    return tuple(len(range(*part.indices(n))) for part, n in zip(parts, x, strict=True))


def slice_(
    x: np.ndarray, starts: Any, ends: Any, axes: Any = None, steps: Any = None
) -> np.ndarray:
    """x[start:end:step] on the given axes, all others whole.

    starts, ends, axes and steps: (n,) each; without axes the first n.
    """
    return np.asarray(x[tuple(slices(x.shape, starts, ends, axes, steps))], order="C")


def gather_shape(x: Shape, indices: Shape, *, axis: int = 0) -> Shape:
    at = axis_of(axis, len(x))
    return (*x[:at], *indices, *x[at + 1 :])


def gather(x: np.ndarray, indices: np.ndarray, *, axis: int = 0) -> np.ndarray:
    """y[..., i, ...] = x[..., indices[i], ...] on the axis; negative ones count from the end.

    The axes of the indices, as many as they have, take the place of this one.
    """
    n = x.shape[axis_of(axis, x.ndim)]
    if indices.size and not -n <= indices.min() <= indices.max() < n:
        raise InputError(f"found an index of {indices.max()}, allowed {-n} to {n - 1}")
    return np.take(x, indices.astype(np.int64), axis)


def paddings(x: Shape, pads: Any, axes: Any) -> tuple[list[int], list[int]]:
    """Places to add before and after each axis of x, negative where some are taken away.

    pads: (2 n,), before each of the n axes, then after each.
    """
    found = to_integers(pads)
    at = list(range(len(x))) if axes is None else [axis_of(a, len(x)) for a in to_integers(axes)]
    if len(found) != 2 * len(at):
        raise InputError(f"found {len(found)} paddings, allowed {2 * len(at)}: two for each axis")
    before, after = [0] * len(x), [0] * len(x)
    for i, axis in enumerate(at):
        before[axis], after[axis] = found[i], found[i + len(at)]
    return before, after


def pad_shape(
    x: Shape, pads: Any, value: Any = None, axes: Any = None, *, mode: str = "constant"
) -> Shape:
    before, after = paddings(x, pads, axes)
    out = tuple(n + p + q for n, p, q in zip(x, before, after, strict=True))
    for n, p, q in zip(x, before, after, strict=True):
        taken = max(-p, 0) + max(-q, 0)
        if max(abs(p), abs(q)) > WIDEST or taken > n or (n == 0 < p + q and mode != "constant"):
            raise InputError(f"found paddings {p} and {q} of an axis of {n}")
    return out


def pad(
    x: np.ndarray, pads: Any, value: Any = None, axes: Any = None, *, mode: str = "constant"
) -> np.ndarray:
    """(A, B) -> (p + A + q, r + B + s): x with more around it; negative paddings take away.

    pads: as `paddings` reads them. mode, of abcd: constant: value, 0 unless given; edge: aaabcd;
    reflect: cbabcdcb; wrap: bcdabcdab.
    """
    pad_shape(x.shape, pads, value, axes, mode=mode)
    before, after = paddings(x.shape, pads, axes)
    cut = tuple(
        slice(max(-p, 0), n - max(-q, 0)) for n, p, q in zip(x.shape, before, after, strict=True)
    )
    widths = [(max(p, 0), max(q, 0)) for p, q in zip(before, after, strict=True)]
    if mode != "constant":
        return np.pad(x[cut], widths, mode=mode)  # type: ignore[call-overload]
    fill = 0 if value is None else np.asarray(value).reshape(-1)[0]
    return np.pad(x[cut], widths, constant_values=fill)


def pixel_shuffle_shape(x: Shape, *, block: int, order: str = "CRD") -> Shape:
    spatial = need_spatial(x)
    if x[1] % block ** len(spatial):
        raise InputError(
            f"found {x[1]} channels, allowed multiples of {block ** len(spatial)} "
            f"for blocks of {block}"
        )
    return (x[0], x[1] // block ** len(spatial), *(n * block for n in spatial))


def pixel_shuffle(x: np.ndarray, *, block: int, order: str = "CRD") -> np.ndarray:
    """y[n, c, i r + u, j r + v] = x[n, c r^2 + u r + v, i, j], r the block (CRD, PyTorch).

    DCR: x[n, (u r + v) C + c, i, j], C the channels of the result (ONNX DepthToSpace).
    """
    n, c, *spatial = pixel_shuffle_shape(x.shape, block=block, order=order)
    s = len(spatial)
    blocks = (c, *(block,) * s) if order == "CRD" else (*(block,) * s, c)
    parts = x.reshape(n, *blocks, *x.shape[2:])
    channel, first = (1, 2) if order == "CRD" else (1 + s, 1)
    mixed = [axis for a in range(s) for axis in (2 + s + a, first + a)]
    return parts.transpose(0, channel, *mixed).reshape(n, c, *spatial)


def pixel_unshuffle_shape(x: Shape, *, block: int, order: str = "CRD") -> Shape:
    spatial = need_spatial(x)
    if any(n % block for n in spatial):
        raise InputError(f"found {format_shape(spatial)} pixels, allowed multiples of {block}")
    return (x[0], x[1] * block ** len(spatial), *(n // block for n in spatial))


def pixel_unshuffle(x: np.ndarray, *, block: int, order: str = "CRD") -> np.ndarray:
    """The inverse of pixel_shuffle: y[n, c r^2 + u r + v, i, j] = x[n, c, i r + u, j r + v].

    DCR: y[n, (u r + v) C + c, i, j], C the channels of x (ONNX SpaceToDepth).
    """
    shape = pixel_unshuffle_shape(x.shape, block=block, order=order)
    s = x.ndim - 2
    parts = x.reshape(*x.shape[:2], *(n for size in shape[2:] for n in (size, block)))
    outer, inner = [2 + 2 * a for a in range(s)], [3 + 2 * a for a in range(s)]
    channels = [1, *inner] if order == "CRD" else [*inner, 1]
    return parts.transpose(0, *channels, *outer).reshape(shape)


def _slice_span(site: Site, axis: int) -> Span:
    names = ("starts", "ends", "axes", "steps")
    given = [site.argument(i, name) for i, name in enumerate(names, 1)]
    start, _, step = slices(site.x, *given)[2 + axis].indices(site.x[2 + axis])
    if step < 0:
        raise NotLocal("turns the image around")
    at = start + step * np.arange(site.out[2 + axis])
    return Span(Fraction(step), at, at)


def _gather_origins(site: Site) -> list[int | None]:
    """The axes of the indices stand where the axis was."""
    rank, new = len(site.x), len(site.out) - len(site.x) + 1
    axis = axis_of(site.attributes.get("axis", 0), rank)
    return [*range(axis), *[None] * new, *range(axis + 1, rank)]


def _pad_span(site: Site, axis: int) -> Span:
    before, after = paddings(site.x, site.argument(1, "pads"), site.argument(3, "axes"))
    p, q, n = before[2 + axis], after[2 + axis], site.x[2 + axis]
    at = np.arange(site.out[2 + axis]) - p
    mode = site.attributes.get("mode", "constant")
    if mode == "wrap" and max(p, q) > 0:
        raise NotLocal("pads with the other side of the image")
    if mode != "reflect" or max(p, q) <= 0:
        return Span(Fraction(1), at, at)
    if max(p, q) >= n:
        raise NotLocal(f"reflects {max(p, q)} pixels of {n}")
    return Span(Fraction(1), np.minimum(at, 2 * (n - 1) - at), np.maximum(at, -at))


def _shuffle_span(site: Site, axis: int) -> Span:
    block = site.attributes["block"]
    at = np.arange(site.out[2 + axis]) // block
    return Span(Fraction(1, block), at, at)


def _unshuffle_span(site: Site, axis: int) -> Span:
    block = site.attributes["block"]
    first = np.arange(site.out[2 + axis]) * block
    return Span(Fraction(block), first, first + block - 1)


_BLOCK = {"block": COUNT, "order": choice("CRD", "DCR")}
_SIGNED = wholes(-WIDEST, WIDEST)

OPERATORS = {
    "slice": Operator(
        slice_, slice_shape, Sliding(_slice_span), ("x", "starts?", "ends?", "axes?", "steps?"),
        {"starts": INTEGERS, "ends": INTEGERS, "axes": AXES, "steps": INTEGERS},
        required=("starts", "ends"), reads=("starts", "ends", "axes", "steps"),
    ),
    "gather": Operator(
        gather, gather_shape, Axes(_gather_origins), ("x", "indices"), {"axis": AXIS}
    ),
    "pad": Operator(
        pad, pad_shape, Sliding(_pad_span), ("x", "pads?", "value?", "axes?"),
        {"pads": _SIGNED, "value": NUMBER, "axes": AXES,
         "mode": choice("constant", "reflect", "edge", "wrap")},
        required=("pads",), reads=("pads", "axes"),
    ),
    "pixel_shuffle": Operator(
        pixel_shuffle, pixel_shuffle_shape, Sliding(_shuffle_span), ("x",), _BLOCK,
        required=("block",),
    ),
    "pixel_unshuffle": Operator(
        pixel_unshuffle, pixel_unshuffle_shape, Sliding(_unshuffle_span), ("x",), _BLOCK,
        required=("block",),
    ),
}  # fmt: skip
