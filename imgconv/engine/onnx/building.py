"""The graph while it grows: constants folded, shapes followed, names resolved."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from imgconv.errors import InputError

from ..graph import Graph, Node
from ..operators import OPERATORS, Operator, evaluate
from ..shapes import of_sizes, propagate
from .calls import Unsupported
from .source import widened

MOST = 1 << 28  # values of a constant computed at import (1 GB): beyond it a file is damaged
TRIAL = 224  # pixels taken for an open size, so that the number of axes can be followed

Shape = tuple[int, ...]


@dataclass
class Building:
    """What has been imported so far.

    `tensors` are constants. `trial` holds the shapes of all values: exact if no size of an input
    is open, else for TRIAL pixels; `numbers` the small arrays computed from such shapes.
    """

    inputs: Mapping[str, tuple[int | None, ...]]
    tensors: dict[str, np.ndarray]
    used: frozenset[str] = frozenset()  # values that a node or the user reads
    nodes: list[Node] = field(default_factory=list)
    aliases: dict[str, str] = field(default_factory=dict)
    trial: dict[str, Shape] = field(default_factory=dict)
    numbers: dict[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, shape in self.inputs.items():
            sizes = (size or (1 if axis == 0 else TRIAL) for axis, size in enumerate(shape))
            self.trial[name] = tuple(sizes)

    @property
    def exact(self) -> bool:
        """No size of an input is open."""
        return all(None not in shape for shape in self.inputs.values())

    def knows(self, name: str) -> bool:
        name = self.resolve(name)
        return name in self.tensors or name in self.trial

    def is_used(self, name: str) -> bool:
        return name in self.used

    def resolve(self, name: str) -> str:
        while name in self.aliases:
            name = self.aliases[name]
        return name

    def alias(self, name: str, value: str) -> None:
        if name and name != value:
            self.aliases[name] = value

    def known(self, name: str) -> np.ndarray | None:
        return self.tensors.get(self.resolve(name))

    def number(self, name: str) -> np.ndarray | None:
        """A constant, or a small array computed from shapes (at the trial size)."""
        name = self.resolve(name)
        return self.tensors.get(name, self.numbers.get(name))

    def shape(self, name: str) -> Shape:
        name = self.resolve(name)
        if name in self.tensors:
            return self.tensors[name].shape
        if name not in self.trial:
            raise Unsupported("without an input that it needs")
        return self.trial[name]

    def keep(self, name: str, value: np.ndarray) -> None:
        """A constant under the name it has in the file."""
        self.tensors[name] = widened(np.asarray(value), name)

    def constant(self, value: np.ndarray) -> str:
        """A constant of a converter's own."""
        name = self._fresh("constant")
        self.tensors[name] = value
        return name

    def add(self, operator: str, inputs: Sequence[str], attributes: Any, label: str) -> str:
        return self.add_several(operator, inputs, attributes, label, 1)[0]

    def add_several(
        self, operator: str, inputs: Sequence[str], attributes: Any, label: str, count: int
    ) -> tuple[str, ...]:
        """A node with `count` results, or its results if they are known already; their names."""
        if operator not in OPERATORS:
            raise Unsupported(f"(needs the operator {operator})")
        names = [self.resolve(name) for name in inputs]
        names, attributes = self._promoted(OPERATORS[operator], names, dict(attributes))
        outputs = tuple(self._fresh(f"{label}:{operator}") for _ in range(count))
        node = Node(operator, tuple(names), outputs, attributes, label)
        self._follow(node)
        if not self._fold(node):
            self.nodes.append(node)
        return outputs

    def _fresh(self, stem: str) -> str:
        name, number = stem, 1
        taken = (self.tensors, self.trial, self.aliases, self.used)
        while any(name in names for names in taken):
            number += 1
            name = f"{stem} {number}"
        self.trial[name] = ()
        return name

    def _promoted(
        self, operator: Operator, names: list[str], attributes: dict[str, Any]
    ) -> tuple[list[str], dict[str, Any]]:
        """Constant inputs that may be attributes made attributes."""
        for index, role in list(enumerate(operator.names[: len(names)]))[1:]:
            value, kind = self.tensors.get(names[index]), operator.attributes.get(role)
            if value is None or kind is None:
                continue
            single = [value.item()] if value.size == 1 else []
            for candidate in (value.ravel().tolist(), *single):
                if kind.accepts(candidate):
                    attributes[role], names[index] = candidate, ""
                    break
        while names and not names[-1]:
            names.pop()
        return names, attributes

    def _follow(self, node: Node) -> None:
        """The shapes of its results, and their values where they follow from known shapes."""
        read = [name for name in node.inputs if name]
        numbers = {n: value for n in read if (value := self.number(n)) is not None}
        shapes = {name: self.shape(name) for name in read if name not in numbers}
        found, values = propagate(Graph(shapes, node.outputs, (node,), numbers), shapes)
        self.trial.update({name: found[name] for name in node.outputs})
        self.numbers.update({name: values[name] for name in node.outputs if name in values})

    def _fold(self, node: Node) -> bool:
        """Whether the node's results are constants: of constants, or of exact shapes."""
        if of_sizes(node.operator):
            known = self.exact
        else:
            known = all(name in self.tensors for name in node.inputs if name)
        if known:
            for name, value in zip(node.outputs, self._results(node), strict=True):
                self.tensors[name] = widened(np.asarray(value), name)
        return known

    def _results(self, node: Node) -> list[Any]:
        if all(name in self.numbers for name in node.outputs):
            return [self.numbers[name] for name in node.outputs]
        made = sum(math.prod(self.trial[name]) for name in node.outputs)
        if made > MOST:
            raise InputError(f"{node} would make {made} numbers, allowed {MOST}")
        values = [self.tensors[name] if name else None for name in node.inputs]
        return list(evaluate(node.operator, values, node.attributes))
