"""A graph while it grows: nodes, tensors, and a name for each that nothing else has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from .graph import Graph, Node, select_needed

RESERVED = ("", "__metadata__")  # an input left out; safetensors' own key


class Builder:
    """Nodes and tensors so far.

        b = Builder(["x"])
        y = b.add("relu", b.add("conv", "x", weights, pads=[1, 1, 1, 1]))
        graph = b.graph({"x": (None, 3, None, None)}, [y])

    taken: names that it must not give, such as those of the inputs.
    """

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self.nodes: list[Node] = []
        self.tensors: dict[str, np.ndarray] = {}
        self._taken = {*RESERVED, *taken}

    def unique(self, wanted: str) -> str:
        """`wanted`, or the first of wanted_1, wanted_2, ... that is free; it is taken from now."""
        wanted = wanted.encode("utf-8", "replace").decode()
        name, count = wanted, 0
        while name in self._taken:
            count += 1
            name = f"{wanted}_{count}"
        self._taken.add(name)
        return name

    def constant(self, value: Any, wanted: str = "constant") -> str:
        """The name of a new tensor: float32, or int64 of whole numbers."""
        array = np.asarray(value)
        dtype = np.float32 if array.dtype.kind == "f" else np.int64
        name = self.unique(wanted)
        self.tensors[name] = np.ascontiguousarray(array, dtype).reshape(array.shape)
        return name

    def add(self, operator: str, *inputs: Any, **attributes: Any) -> str:
        """A node with one result; its name. An input that is no name becomes a tensor."""
        return self.add_several(operator, inputs, attributes)[0]

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
        """A node with `count` results; their names. layer: the node's, for tables and messages."""
        names = [one if isinstance(one, str) else self.constant(one) for one in inputs]
        while names and not names[-1]:
            names.pop()
        outputs = tuple(self.unique(wanted or operator) for _ in range(count))
        self.append(Node(operator, tuple(names), outputs, dict(attributes), layer))
        return outputs

    def append(self, node: Node) -> None:
        """The node as the next one."""
        self.nodes.append(node)

    def rename(self, names: Mapping[str, str]) -> None:
        """Values under other names, wherever they are made and read."""
        self.nodes = [
            replace(
                node,
                inputs=tuple(names.get(name, name) for name in node.inputs),
                outputs=tuple(names.get(name, name) for name in node.outputs),
            )
            for node in self.nodes
        ]

    def graph(self, inputs: Mapping[str, tuple[int | None, ...]], outputs: Iterable[str]) -> Graph:
        """The graph of all nodes, without those that no output needs."""
        ends = tuple(outputs)
        nodes, read = select_needed(self.nodes, ends)
        tensors = {name: array for name, array in self.tensors.items() if name in read}
        return Graph(dict(inputs), ends, nodes, tensors)
