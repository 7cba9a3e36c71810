"""A graph under construction: values, constants and nodes, each with a name of its own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from imgconv.engine.graph import Graph, Node

RESERVED = {"", "__metadata__"}  # an input left out; safetensors' own key


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


@dataclass
class Building:
    """Nodes and tensors so far."""

    taken: set[str] = field(default_factory=lambda: set(RESERVED))
    nodes: list[Node] = field(default_factory=list)
    tensors: dict[str, np.ndarray] = field(default_factory=dict)
    names: dict[Any, str] = field(default_factory=dict)  # of tensors by identity, of numbers
    kept: list[Tensor] = field(default_factory=list)  # so that no identity is given twice

    def unique(self, wanted: str) -> str:
        """`wanted`, or the first of wanted_1, wanted_2, ... that is free."""
        wanted = wanted.encode("utf-8", "replace").decode()
        name, count = wanted, 0
        while name in self.taken:
            count += 1
            name = f"{wanted}_{count}"
        self.taken.add(name)
        return name

    def keep(self, array: np.ndarray, wanted: str) -> str:
        """The name of a new constant: float32, or int64 for sizes and positions."""
        name = self.unique(wanted)
        dtype = np.float32 if array.dtype.kind == "f" else np.int64
        self.tensors[name] = np.ascontiguousarray(array, dtype).reshape(array.shape)
        return name

    def tensor(self, tensor: Tensor, wanted: str) -> str:
        """The name of a tensor; one that several layers share is kept once."""
        if id(tensor) not in self.names:
            if tensor.is_complex() or tensor.dtype == torch.bool:
                raise Unsupported(f"has {str(tensor.dtype).removeprefix('torch.')} constants")
            wide = tensor.detach().cpu()
            array = (wide.float() if wide.is_floating_point() else wide).numpy()
            self.names[id(tensor)] = self.keep(array, wanted)
            self.kept.append(tensor)
        return self.names[id(tensor)]

    def number(self, number: float, integer: bool) -> str:
        """The name of a number: float32 (), or int64 (1,) to compute with sizes."""
        if (number, integer) not in self.names:
            array = np.array([number], np.int64) if integer else np.array(number, np.float32)
            self.names[number, integer] = self.keep(array, "number")
        return self.names[number, integer]

    def graph(self, inputs: dict[str, tuple[int | None, ...]], outputs: Iterable[str]) -> Graph:
        """All of it, without what no output needs."""
        outputs = tuple(outputs)
        needed, nodes = set(outputs), []
        for node in reversed(self.nodes):
            if needed.intersection(node.outputs):
                needed.update(node.inputs)
                nodes.append(node)
        tensors = {name: array for name, array in self.tensors.items() if name in needed}
        return Graph(inputs, outputs, tuple(reversed(nodes)), tensors)


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
        while inputs and not inputs[-1]:
            inputs.pop()
        outputs = tuple(self.building.unique(self.name) for _ in range(count))
        node = Node(operator, tuple(inputs), outputs, attributes, self.layer)
        self.building.nodes.append(node)
        return outputs

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
