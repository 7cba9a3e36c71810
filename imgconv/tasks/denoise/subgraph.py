"""The part of a network that one output needs."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from ...engine.graph import Graph


@lru_cache(8)
def only(graph: Graph, output: str) -> Graph:
    """The graph that makes `output` and nothing else; the same object every time."""
    needed, nodes = {output}, []
    for node in reversed(graph.nodes):
        if needed & set(node.outputs):
            nodes.append(node)
            needed |= set(node.inputs)
    inputs = {name: shape for name, shape in graph.inputs.items() if name in needed}
    tensors = {name: tensor for name, tensor in graph.tensors.items() if name in needed}
    return replace(
        graph, inputs=inputs, outputs=(output,), nodes=tuple(reversed(nodes)), tensors=tensors
    )
