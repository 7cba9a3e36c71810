"""Sliding windows: output sizes and paddings of convolutions and pools, in any dimension."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from imgconv.errors import InputError

from .axes import format_shape
from .operator import PADS, SIZES, choice
from .reach import Shape, Span

AUTO_PAD = choice("", "same_upper", "same_lower", "valid")
WINDOW = {"strides": SIZES, "dilations": SIZES, "pads": PADS, "auto_pad": AUTO_PAD}


@dataclass(frozen=True)
class Windows:
    """Per spatial axis: window taps, step, distance of taps, padding on both sides, results."""

    kernel: Shape
    strides: Shape
    dilations: Shape
    before: Shape
    after: Shape
    out: Shape

    @property
    def extent(self) -> Shape:
        """Input pixels from the first to the last tap: (k - 1) * dilation + 1."""
        return extents(self.kernel, self.dilations)


def span(at: Windows, axis: int, block: int = 1) -> Span:
    """Result i reads i s - p ... i s - p + extent - 1; in blocks: all that any of a block reads."""
    s, i = at.strides[axis], np.arange(at.out[axis])
    first = i // block * block * s - at.before[axis]
    return Span(Fraction(s), first, first + (block - 1) * s + at.extent[axis] - 1)


def extents(kernel: Sequence[int], dilations: Sequence[int]) -> Shape:
    return tuple((k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True))


def per_axis(values: Sequence[int] | None, axes: int, default: int, name: str) -> Shape:
    """One whole number for each of `axes` axes."""
    if not values:
        return (default,) * axes
    if len(values) != axes:
        raise InputError(f"found {len(values)} {name}, allowed {axes}: one for each axis")
    return tuple(int(value) for value in values)


def windows(
    sizes: Shape,
    kernel: Sequence[int],
    strides: Sequence[int] | None = None,
    dilations: Sequence[int] | None = None,
    pads: Sequence[int] | None = None,
    auto_pad: str = "",
    ceil: bool = False,
) -> Windows:
    """Where the windows lie over an input of `sizes` (spatial axes only).

    out = floor((size + before + after - extent) / stride) + 1; with `ceil` rounded up, without
    windows that begin in the padding at the end (PyTorch, ONNX from version 19 on).
    """
    n = len(sizes)
    kernel = per_axis(kernel, n, 1, "kernel sizes")
    strides = per_axis(strides, n, 1, "strides")
    dilations = per_axis(dilations, n, 1, "dilations")
    before, after = paddings(sizes, kernel, strides, dilations, pads, auto_pad)
    out = []
    extent = extents(kernel, dilations)
    for size, e, s, b, a in zip(sizes, extent, strides, before, after, strict=True):
        count = (size + b + a - e + (s - 1 if ceil else 0)) // s + 1
        out.append(count - (ceil and (count - 1) * s >= size + b))
    if min(out, default=1) < 1 and min(sizes) > 0:
        most = [sum(t) for t in zip(sizes, before, after, strict=True)]
        raise InputError(
            f"found a window reaching over {format_shape(extent)} pixels, allowed at most the "
            f"input with its padding, {format_shape(most)}"
        )
    return Windows(kernel, strides, dilations, before, after, tuple(max(0, c) for c in out))


def paddings(
    sizes: Shape,
    kernel: Shape,
    strides: Shape,
    dilations: Shape,
    pads: Sequence[int] | None,
    auto_pad: str,
) -> tuple[Shape, Shape]:
    """Zeros before and after each axis; `same` pads so that out = ceil(size / stride)."""
    n = len(sizes)
    if auto_pad not in ("same_upper", "same_lower"):
        both = per_axis(pads if not auto_pad else None, 2 * n, 0, "paddings")
        return both[:n], both[n:]
    total = [
        max((-(-size // s) - 1) * s + e - size, 0)
        for size, s, e in zip(sizes, strides, extents(kernel, dilations), strict=True)
    ]
    return halves(total, more_after=auto_pad == "same_upper")


def halves(total: Sequence[int], more_after: bool) -> tuple[Shape, Shape]:
    """Paddings in two; where one is odd, the larger half after (or before)."""
    small, large = tuple(t // 2 for t in total), tuple(t - t // 2 for t in total)
    return (small, large) if more_after else (large, small)


def need_spatial(x: Shape) -> Shape:
    """The spatial axes of (N, C, ...)."""
    if len(x) < 3:
        raise InputError(
            f"found an input of shape {format_shape(x)}, allowed (batch, channels, height, width), "
            "or another number of axes from 3 on"
        )
    return x[2:]
