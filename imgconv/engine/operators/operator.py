"""What an operator of a network is: one record with all that is known of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .reach import Reach

WIDEST = 1 << 16  # of a window, a stride, a dilation, a padding: beyond it a file is damaged
RANK = 8


@dataclass(frozen=True)
class Kind:
    """The values an attribute may have: in words, and as a question."""

    allowed: str
    accepts: Callable[[Any], bool]


@dataclass(frozen=True)
class Clamp:
    """What is below 0 times `slope`, then held between `low` and `high`: the activations that a
    convolution can do while its sums are in registers."""

    slope: float = 1.0
    low: float = -math.inf
    high: float = math.inf

    @property
    def numbers(self) -> tuple[float, float, float]:
        """As kernels take it."""
        return self.slope, self.low, self.high


UNCLAMPED = Clamp()


@dataclass(frozen=True)
class Fast:
    """The form of an operator over blocks of channels.

    prepare: a function of engine/blocked, "pooling.prepare"; its module is imported with the
    first plan, since it needs compiled kernels. clamps: whether it does a Clamp on the way out;
    adds: whether it adds another value of the result's shape before that.
    """

    prepare: str
    clamps: bool = False
    adds: bool = False


@dataclass(frozen=True)
class Operator:
    """One entry of the table.

    apply(*inputs, **attributes) -> array or tuple of arrays, NumPy, any batch size. An input left
    out is None. shape(*shapes, **attributes) -> shape or tuple of shapes; for the inputs named in
    `reads` it gets the values themselves, because they are sizes, axes or positions.
    reach: which samples a result is computed from. multiply_adds(result shape, *shapes,
    **attributes) -> int, 0 where nothing is multiplied and summed.

    inputs: their names, "b?" may be left out, "x*" is one or more. An attribute named like an
    input stands for it.

    fast: its form over blocked channels, if it has one. clamp(*inputs, **attributes): the Clamp
    that it is, the first input being None; None of all that is more. scale(weights, factors,
    **attributes): its weights with every channel of the result times a factor. unchanged: the
    result is the first input.
    """

    apply: Callable[..., Any]
    shape: Callable[..., Any]
    reach: Reach
    inputs: tuple[str, ...]
    attributes: Mapping[str, Kind] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    outputs: int | None = 1
    multiply_adds: Callable[..., int] = lambda *_, **__: 0
    fast: Fast | None = None
    clamp: Callable[..., Clamp] | None = None
    scale: Callable[..., Any] | None = None
    unchanged: bool = False

    @property
    def variadic(self) -> bool:
        return self.inputs[-1].endswith("*")

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(name.rstrip("?*") for name in self.inputs)

    @property
    def least(self) -> int:
        return sum(not name.endswith("?") for name in self.inputs)


def _is_whole(value: Any, low: int, high: int) -> bool:
    return type(value) is int and low <= value <= high


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) < 1e300


def _is_list(value: Any, most: int) -> bool:
    return isinstance(value, list | tuple) and len(value) <= most


def whole(low: int, high: int) -> Kind:
    return Kind(f"a whole number from {low} to {high}", lambda v: _is_whole(v, low, high))


def wholes(low: int, high: int, most: int = 2 * RANK) -> Kind:
    return Kind(
        f"a list of at most {most} whole numbers from {low} to {high}",
        lambda v: _is_list(v, most) and all(_is_whole(one, low, high) for one in v),
    )


def choice(*words: str | int) -> Kind:
    return Kind("one of " + ", ".join(repr(word) for word in words), lambda v: v in words)


NUMBER = Kind("a finite number", _is_number)
NUMBERS = Kind(
    f"a list of at most {2 * RANK} finite numbers",
    lambda v: _is_list(v, 2 * RANK) and all(map(_is_number, v)),
)
POSITIVE = Kind("a finite number above 0", lambda v: _is_number(v) and v > 0)
FLAG = Kind("true or false", lambda v: type(v) in (bool, int) and v in (0, 1))
COUNT = whole(1, WIDEST)
AXIS = whole(-RANK, RANK - 1)
AXES = wholes(-RANK, RANK - 1, RANK)
SIZES = wholes(1, WIDEST, RANK)
PADS = wholes(0, WIDEST)
INTEGERS = wholes(-(1 << 63), (1 << 63) - 1)
