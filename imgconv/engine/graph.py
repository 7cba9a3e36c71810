"""A network as data: nodes, weights, and what makes them a graph that can run."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from imgconv.errors import InputError

from .operators import OPERATORS, Operator
from .operators.operator import RANK

LONGEST = 1 << 31  # pixels along an axis, numbers in a tensor
MOST_NODES = 100_000
TYPES = ("float32", "int64")


@dataclass(frozen=True)
class Node:
    """One step: operator(inputs, attributes) -> outputs."""

    operator: str  # a key of OPERATORS
    inputs: tuple[str, ...]  # names of values or tensors; "" is an optional input left out
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)  # JSON values
    name: str = ""  # the layer's, for tables and messages

    def __str__(self) -> str:
        return f"layer '{shorten(self.name or (self.outputs or ('?',))[0])}' ({self.operator})"


@dataclass(frozen=True, eq=False)
class Graph:
    """Nodes in an order in which they can run, and the tensors that they share.

    inputs: name -> shape, None where any size will do. tensors: float32, or int64 for shapes.
    """

    inputs: Mapping[str, tuple[int | None, ...]]
    outputs: tuple[str, ...]
    nodes: tuple[Node, ...]
    tensors: Mapping[str, np.ndarray] = field(repr=False)


def select_needed(
    nodes: Sequence[Node], outputs: Sequence[str]
) -> tuple[tuple[Node, ...], set[str]]:
    """The nodes that the outputs depend on, in order, and the names that are read."""
    read, kept = set(outputs), []
    for node in reversed(nodes):
        if read.intersection(node.outputs):
            read.update(node.inputs)
            kept.append(node)
    return tuple(reversed(kept)), read


def check(graph: Graph) -> None:
    """InputError, one line that names the node, where the graph cannot run."""
    _check_ends(graph)
    for name, tensor in graph.tensors.items():
        if tensor.dtype.name not in TYPES or tensor.ndim > RANK:
            raise InputError(
                f"tensor '{shorten(name)}' holds {tensor.dtype.name} with {tensor.ndim} axes, "
                f"allowed {' or '.join(TYPES)} with at most {RANK}"
            )
    known = _first_names(graph)
    later = {name for node in graph.nodes for name in node.outputs}
    for node in graph.nodes:
        check_node(node)
        for name in node.inputs:
            if name and name not in known:
                raise InputError(f"{node} {_missing(name, name in later)}")
        for name in node.outputs:
            if name in known:
                raise InputError(f"{node} makes '{shorten(name)}', which exists already")
            known.add(name)
    for name in graph.outputs:
        if name not in known:
            raise InputError(f"the output '{shorten(name)}' is made by no layer")


def _check_ends(graph: Graph) -> None:
    if not graph.outputs or len(graph.nodes) > MOST_NODES:
        raise InputError(
            f"found {len(graph.outputs)} outputs and {len(graph.nodes)} layers, "
            f"allowed at least 1 and at most {MOST_NODES}"
        )
    for name, shape in graph.inputs.items():
        if len(shape) > RANK or not all(n is None or 0 < n <= LONGEST for n in shape):
            raise InputError(
                f"the input '{shorten(name)}' has the shape {list(shape)}, allowed at most {RANK} "
                f"sizes from 1 to {LONGEST}, or none for any"
            )


def _first_names(graph: Graph) -> set[str]:
    twice = graph.inputs.keys() & graph.tensors.keys()
    if twice:
        raise InputError(f"'{shorten(min(twice))}' is both an input and a tensor")
    return {*graph.inputs, *graph.tensors}


def _missing(name: str, later: bool) -> str:
    if later:
        return f"reads '{shorten(name)}' before it is made: a circle, or layers in a wrong order"
    return f"reads '{shorten(name)}', which is neither a tensor nor made by a layer before it"


def check_node(node: Node) -> None:
    """InputError where the operator is unknown or its inputs and attributes do not fit it."""
    operator = OPERATORS.get(node.operator)
    if operator is None:
        raise InputError(f"{node}: {_unknown(node.operator)}")
    count = len(node.inputs)
    given = [i for i, name in enumerate(node.inputs) if name]
    if operator.variadic:
        fits = count == len(given) > 0
    else:
        fits = operator.least <= count <= len(operator.inputs)
        fits = fits and all(i in given for i in range(operator.least))
    if not fits:
        raise InputError(f"{node} has {len(given)} inputs, allowed ({', '.join(operator.inputs)})")
    if not node.outputs or not all(node.outputs) or len(node.outputs) > (operator.outputs or 4096):
        raise InputError(f"{node} has {len(node.outputs)} outputs, allowed {operator.outputs}")
    _check_attributes(node, operator)


def _unknown(name: str) -> str:
    from difflib import get_close_matches

    close = get_close_matches(name, OPERATORS, 1)
    hint = f"; did you mean '{close[0]}'" if close else ""
    return f"this version knows {len(OPERATORS)} operators, not '{shorten(name)}'{hint}"


def _check_attributes(node: Node, operator: Operator) -> None:
    for name, value in node.attributes.items():
        kind = operator.attributes.get(name)
        if kind is None:
            allowed = ", ".join(operator.attributes) or "none"
            raise InputError(f"{node} has the attribute '{shorten(name)}', allowed: {allowed}")
        if not kind.accepts(value):
            raise InputError(f"{node} has {name} = {shorten(repr(value))}, allowed: {kind.allowed}")
    for name in operator.required:
        index = operator.names.index(name) if name in operator.names else len(node.inputs)
        as_input = index < len(node.inputs) and bool(node.inputs[index])
        if not as_input and name not in node.attributes:
            raise InputError(f"{node} lacks the attribute '{name}'")


def shorten(text: str, most: int = 60) -> str:
    """Names come from files: one line, not too long."""
    line = "".join(c if c.isprintable() else "?" for c in text[: most + 1])
    return line if len(line) <= most else line[: most - 1] + "…"


def to_json(graph: Graph) -> dict[str, Any]:
    """Everything but the tensors, as plain lists, strings and numbers."""
    return {
        "inputs": [{"name": name, "shape": list(shape)} for name, shape in graph.inputs.items()],
        "outputs": list(graph.outputs),
        "nodes": [
            {
                "operator": node.operator,
                "name": node.name,
                "inputs": list(node.inputs),
                "outputs": list(node.outputs),
                "attributes": {name: _plain(value) for name, value in node.attributes.items()},
            }
            for node in graph.nodes
        ],
    }


def _plain(value: Any) -> Any:
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value


def canonical(data: Any) -> str:
    """The one JSON text of some data: keys sorted, no spaces, ASCII, finite numbers only."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"), allow_nan=False)


def from_json(data: Any, tensors: Mapping[str, np.ndarray]) -> Graph:
    """The inverse of to_json, checked; InputError where the data is of another form.

    tensors: float32 or int64 by name, of any shape of at most RANK axes.
    """
    inputs: dict[str, tuple[int | None, ...]] = {}
    for one in _list(_member(data, "inputs", "the graph"), "the graph's inputs"):
        name = _text(_member(one, "name", "an input"), "an input's name")
        if name in inputs or not name:
            raise InputError(f"the input '{shorten(name)}' is there twice, or has no name")
        inputs[name] = _sizes(_member(one, "shape", "an input"))
    nodes = _list(_member(data, "nodes", "the graph"), "the graph's nodes")
    outputs = _texts(_member(data, "outputs", "the graph"), "the graph's outputs")
    graph = Graph(inputs, outputs, tuple(_node(node) for node in nodes), tensors)
    check(graph)
    return graph


def _node(data: Any) -> Node:
    attributes = _member(data, "attributes", "a node")
    if not isinstance(attributes, dict):
        raise InputError(f"a node's attributes are {_kind(attributes)}, allowed: an object")
    return Node(
        _text(_member(data, "operator", "a node"), "a node's operator"),
        _texts(_member(data, "inputs", "a node"), "a node's inputs"),
        _texts(_member(data, "outputs", "a node"), "a node's outputs"),
        {name: tuple(v) if isinstance(v, list) else v for name, v in attributes.items()},
        _text(_member(data, "name", "a node"), "a node's name"),
    )


def _member(data: Any, key: str, what: str) -> Any:
    if not isinstance(data, dict) or key not in data:
        raise InputError(f"{what} is {_kind(data)} without '{key}'")
    return data[key]


def _list(data: Any, what: str) -> list[Any]:
    if not isinstance(data, list):
        raise InputError(f"{what} are {_kind(data)}, allowed: a list")
    return data


def _text(data: Any, what: str) -> str:
    if not isinstance(data, str):
        raise InputError(f"{what} is {_kind(data)}, allowed: a text")
    return data


def _texts(data: Any, what: str) -> tuple[str, ...]:
    return tuple(_text(one, what) for one in _list(data, what))


def _sizes(data: Any) -> tuple[int | None, ...]:
    sizes: Sequence[Any] = _list(data, "an input's sizes")
    if not all(size is None or type(size) is int for size in sizes):
        raise InputError("an input's sizes are allowed to be whole numbers or null")
    return tuple(sizes)


def _kind(data: Any) -> str:
    words = {dict: "an object", list: "a list", str: "a text", bool: "a truth value"}
    return "null" if data is None else words.get(type(data), "a number")
