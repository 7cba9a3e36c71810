"""One ONNX node on its way into the graph: what a converter sees and says."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .building import Building, Unsupported

__all__ = ["Building", "Call", "Converter", "Unsupported"]


@dataclass(frozen=True)
class Call:
    """An ONNX node: its inputs ("" where left out), outputs, attributes, operator set."""

    operator: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Any]
    opset: int
    name: str
    building: Building

    @property
    def label(self) -> str:
        """The layer's name, for tables and messages."""
        return self.name or next(filter(None, self.outputs), self.operator)

    def input(self, index: int) -> str:
        return self.inputs[index] if index < len(self.inputs) else ""

    def first_inputs(self, most: int) -> list[str]:
        """The first inputs, at most so many; "" for one left out before the last one given."""
        names = list(self.inputs[:most])
        while names and not names[-1]:
            names.pop()
        return names

    def get(self, attribute: str, default: Any = None) -> Any:
        return self.attributes.get(attribute, default)

    def whole(self, attribute: str) -> list[int]:
        """A list of whole numbers, empty where there is no such attribute."""
        return [int(n) for n in self.attributes.get(attribute) or ()]

    def constant(self, index: int) -> np.ndarray | None:
        """The input's value where it is known at import."""
        return self.building.look_up(self.input(index))

    def require(self, index: int, what: str) -> np.ndarray:
        """The input's value, which must be known at import."""
        value = self.constant(index)
        if value is None:
            raise Unsupported(f"with {what} computed from the image")
        return value

    def shape(self, index: int = 0) -> tuple[int, ...]:
        """The input's shape: exact, or at a trial size where sizes are open."""
        return self.building.shape(self.input(index))

    def rank(self, index: int = 0) -> int:
        return len(self.shape(index))

    def single_output(self, why: str) -> None:
        """Refuse if further outputs are used."""
        if any(self.building.is_used(name) for name in self.outputs[1:]):
            raise Unsupported(why)

    def add(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """One node of ours; returns the name of its result."""
        return self.add_several(operator, inputs, attributes, 1)[0]

    def add_several(
        self, operator: str, inputs: Sequence[str], attributes: Mapping[str, Any], count: int
    ) -> tuple[str, ...]:
        """The same for a node with several results."""
        return self.building.add_several(
            operator, inputs, attributes, count=count, layer=self.label
        )

    def const(self, value: Any, dtype: Any = np.float32) -> str:
        """A constant of the converter's own; returns its name."""
        return self.building.constant(np.asarray(value, dtype))

    def give(self, *results: str) -> None:
        """These values are the node's outputs."""
        for result, output in zip(results, self.outputs, strict=False):
            self.building.alias(output, result)


Converter = Callable[[Call], None]
