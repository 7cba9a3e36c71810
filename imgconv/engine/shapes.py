"""The shape of every value of a graph for given input sizes, and what each layer costs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from imgconv.errors import InputError

from .graph import Graph, Node
from .operators import OPERATORS, evaluate, result_shapes
from .operators.axes import format_shape
from .operators.reach import NOTHING, Shape

SMALL = 4096  # numbers of a value that is computed on the way
ALL_SMALL = 1 << 22  # of all such values together


def infer(graph: Graph, shapes: Mapping[str, Shape]) -> dict[str, Shape]:
    """Shapes of all inputs, tensors and values; InputError naming the layer that does not fit."""
    return propagate(graph, shapes)[0]


def propagate(
    graph: Graph, shapes: Mapping[str, Shape]
) -> tuple[dict[str, Shape], dict[str, np.ndarray]]:
    """As infer, and the values known before anything runs, by name: sizes, axes, scales.

    They are arrays of any shape, each of at most SMALL numbers. Raises InputError as infer does.
    """
    found: dict[str, Shape] = {name: tensor.shape for name, tensor in graph.tensors.items()}
    values = {name: tensor for name, tensor in graph.tensors.items() if tensor.size <= SMALL}
    found.update(_inputs(graph, shapes))
    room = ALL_SMALL
    for node in graph.nodes:
        try:
            made = shapes_of_node(node, found, values)
            found.update(zip(node.outputs, made, strict=False))
            if room > 0:
                computed = _values(node, found, values)
                room -= sum(array.size for array in computed.values())
                values.update(computed)
        except InputError as problem:
            raise InputError(f"{node}: {problem}") from None
        except (ArithmeticError, LookupError, TypeError, ValueError) as problem:
            seen = " and ".join(format_shape(found[name]) for name in node.inputs if name)
            raise InputError(f"{node}: does not fit inputs of {seen} ({problem})") from None
    return found, values


def _inputs(graph: Graph, shapes: Mapping[str, Shape]) -> dict[str, Shape]:
    """Those given, which must be those declared."""
    if shapes.keys() != graph.inputs.keys():
        raise InputError(
            f"found the inputs {sorted(shapes)}, the network has {sorted(graph.inputs)}"
        )
    for name, declared in graph.inputs.items():
        given = shapes[name]
        fits = len(given) == len(declared) and all(
            n > 0 and n == (d or n) for n, d in zip(given, declared, strict=True)
        )
        if not fits:
            raise InputError(
                f"found {format_shape(given)} for the input '{name}', allowed "
                f"{format_shape(declared)}"
            )
    return {name: tuple(shape) for name, shape in shapes.items()}


def shapes_of_node(
    node: Node, found: Mapping[str, Shape], values: Mapping[str, np.ndarray]
) -> tuple[Shape, ...]:
    """The shapes of its results, by those of its inputs and the values of what are sizes."""
    operator = OPERATORS[node.operator]
    arguments: list[Any] = []
    for i, name in enumerate(node.inputs):
        role = operator.names[min(i, len(operator.names) - 1)]
        if name and role in operator.reads and name not in values:
            raise InputError(f"its {role} is known only while it runs, which is not supported")
        arguments.append((values if role in operator.reads else found)[name] if name else None)
    made = result_shapes(node.operator, arguments, node.attributes)
    if len(made) < len(node.outputs):
        raise InputError(f"makes {len(made)} results, {len(node.outputs)} are named")
    return made


def of_sizes(operator: str) -> bool:
    """Whether the operator looks at the sizes of its input only, not at its numbers."""
    found = OPERATORS[operator]
    return found.reach is NOTHING and not found.reads


def _values(
    node: Node, found: Mapping[str, Shape], values: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """The results where they are small and follow from known values alone."""
    given = [name for name in node.inputs if name]
    if sum(math.prod(found[name]) for name in node.outputs) > SMALL:
        return {}
    if of_sizes(node.operator):
        arrays: list[Any] = [np.broadcast_to(np.int8(0), found[given[0]])]
    elif all(name in values for name in given):
        arrays = [values[name] if name else None for name in node.inputs]
    else:
        return {}
    results = evaluate(node.operator, arrays, node.attributes)
    return dict(zip(node.outputs, results, strict=False))


@dataclass(frozen=True)
class Cost:
    """A layer in the table of a model."""

    node: Node
    shape: Shape
    parameters: int  # numbers of float32 tensors, each counted where it is first used
    multiply_adds: int


def costs(graph: Graph, shapes: Mapping[str, Shape]) -> list[Cost]:
    """One entry a node, in order; `shapes` of the inputs or of all values."""
    inputs = {name: shapes[name] for name in graph.inputs}
    found = dict(shapes) if len(shapes) > len(inputs) else infer(graph, inputs)
    counted: set[str] = set()
    return [_cost(graph, node, found, counted) for node in graph.nodes]


def _cost(graph: Graph, node: Node, found: Mapping[str, Shape], counted: set[str]) -> Cost:
    new = {name for name in node.inputs if name in graph.tensors} - counted
    counted |= new
    tensors = [graph.tensors[name] for name in new]
    parameters = sum(tensor.size for tensor in tensors if tensor.dtype.kind == "f")
    operator, shape = OPERATORS[node.operator], found[node.outputs[0]]
    arguments = [found[name] if name else None for name in node.inputs]
    work = operator.multiply_adds(shape, *arguments, **node.attributes)
    return Cost(node, shape, parameters, work)
