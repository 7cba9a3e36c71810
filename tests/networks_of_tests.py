"""Small networks made by hand, whose results are known without running them."""

from __future__ import annotations

from typing import Any

import numpy as np

from imgconv.engine import save
from imgconv.engine.graph import Graph, Node

Shape = tuple[int | None, ...]


def saved(path: str, nodes: list[Node], shape: Shape, **more: Any) -> str:
    """A model file of nodes that read "x"; the last one's results are the outputs."""
    tensors = more.pop("tensors", {})
    outputs = more.pop("outputs", nodes[-1].outputs)
    save(path, Graph({"x": shape}, tuple(outputs), tuple(nodes), tensors), more, half=False)
    return path


def inverter(path: str = "invert.safetensors", channels: int | None = 3, **card: Any) -> str:
    """1 - x."""
    one = np.ones(1, np.float32)
    nodes = [Node("sub", ("one", "x"), ("y",), {}, "invert")]
    return saved(path, nodes, (None, channels, None, None), tensors={"one": one}, **card)


def enlarger(path: str = "double.safetensors", channels: int = 1) -> str:
    """Each pixel four times."""
    nodes = [Node("resize", ("x",), ("y",), {"scales": [1, 1, 2, 2]}, "double")]
    return saved(path, nodes, (None, channels, None, None))


def halver(path: str = "half.safetensors") -> str:
    """The mean of each 2x2 block."""
    nodes = [Node("average_pool", ("x",), ("y",), {"kernel": [2, 2], "strides": [2, 2]}, "half")]
    return saved(path, nodes, (None, 3, None, None), multiple=2)


def classifier(path: str = "scores.safetensors", **card: Any) -> str:
    """The means of three channels, and which is the largest."""
    nodes = [
        Node("reduce_mean", ("x",), ("means",), {"axes": [2, 3], "keepdims": False}, "mean"),
        Node("softmax", ("means",), ("scores",), {"axis": 1}, "softmax"),
    ]
    return saved(path, nodes, (None, 3, None, None), outputs=("scores", "means"), **card)


def convolver(path: str = "blur.safetensors", **card: Any) -> str:
    """A 3x3 mean of one channel, then a ReLU: 9 weights and a bias."""
    nodes = [
        Node("conv", ("x", "w", "b"), ("blurred",), {"pads": [1, 1, 1, 1]}, "blur"),
        Node("relu", ("blurred",), ("y",), {}, "clip"),
    ]
    tensors = {"w": np.full((1, 1, 3, 3), 1 / 9, np.float32), "b": np.zeros(1, np.float32)}
    return saved(path, nodes, (None, 1, None, None), tensors=tensors, **card)
