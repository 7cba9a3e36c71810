"""The part of a network that one output needs."""

from __future__ import annotations

from functools import lru_cache

from imgconv.engine.graph import Graph, select_needed


@lru_cache(8)
def only(graph: Graph, output: str) -> Graph:
    """The graph that makes `output` and nothing else; the same object every time."""
    nodes, read = select_needed(graph.nodes, (output,))
    inputs = {name: shape for name, shape in graph.inputs.items() if name in read}
    tensors = {name: tensor for name, tensor in graph.tensors.items() if name in read}
    return Graph(inputs, (output,), nodes, tensors)
