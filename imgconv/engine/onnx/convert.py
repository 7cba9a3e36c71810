"""An ONNX model to a graph of ours, or one message that names everything in the way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from imgconv.engine.graph import Graph, Node, check
from imgconv.errors import InputError

from . import direct, layers, shaping, sliding
from .building import Building
from .calls import Call, Converter, Unsupported
from .patterns import replace_pixel_shuffles
from .source import (
    DOMAINS,
    attributes,
    initializers,
    inline_functions,
    input_shapes,
    operator_set,
)

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto

CONVERTERS: dict[str, Converter] = {
    **direct.CONVERTERS,
    **layers.CONVERTERS,
    **shaping.CONVERTERS,
    **sliding.CONVERTERS,
}
Shapes = Mapping[str, tuple[int | None, ...]]


def convert(model: ModelProto, given: Shapes = {}, size: Any = None) -> Graph:  # noqa: B006
    """The model's graph, checked.

    given: shapes of inputs, None for an open size; size: (height, width), which also closes an
    open batch, or None for as the file says, or "any" for open. Raises InputError.
    """
    opset = operator_set(model)
    model = inline_functions(model, {*CONVERTERS, "If"})
    constants = initializers(model.graph)
    inputs = settle_shapes(input_shapes(model.graph, constants), given, size)
    names, used = _names(model.graph), _read_names(model.graph)
    building = Building(inputs, constants, names, used)
    importing = Importing(building, opset)
    importing.nodes(replace_pixel_shuffles(model.graph, constants))
    importing.refuse_if_unsupported()
    graph = finish_graph(building, [one.name for one in model.graph.output])
    check(graph)
    return graph


def settle_shapes(
    found: Mapping[str, tuple[int | None, ...] | None], given: Shapes, size: Any
) -> dict[str, tuple[int | None, ...]]:
    """The inputs' shapes: those asked for, else the file's."""
    if unknown := sorted(set(given) - set(found)):
        raise InputError(f"no input '{unknown[0]}': the network has {', '.join(found) or 'none'}")
    return {name: given.get(name) or _set_size(name, shape, size) for name, shape in found.items()}


def _set_size(name: str, shape: tuple[int | None, ...] | None, size: Any) -> tuple[int | None, ...]:
    if shape is None:
        raise InputError(f"the input '{name}' has no shape: give one, `shape='{name}=1,3,224,224'`")
    if size is None or len(shape) != 4:
        return shape
    height, width = (None, None) if size == "any" else size
    return (shape[0] if size == "any" else shape[0] or 1, shape[1], height, width)


def _read_names(graph: GraphProto) -> Iterable[str]:
    for node in graph.node:
        yield from node.input
        for one in node.attribute:
            if one.HasField("g"):
                yield from _read_names(one.g)
    yield from (one.name for one in graph.output)


def _names(graph: GraphProto) -> Iterable[str]:
    """All names of values."""
    yield from _read_names(graph)
    for node in graph.node:
        yield from node.output
        for one in node.attribute:
            if one.HasField("g"):
                yield from _names(one.g)


@dataclass
class Importing:
    """Node after node; what cannot be imported is collected, and what depends on it left out."""

    building: Building
    opset: int
    refused: Counter[tuple[str, str]] = field(default_factory=Counter)
    first: dict[tuple[str, str], str] = field(default_factory=dict)
    lost: set[str] = field(default_factory=set)  # values that a refused node would have made

    def nodes(self, protos: Iterable[NodeProto]) -> None:
        for proto in protos:
            if self._convertible(proto):
                self._convert(proto)

    def _convertible(self, proto: NodeProto) -> bool:
        known = proto.domain in DOMAINS and proto.op_type in {*CONVERTERS, "If"}
        if not known:
            self._refuse(proto, f"of {proto.domain}" if proto.domain not in DOMAINS else "")
        elif self.lost.intersection(proto.input):
            self.lost.update(proto.output)
        elif missing := [n for n in proto.input if n and not self.building.knows(n)]:
            raise InputError(
                f"the node '{proto.name or proto.op_type}' reads '{missing[0]}', which nothing "
                "before it makes"
            )
        else:
            return True
        return False

    def _convert(self, proto: NodeProto) -> None:
        call = Call(
            proto.op_type, tuple(proto.input), tuple(proto.output), attributes(proto.attribute),
            self.opset, proto.name, self.building,
        )  # fmt: skip
        try:
            if proto.op_type == "If":
                self._branch(call)
            else:
                CONVERTERS[proto.op_type](call)
        except Unsupported as reason:
            self._refuse(proto, str(reason))
        except (ArithmeticError, LookupError, TypeError, ValueError) as problem:
            said = f"{type(problem).__name__}: {problem}".splitlines()[0]
            raise InputError(f"{call.operator} '{call.label}' is damaged ({said})") from None

    def _branch(self, call: Call) -> None:
        """The branch of an If whose condition is known."""
        taken = call.get("then_branch" if call.require(0, "a condition").any() else "else_branch")
        names = [one.name for one in taken.output]
        with self.building.branch():
            for name, value in initializers(taken).items():
                self.building.keep(name, value)
            self.nodes(taken.node)
            ends = [self.building.resolve(name) for name in names]
        if self.lost.intersection(names):
            self.lost.update(call.outputs)
        else:
            call.give(*ends)

    def _refuse(self, proto: NodeProto, why: str) -> None:
        key = (proto.op_type, why)
        self.refused[key] += 1
        self.first.setdefault(key, proto.name or next(filter(None, proto.output), "?"))
        self.lost.update(proto.output)

    def refuse_if_unsupported(self) -> None:
        """InputError that names every operator in the way, how often, and where first."""
        if not self.refused:
            return
        each = [
            f"{count} x {operator}{' ' * bool(why)}{why} (first: '{self.first[operator, why]}')"
            for (operator, why), count in sorted(self.refused.items())
        ]
        raise InputError(
            f"these operators (of operator set {self.opset}) cannot be imported: {'; '.join(each)}"
        )


def finish_graph(building: Building, outputs: list[str]) -> Graph:
    """What the outputs need, under the names of the file."""
    names = _file_names(building, outputs)
    building.rename(names)
    for name in outputs:
        source = building.resolve(name)
        if names.get(source) != name:
            node = Node("identity", (names.get(source, source),), (name,), {}, name)
            building.nodes.append(node)
    found = building.graph(building.inputs, outputs)
    read = {name for node in found.nodes for name in node.inputs}
    inputs = {name: shape for name, shape in found.inputs.items() if name in read}
    if not inputs:
        raise InputError("its outputs depend on no input: this is no network to run")
    tensors = {name: _to_storable(value) for name, value in found.tensors.items()}
    return replace(found, inputs=inputs, tensors=tensors)


def _file_names(building: Building, outputs: list[str]) -> dict[str, str]:
    """Our name of a node's result -> the file's; outputs first, no name twice."""
    made = {name for node in building.nodes for name in node.outputs}
    names: dict[str, str] = {}
    for name in [*outputs, *building.aliases]:
        source = building.resolve(name)
        if source in made and name != source:
            names.setdefault(source, name)
    return names


def _to_storable(value: np.ndarray) -> np.ndarray:
    """Truth values are kept as whole numbers."""
    return value.astype(np.int64) if value.dtype == bool else value
