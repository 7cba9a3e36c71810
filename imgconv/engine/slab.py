"""A layer on a few rows of its image: what its attributes are there.

Where the rows are cut out of a larger image, nothing is padded: what lies beyond is not zero, and
the rows that saw the cut are left away. At the image's own top and bottom all stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np

from .graph import Node
from .operators.convolution import transposed_windows
from .operators.reach import Shape
from .operators.resizing import scales_and_sizes
from .operators.slicing import paddings, slices
from .operators.sliding import windows

ROWS = 2  # the axis that they are, of (N, C, H, W)


@dataclass(frozen=True)
class Slab:
    """A node for rows of its first input; `first` is the row of the whole result that the first
    row of its result is."""

    node: Node
    first: int


@dataclass(frozen=True)
class Site:
    """Rows begin ... end of the first input, whose whole shape is `shape`; values: the other
    inputs, None where one is left out."""

    node: Node
    shape: Shape
    weights: Shape | None
    values: list[Any]
    begin: int
    end: int

    @property
    def top(self) -> bool:
        return self.begin == 0

    @property
    def bottom(self) -> bool:
        return self.end == self.shape[ROWS]

    def ends(self, before: int, after: int) -> tuple[int, int]:
        """What is padded at the image's own ends alone."""
        return before if self.top else 0, after if self.bottom else 0

    def given(self, index: int, name: str) -> Any:
        """An input that is a known value, or the attribute that stands for it."""
        value = self.values[index] if index < len(self.values) else None
        return self.node.attributes.get(name) if value is None else value

    def made(self, first: int, inputs: tuple[str, ...] = (), **attributes: Any) -> Slab:
        """The node with other attributes (None: without one) and inputs."""
        rest = {**self.node.attributes, **attributes}
        kept = {name: value for name, value in rest.items() if value is not None}
        return Slab(replace(self.node, attributes=kept, inputs=inputs or self.node.inputs), first)


def cut(
    node: Node, shape: Shape, tensors: Mapping[str, np.ndarray], begin: int, end: int
) -> Slab | None:
    """The node for rows begin ... end of its first input, whose whole shape is (N, C, H, W).

    None: a layer that slides over rows in a way that is not known here.
    """
    found = CUTS.get(node.operator)
    values = [tensors.get(name) if name else None for name in node.inputs]
    weights = values[1].shape if len(values) > 1 and values[1] is not None else None
    return found(Site(node, shape, weights, values, begin, end)) if found else None


def unit(node: Node, step: Fraction) -> int:
    """Rows of which a slab has to begin and end at multiples, so that its pattern is that of the
    whole image; step: rows of the image from one of the result to the next."""
    return step.numerator if node.operator in ("resize", "pixel_unshuffle") else 1


def _slide(at: Site) -> Slab:
    """Convolutions and pools."""
    a = at.node.attributes
    kernel = a.get("kernel") or (at.weights or ())[2:]
    found = windows(
        at.shape[2:], kernel, a.get("strides"), a.get("dilations"), a.get("pads"),
        a.get("auto_pad") or "", bool(a.get("ceil")),
    )  # fmt: skip
    top, bottom = at.ends(found.before[0], found.after[0])
    first = 0 if at.top else (at.begin + found.before[0]) // found.strides[0]
    return at.made(first, pads=[top, found.before[1], bottom, found.after[1]], auto_pad=None)


def _spread(at: Site) -> Slab:
    """Transposed convolutions."""
    assert at.weights is not None
    a = dict(at.node.attributes)
    found = transposed_windows(at.shape, at.weights, a)
    added = list(a.get("output_padding") or (0, 0))
    top, bottom = at.ends(found.before[0], found.after[0])
    first = 0 if at.top else at.begin * found.strides[0] - found.before[0]
    return at.made(
        first, pads=[top, found.before[1], bottom, found.after[1]], auto_pad=None,
        output_shape=None, output_padding=[added[0] if at.bottom else 0, added[1]],
    )  # fmt: skip


def _resize(at: Site) -> Slab | None:
    a = {k: v for k, v in at.node.attributes.items() if k not in ("scales", "sizes")}
    factors, _ = scales_and_sizes(at.shape, at.given(1, "scales"), at.given(2, "sizes"), **a)
    first = at.begin * factors[ROWS]
    if first != int(first):
        return None
    return at.made(
        int(first), at.node.inputs[:1], scales=[float(f) for f in factors], sizes=None, axes=None,
        keep=None,
    )  # fmt: skip


def _pad(at: Site) -> Slab:
    before, after = paddings(at.shape, at.given(1, "pads"), at.given(3, "axes"))
    top, bottom = at.ends(before[ROWS], after[ROWS])
    pads = [*before[:ROWS], top, *before[ROWS + 1 :], *after[:ROWS], bottom, *after[ROWS + 1 :]]
    value = at.node.inputs[2:3]
    return at.made(
        0 if at.top else at.begin + before[ROWS],
        (at.node.inputs[0], "", *value) if value else at.node.inputs[:1],
        pads=[int(p) for p in pads], axes=None,
    )  # fmt: skip


def _slice(at: Site) -> Slab | None:
    names = ("starts", "ends", "axes", "steps")
    parts = [
        part.indices(n)
        for part, n in zip(
            slices(at.shape, *(at.given(i, name) for i, name in enumerate(names, 1))),
            at.shape,
            strict=True,
        )
    ]
    if any(step < 0 for _, _, step in parts):
        return None
    start, _, step = parts[ROWS]
    parts[ROWS] = (0, at.end - at.begin, step)
    starts, ends, steps = (list(one) for one in zip(*parts, strict=True))
    return at.made(
        (at.begin - start) // step, at.node.inputs[:1], starts=starts, ends=ends,
        axes=list(range(len(parts))), steps=steps,
    )  # fmt: skip


def _shuffle(at: Site) -> Slab:
    return at.made(at.begin * at.node.attributes["block"])


def _unshuffle(at: Site) -> Slab:
    return at.made(at.begin // at.node.attributes["block"])


CUTS: dict[str, Callable[[Site], Slab | None]] = {
    "conv": _slide, "max_pool": _slide, "average_pool": _slide, "l2_pool": _slide,
    "conv_transpose": _spread, "resize": _resize, "pad": _pad, "slice": _slice,
    "pixel_shuffle": _shuffle, "pixel_unshuffle": _unshuffle,
}  # fmt: skip
