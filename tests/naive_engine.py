"""A graph evaluated the slow, obvious way: one operator after the other, all values kept."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from imgconv.engine.graph import Graph
from imgconv.engine.operators import evaluate as apply


def evaluate(graph: Graph, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The outputs by name."""
    values = {**graph.tensors, **inputs}
    for node in graph.nodes:
        given = [values[name] if name else None for name in node.inputs]
        results = apply(node.operator, given, node.attributes)
        values.update(zip(node.outputs, results, strict=True))
    return {name: values[name] for name in graph.outputs}
