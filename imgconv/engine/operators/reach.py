"""Which samples of its inputs a result is computed from: what every operator states.

A network is computed in tiles, and a tile has to hold all that its results depend on. An operator
says it in one of four ways: `POINTWISE`, `Sliding`, `Axes` or `NOTHING`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

Shape = tuple[int, ...]


class NotLocal(Exception):
    """A result depends on the whole image, or on where in the image it lies; str() says why."""


@dataclass(frozen=True)
class Span:
    """Along rows or columns, result i reads samples first[i] ... last[i], int64 (n,); what is
    outside is padding.

    step: how far the samples read move from one result to the next.
    """

    step: Fraction
    first: np.ndarray
    last: np.ndarray


@dataclass(frozen=True)
class Site:
    """An operator where its shapes are known: of its inputs, of its result; None is an input left
    out, or a value that is known only while the network runs."""

    attributes: Mapping[str, Any]
    shapes: Sequence[Shape | None]
    values: Sequence[Any]
    out: Shape
    block: int = 1  # results of a 3x3 convolution that are computed together

    @property
    def x(self) -> Shape:
        """The first input."""
        shape = self.shapes[0]
        assert shape is not None
        return shape

    def argument(self, index: int, name: str) -> Any:
        """An input that is a known value, or the attribute that stands for it."""
        value = self.values[index] if index < len(self.values) else None
        return self.attributes.get(name) if value is None else value

    def but(self, *names: str) -> dict[str, Any]:
        """The attributes without those that stand for inputs."""
        return {name: value for name, value in self.attributes.items() if name not in names}


@dataclass(frozen=True)
class Pointwise:
    """A result reads the samples at its own place, of inputs that lie over each other."""

    joins: str = ""  # the attribute that names the axis along which inputs are put together


@dataclass(frozen=True)
class Sliding:
    """A result reads a range of rows and a range of columns of its first input.

    span(site, axis): along rows (0) or columns (1); NotLocal where it is no neighbourhood.
    """

    span: Callable[[Site, int], Span]


@dataclass(frozen=True)
class Axes:
    """Some axes stay as they are; a result reads its first input whole along all others.

    origins(site): for every axis of the result the axis of the input that it is, or None.
    """

    origins: Callable[[Site], list[int | None]]


@dataclass(frozen=True)
class Nothing:
    """A result reads sizes and constants, no sample."""


Reach = Pointwise | Sliding | Axes | Nothing

POINTWISE, NOTHING = Pointwise(), Nothing()
WHOLE = Axes(lambda site: [None] * len(site.out))


def over(axes: Callable[[Site], Iterable[int]]) -> Axes:
    """The reach of what works along these axes and leaves all others as they are.

    Axes that it takes away are missing in the result.
    """

    def origins(site: Site) -> list[int | None]:
        rank = len(site.x)
        worked = {axis % rank for axis in axes(site)}
        kept = [None if axis in worked else axis for axis in range(rank)]
        return kept if len(site.out) == rank else [axis for axis in kept if axis is not None]

    return Axes(origins)


def over_axis(default: int) -> Axes:
    """The reach of what works along the axis that the attribute `axis` names."""
    return over(lambda site: [site.attributes.get("axis", default)])


CHANNELS = over(lambda site: [1])
