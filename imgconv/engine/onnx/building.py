"""The graph while it grows: constants folded, shapes followed, names resolved."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from imgconv.engine.builder import Builder
from imgconv.engine.graph import Graph, Node, shorten
from imgconv.engine.operators import OPERATORS, Operator, evaluate
from imgconv.engine.shapes import of_sizes, propagate
from imgconv.errors import InputError

from .source import widen

MOST = 1 << 28  # numbers of constants computed at import (1 GB): beyond it a file is damaged
TRIAL = 224  # pixels taken for an open size, so that the number of axes can be followed

Shape = tuple[int, ...]


class Unsupported(Exception):
    """What of a node has no counterpart here; the message completes "Resize ..."."""


class Building(Builder):
    """What has been imported so far.

    names: all that the file gives. used: values that a node or the user reads. `trial` holds the
    shapes of all values: exact if no size of an input is open, else for TRIAL pixels; `numbers`
    the small arrays computed from such shapes; `aliases` other names of values.
    """

    def __init__(
        self,
        inputs: Mapping[str, tuple[int | None, ...]],
        tensors: Mapping[str, np.ndarray],
        names: Iterable[str] = (),
        used: Iterable[str] = (),
    ) -> None:
        super().__init__({*inputs, *tensors, *names})
        self.inputs, self.used = inputs, frozenset(used)
        self.tensors = dict(tensors)
        self.aliases: dict[str, str] = {}
        self._room = MOST
        self._gone: set[str] = set()  # names of constants in branches that are done
        self.numbers: dict[str, np.ndarray] = {}
        self.trial: dict[str, Shape] = {
            name: tuple(n or (1 if axis == 0 else TRIAL) for axis, n in enumerate(shape))
            for name, shape in inputs.items()
        }

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
        """The file's name of a value."""
        if name:
            self._refuse_twice(name)
            self.aliases[name] = value

    @contextmanager
    def branch(self) -> Iterator[None]:
        """Names that are given in it are gone after it: another branch may give them again."""
        before, tensors = set(self.aliases), set(self.tensors)
        yield
        self.aliases = {n: value for n, value in self.aliases.items() if n in before}
        self._gone |= set(self.tensors) - tensors

    def _refuse_twice(self, name: str) -> None:
        if self.knows(name) and name not in self._gone:
            raise InputError(f"'{shorten(name)}' is made twice")

    def look_up(self, name: str) -> np.ndarray | None:
        """The constant of this name, an array of any shape; None where it is none."""
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
        self._refuse_twice(name)
        if name in self._gone:
            self.aliases[name] = self.constant(value, name)
        else:
            self.tensors[name] = widen(np.asarray(value), name)

    def add_several(
        self,
        operator: str,
        inputs: Sequence[Any],
        attributes: Mapping[str, Any],
        *,
        count: int = 1,
        wanted: str = "",
        layer: str = "",
    ) -> tuple[str, ...]:
        """As Builder.add_several; results that are known at import become constants."""
        if operator not in OPERATORS:
            raise Unsupported(f"(needs the operator {operator})")
        names = [self.resolve(name) for name in inputs]
        names, attributes = self._promote(OPERATORS[operator], names, dict(attributes))
        stem = wanted or f"{layer}:{operator}"
        return super().add_several(
            operator, names, attributes, count=count, wanted=stem, layer=layer
        )

    def append(self, node: Node) -> None:
        self._follow(node)
        if not self._fold(node):
            super().append(node)

    def _promote(
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
                self.tensors[name] = widen(np.asarray(value), name)
        return known

    def _results(self, node: Node) -> list[Any]:
        if all(name in self.numbers for name in node.outputs):
            return [self.numbers[name] for name in node.outputs]
        self._room -= sum(math.prod(self.trial[name]) for name in node.outputs)
        if self._room < 0:
            raise InputError(f"{node}: constants would take more than {MOST} numbers")
        values = [self.tensors[name] if name else None for name in node.inputs]
        return list(evaluate(node.operator, values, node.attributes))
