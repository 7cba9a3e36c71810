"""Which samples of its input each sample of an operator's result is computed from.

Everything here is about one axis, rows (0) or columns (1): images are taken apart into tiles, and
a rule says for every result i the first and the last sample it reads.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from .graph import Node
from .operators.convolution import conv_windows, transposed_windows
from .operators.operator import Shape
from .operators.pooling import pool_windows
from .operators.resizing import scales_and_sizes, taps, whole_scale
from .operators.slicing import paddings, slices
from .operators.sliding import Windows


class NotLocal(Exception):
    """A result depends on the whole image, or on where in the image it lies; str() says why."""


@dataclass(frozen=True)
class Span:
    """Result i reads samples first[i] ... last[i], int64 (n,); what is outside is padding.

    step: how far the samples read move from one result to the next.
    """

    step: Fraction
    first: np.ndarray
    last: np.ndarray


@dataclass(frozen=True)
class Site:
    """A node where its shapes are known: of its inputs, of its result; small values as arrays."""

    node: Node
    shapes: Sequence[Shape | None]
    values: Sequence[Any]
    out: Shape
    block: int  # results of a 3x3 convolution that are computed together

    def argument(self, index: int, name: str) -> Any:
        """An input that is a known value, or the attribute that stands for it."""
        value = self.values[index] if index < len(self.values) else None
        return self.node.attributes.get(name) if value is None else value


def _sliding(at: Windows, axis: int, block: int = 1) -> Span:
    """i s - p ... i s - p + extent - 1; in blocks: all that any result of the block reads."""
    s, i = at.strides[axis], np.arange(at.out[axis])
    first = i // block * block * s - at.before[axis]
    return Span(Fraction(s), first, first + (block - 1) * s + at.extent[axis] - 1)


def conv(site: Site, axis: int) -> Span:
    x, w = site.shapes[:2]
    assert x is not None and w is not None
    at = conv_windows(x, w, site.node.attributes)
    plain = (at.kernel, at.strides, at.dilations) == ((3, 3), (1, 1), (1, 1))
    return _sliding(at, axis, site.block if plain else 1)


def pool(site: Site, axis: int) -> Span:
    attributes, x = dict(site.node.attributes), site.shapes[0]
    assert x is not None
    return _sliding(pool_windows(x, attributes.pop("kernel"), attributes), axis)


def conv_transpose(site: Site, axis: int) -> Span:
    """Result j comes from all i with 0 <= j + p - i s < extent."""
    x, w = site.shapes[:2]
    assert x is not None and w is not None
    at = transposed_windows(x, w, site.node.attributes)
    s, j = at.strides[axis], np.arange(at.out[axis]) + at.before[axis]
    return Span(Fraction(1, s), -((at.extent[axis] - 1 - j) // s), j // s)


def pixel_shuffle(site: Site, axis: int) -> Span:
    block = site.node.attributes["block"]
    at = np.arange(site.out[2 + axis]) // block
    return Span(Fraction(1, block), at, at)


def pixel_unshuffle(site: Site, axis: int) -> Span:
    block = site.node.attributes["block"]
    first = np.arange(site.out[2 + axis]) * block
    return Span(Fraction(block), first, first + block - 1)


def resize(site: Site, axis: int) -> Span:
    attributes, x = dict(site.node.attributes), site.shapes[0]
    assert x is not None
    scales, sizes = site.argument(1, "scales"), site.argument(2, "sizes")
    for name in ("scales", "sizes", "roi"):
        attributes.pop(name, None)
    factors, out = scales_and_sizes(x, scales, sizes, **attributes)
    scale, size = factors[2 + axis], out[2 + axis]
    how = attributes.get("coordinates", "half_pixel")
    exact = whole_scale(scale) if scale > 0 else None
    if size == x[2 + axis] and scale == 1:
        return Span(Fraction(1), np.arange(size), np.arange(size))
    if exact is None or size * exact[1] != x[2 + axis] * exact[0]:
        raise NotLocal(f"resizes {x[2 + axis]} to {size}, which is no whole factor")
    if how in ("align_corners", "tf_crop_and_resize"):
        raise NotLocal(f"resizes with coordinates of the whole image ({how})")
    first, last = _taps_range(x[2 + axis], size, exact[0] / exact[1], attributes)
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


def pad(site: Site, axis: int) -> Span:
    x = site.shapes[0]
    assert x is not None
    before, after = paddings(x, site.argument(1, "pads"), site.argument(3, "axes"))
    p, q, n = before[2 + axis], after[2 + axis], x[2 + axis]
    at = np.arange(site.out[2 + axis]) - p
    mode = site.node.attributes.get("mode", "constant")
    if mode == "wrap" and max(p, q) > 0:
        raise NotLocal("pads with the other side of the image")
    if mode != "reflect" or max(p, q) <= 0:
        return Span(Fraction(1), at, at)
    if max(p, q) >= n:
        raise NotLocal(f"reflects {max(p, q)} pixels of {n}")
    return Span(Fraction(1), np.minimum(at, 2 * (n - 1) - at), np.maximum(at, -at))


def slice_(site: Site, axis: int) -> Span:
    x = site.shapes[0]
    assert x is not None
    names = ("starts", "ends", "axes", "steps")
    given = [site.argument(i, name) for i, name in enumerate(names, 1)]
    part = slices(x, *given)[2 + axis]
    start, _, step = part.indices(x[2 + axis])
    if step < 0:
        raise NotLocal("turns the image around")
    at = start + step * np.arange(site.out[2 + axis])
    return Span(Fraction(step), at, at)


RULES: dict[str, Callable[[Site, int], Span]] = {
    "conv": conv,
    "conv_transpose": conv_transpose,
    "max_pool": pool,
    "average_pool": pool,
    "l2_pool": pool,
    "resize": resize,
    "pixel_shuffle": pixel_shuffle,
    "pixel_unshuffle": pixel_unshuffle,
    "pad": pad,
    "slice": slice_,
}
