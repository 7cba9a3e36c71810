"""What is left of a graph to be computed: constants folded, layers merged into stages.

A stage is a node with what happens to its result before anything else reads it: another value
added, what is negative multiplied by a slope, all held between two bounds. Convolutions do these
on the way out, while the sums are still in registers.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from imgconv.errors import InputError

from .graph import Graph, Node
from .operators import OPERATORS, call, evaluate, shapes_of
from .operators.operator import UNCLAMPED, Clamp

SMALL = 1 << 24  # numbers of constants that are computed whatever the weights take


@dataclass(frozen=True)
class Stage:
    """out = clamp(node(...) + extra)."""

    node: Node
    output: str
    extra: str = ""
    clamp: Clamp = UNCLAMPED

    @property
    def reads(self) -> tuple[str, ...]:
        """The names that the stage reads, without repetitions."""
        names = (*self.node.inputs, self.extra)
        return tuple(dict.fromkeys(name for name in names if name))


def fold(graph: Graph, known: Mapping[str, np.ndarray]) -> Graph:
    """The graph without what is known before it runs: constants, identities, batch norms.

    known: arrays of any shape by name, values that the sizes of the input alone decide. A constant
    that takes much more memory than the weights do stays a layer, whose result counts as the other
    layers' do.
    """
    tensors: dict[str, np.ndarray] = {**graph.tensors, **known}
    nodes: list[Node] = []
    renamed: dict[str, str] = {}
    room = SMALL + 4 * sum(tensor.size for tensor in graph.tensors.values())
    for node in graph.nodes:
        node = replace(node, inputs=tuple(renamed.get(name, name) for name in node.inputs))
        if all(name in tensors for name in node.outputs):
            continue
        values = _constants(node, tensors, room)
        if values:
            room -= sum(value.size for value in values)
            tensors.update(zip(node.outputs, values, strict=False))
        elif OPERATORS[node.operator].unchanged and node.outputs[0] not in graph.outputs:
            renamed[node.outputs[0]] = node.inputs[0]
        else:
            nodes.append(node)
    nodes, tensors = _fold_norms(nodes, tensors, graph.outputs)
    return Graph(graph.inputs, graph.outputs, tuple(nodes), tensors)


def _constants(node: Node, tensors: Mapping[str, np.ndarray], room: int) -> tuple[Any, ...]:
    """The node's results where they follow from constants and take at most so many numbers.

    Where it does not fit its inputs it stays: whoever infers shapes will say so.
    """
    if not all(name in tensors for name in node.inputs if name):
        return ()
    given = [tensors[name] if name else None for name in node.inputs]
    try:
        shapes = shapes_of(node.operator, given, node.attributes)
        if sum(math.prod(shape) for shape in shapes) > room:
            return ()
        return evaluate(node.operator, given, node.attributes)
    except (InputError, ArithmeticError, LookupError, TypeError, ValueError):
        return ()


def _fold_norms(
    nodes: list[Node], tensors: dict[str, np.ndarray], outputs: tuple[str, ...]
) -> tuple[list[Node], dict[str, np.ndarray]]:
    """Batch norms go into the weights of the convolution before them."""
    uses = _uses(nodes, outputs)
    made = {node.outputs[0]: place for place, node in enumerate(nodes)}
    kept: list[Node | None] = list(nodes)
    for place, norm in enumerate(nodes):
        before = made.get(norm.inputs[0]) if norm.operator == "batch_norm" else None
        if before is None or uses[norm.inputs[0]] > 1 or len(norm.outputs) > 1:
            continue
        layer = kept[before]
        if layer is None or OPERATORS[layer.operator].scale is None:
            continue
        if not all(name in tensors for name in (*layer.inputs[1:], *norm.inputs[1:]) if name):
            continue
        weights, bias = _scale_weights(layer, norm, tensors)
        names = (f"{norm.outputs[0]}.weight", f"{norm.outputs[0]}.bias")
        tensors.update(zip(names, (weights, bias), strict=True))
        kept[before] = None
        merged = replace(layer, inputs=(layer.inputs[0], *names), outputs=norm.outputs)
        kept[place] = merged
        made[norm.outputs[0]] = place
    return [node for node in kept if node is not None], tensors


def _scale_weights(
    layer: Node, norm: Node, tensors: Mapping[str, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """w * s and (b - mean) * s + bias with s = scale / sqrt(var + epsilon)."""
    factor, shift, mean, var = (tensors[name].astype(np.float64) for name in norm.inputs[1:5])
    s = factor / np.sqrt(var + norm.attributes.get("epsilon", 1e-5))
    weights = tensors[layer.inputs[1]].astype(np.float64)
    bias = tensors[layer.inputs[2]] if len(layer.inputs) > 2 and layer.inputs[2] else 0.0
    scale = OPERATORS[layer.operator].scale
    assert scale is not None
    weights = scale(weights, s, **layer.attributes)
    return weights.astype(np.float32), ((bias - mean) * s + shift).astype(np.float32)


def _uses(nodes: list[Node], outputs: tuple[str, ...]) -> Counter[str]:
    """How often each value is read."""
    read = [name for node in nodes for name in node.inputs if name]
    return Counter([*read, *outputs])


def merge(graph: Graph, shapes: Mapping[str, tuple[int, ...]]) -> list[Stage]:
    """The nodes as stages: additions and activations go into the stage that makes their input."""
    nodes = list(graph.nodes)
    uses = _uses(nodes, graph.outputs)
    stages: dict[str, Stage] = {}  # by the value made last
    for node in nodes:
        source = _joins(node, stages, uses, graph, shapes)
        if source is None:
            stages[node.outputs[0]] = Stage(node, node.outputs[0])
            continue
        before = stages.pop(source)
        stages[node.outputs[0]] = _absorb(before, node, source, graph.tensors)
    return list(stages.values())


def _joins(
    node: Node,
    stages: Mapping[str, Stage],
    uses: Counter[str],
    graph: Graph,
    shapes: Mapping[str, tuple[int, ...]],
) -> str | None:
    """The input whose stage can also do this node, if there is one."""
    if clamp_of(node, graph.tensors) is not None:
        candidates = [node.inputs[0]]
    elif node.operator == "add" and shapes[node.inputs[0]] == shapes[node.inputs[1]]:
        last = list(stages)  # the stage moves to this place: the other must be made before
        candidates = sorted(
            (name for name in node.inputs if name in stages), key=last.index, reverse=True
        )
        candidates = [c for c in candidates if _adds(stages[c].node, shapes)]
    else:
        return None
    for name in candidates:
        stage = stages.get(name)
        if stage is None or uses[name] > 1 or len(stage.node.outputs) > 1:
            continue
        if stage.clamp != UNCLAMPED:
            continue
        if node.operator == "add" and (stage.extra or node.inputs[0] == node.inputs[1]):
            continue
        fast = OPERATORS[stage.node.operator].fast
        if fast and fast.clamps:
            return name
    return None


def _adds(node: Node, shapes: Mapping[str, tuple[int, ...]]) -> bool:
    """Whether its fast form can add a value: that of convolutions, but not of depthwise ones."""
    fast = OPERATORS[node.operator].fast
    if fast is None or not fast.adds:
        return False
    groups = node.attributes.get("groups", 1)
    depthwise = groups > 1 and groups == shapes[node.inputs[0]][1]
    return not depthwise


def _absorb(before: Stage, node: Node, source: str, tensors: Mapping[str, np.ndarray]) -> Stage:
    if node.operator == "add":
        other = node.inputs[1] if node.inputs[0] == source else node.inputs[0]
        return replace(before, output=node.outputs[0], extra=other)
    clamp = clamp_of(node, tensors) or UNCLAMPED
    return replace(before, output=node.outputs[0], clamp=clamp)


def clamp_of(node: Node, tensors: Mapping[str, Any]) -> Clamp | None:
    """The Clamp that a node is; None of another node, or where it is known only as it runs."""
    operator = OPERATORS[node.operator]
    others = node.inputs[1:]
    if operator.clamp is None or any(name and name not in tensors for name in others):
        return None
    given = [None, *(tensors[name] if name else None for name in others)]
    return call(operator, operator.clamp, given, node.attributes)
