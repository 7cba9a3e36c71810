"""A graph under construction: values, constants and nodes, each with a name of its own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from imgconv.engine.builder import Builder


class Unsupported(Exception):
    """Why one operation cannot be exported, in a few words."""


@dataclass(frozen=True)
class Value:
    """What the network computes: its name, and PyTorch's stand-in for it.

    The stand-in is a tensor without numbers, or an integer that depends on the input's size: that
    one is a vector of one number in the graph.
    """

    name: str
    like: Any

    @property
    def shape(self) -> tuple[Any, ...]:
        return tuple(self.like.shape)

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def is_size(self) -> bool:
        return not isinstance(self.like, Tensor)


Operand = Value | Tensor | str | float | None
"""A value, a constant tensor, the name of a value, a number, or an input left out."""


class Building(Builder):
    """The graph so far; a tensor that several layers share is kept once."""

    def __init__(self) -> None:
        super().__init__()
        self.names: dict[Any, str] = {}  # of tensors by identity, of numbers
        self.kept: list[Tensor] = []  # so that no identity is given twice

    def tensor(self, tensor: Tensor, wanted: str) -> str:
        """The name of a tensor."""
        if id(tensor) not in self.names:
            if tensor.is_complex() or tensor.dtype == torch.bool:
                raise Unsupported(f"has {str(tensor.dtype).removeprefix('torch.')} constants")
            wide = tensor.detach().cpu()
            array = (wide.float() if wide.is_floating_point() else wide).numpy()
            self.names[id(tensor)] = self.constant(array, wanted)
            self.kept.append(tensor)
        return self.names[id(tensor)]

    def number(self, number: float, integer: bool) -> str:
        """The name of a number: float32 (), or int64 (1,) to compute with sizes."""
        if (number, integer) not in self.names:
            array = np.array([number], np.int64) if integer else np.array(number, np.float32)
            self.names[number, integer] = self.constant(array, "number")
        return self.names[number, integer]


@dataclass(frozen=True)
class Call:
    """One operation of the traced network, as its converter sees it."""

    building: Building
    name: str  # of its result
    layer: str
    weights: dict[int, str]  # tensors of the module: identity -> name

    def operand(self, given: Operand, integer: bool = False) -> str:
        """The name that stands for an operand."""
        if isinstance(given, Value):
            return given.name
        if isinstance(given, Tensor):
            return self.building.tensor(
                given, self.weights.get(id(given), f"{self.layer}.constant")
            )
        if isinstance(given, str):
            return given
        return "" if given is None else self.building.number(given, integer)

    def add(self, operator: str, *operands: Operand, **attributes: Any) -> str:
        """A new node; returns the name of its result."""
        return self.add_many(operator, 1, *operands, **attributes)[0]

    def add_many(
        self, operator: str, count: int, *operands: Operand, **attributes: Any
    ) -> tuple[str, ...]:
        """The same for a node with several results."""
        inputs = [self.operand(operand) for operand in operands]
        return self.building.add_several(
            operator, inputs, attributes, count=count, wanted=self.name, layer=self.layer
        )

    def vector(self, sizes: Iterable[Value | int]) -> list[int] | str:
        """Sizes as an attribute; as the name of a vector where some depend on the input's size."""
        parts = list(sizes)
        if not any(isinstance(part, Value) for part in parts):
            return [int(part) for part in parts]  # type: ignore[arg-type]
        return self.add("concat", *[self.operand(part, integer=True) for part in parts], axis=0)

    def with_sizes(
        self, operator: str, x: Operand, sizes: Iterable[Value | int], key: str, **attributes: Any
    ) -> str:
        """A node whose second input, or attribute `key`, is a list of sizes."""
        found = self.vector(sizes)
        if isinstance(found, str):
            return self.add(operator, x, found, **attributes)
        return self.add(operator, x, **{key: found}, **attributes)


def open_size(size: Any) -> bool:
    """Whether a size depends on the input's."""
    return not isinstance(size, int)


def is_same(one: Any, other: Any) -> bool:
    """Whether two sizes are equal for every size of the input."""
    return str(one) == str(other)


def number(given: Any, what: str) -> float:
    """A plain number; Unsupported where it is computed."""
    if isinstance(given, Tensor) and given.numel() == 1:
        return float(given)
    if isinstance(given, Value | Tensor):
        raise Unsupported(f"has a {what} that is computed")
    return given
