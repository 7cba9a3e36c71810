"""Several ONNX nodes that are one operator: found before the conversion.

Before operator set 11 ONNX had no pixel shuffle of PyTorch's order; it was written as a reshape
to (N, C, r, r, H, W), a transpose and a reshape to (N, C, H r, W r), with one image size built
in. As one DepthToSpace it takes images of any size.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from onnx import GraphProto, NodeProto

ORDERS = {  # (N, C, r, r, H, W) and (N, r, r, C, H, W) -> (N, C, H, r, W, r)
    (0, 1, 4, 2, 5, 3): ("CRD", (2, 3)),
    (0, 3, 4, 1, 5, 2): ("DCR", (1, 2)),
}


def replace_pixel_shuffles(
    graph: GraphProto, constants: Mapping[str, np.ndarray]
) -> list[NodeProto]:
    """The graph's nodes, each such three replaced by one DepthToSpace.

    constants: arrays by name, among them the sizes (6,) and (4,) that the reshapes read.
    """
    known = {**constants, **_constant_nodes(graph)}
    found = {three[2].output[0]: three for three in _threes(graph)}
    replaced, dropped = {}, set()
    for name, three in found.items():
        if node := _pixel_shuffle(three, known):
            replaced[name] = node
            dropped |= {three[0].output[0], three[1].output[0]}
    nodes = (node for node in graph.node if not node.output or node.output[0] not in dropped)
    return [replaced.get(node.output[0], node) if node.output else node for node in nodes]


def _constant_nodes(graph: GraphProto) -> dict[str, np.ndarray]:
    from .source import array

    return {
        node.output[0]: array(one.t)
        for node in graph.node
        if node.op_type == "Constant"
        for one in node.attribute
        if one.name == "value"
    }


def _threes(graph: GraphProto) -> Iterator[tuple[NodeProto, NodeProto, NodeProto]]:
    """Reshape, Transpose, Reshape, of which nothing else reads the results between."""
    readers: dict[str, list[NodeProto]] = {}
    for node in graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    outputs = {one.name for one in graph.output}
    for first in graph.node:
        chain = [first]
        while len(chain) < 3 and chain[-1].output:
            name = chain[-1].output[0]
            after = readers.get(name, [])
            if len(after) != 1 or name in outputs:
                break
            chain.append(after[0])
        if [node.op_type for node in chain] == ["Reshape", "Transpose", "Reshape"]:
            yield chain[0], chain[1], chain[2]


def _pixel_shuffle(
    three: tuple[NodeProto, NodeProto, NodeProto], known: Mapping[str, np.ndarray]
) -> NodeProto | None:
    from onnx import helper

    apart, turn, together = three
    order = next((tuple(one.ints) for one in turn.attribute if one.name == "perm"), ())
    sizes = [known.get(node.input[1]) for node in (apart, together) if len(node.input) > 1]
    if order not in ORDERS or len(sizes) < 2 or any(s is None for s in sizes):
        return None
    mode, (u, v) = ORDERS[order]
    six, four = ([int(n) for n in size] for size in sizes if size is not None)
    if len(six) != 6 or len(four) != 4 or six[u] != six[v] or six[u] < 1:
        return None
    spread = [six[order[0]], six[order[1]], six[4] * six[u], six[5] * six[v]]
    if min(six[1:]) < 1 or four[1:] != spread[1:]:
        return None
    return helper.make_node(
        "DepthToSpace", [apart.input[0]], list(together.output), together.name,
        blocksize=six[u], mode=mode,
    )  # fmt: skip
