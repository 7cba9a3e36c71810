"""Small networks of the forms that `imgconv denoise` uses, whose results are known by formula.

photo and micro: what differs from the mean of 3x3 pixels is noise, as far as it is under the
level; the gauge says a fixed level. crosshair: what is brighter than `BRIGHT` is a line, and
beneath it was `BENEATH`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.ndimage import uniform_filter

from imgconv.engine.graph import Graph, Node
from imgconv.engine.model_file import save

BRIGHT, BENEATH = 0.9, 0.25
OPEN = (1, 3, None, None)


def photo(folder: Path, levels: tuple[float, float] = (0.05, 0.05), kind: str = "photo") -> str:
    """A model file; `levels` (of brightness and colour, white 1) are what its gauge says."""
    tensors = {
        "mean": np.full((3, 1, 3, 3), 1 / 9, np.float32),
        "spread": np.array([[1, 0], [0, 1], [0, 1]], np.float32).reshape(3, 2, 1, 1),
        "nothing": np.zeros((3, 3, 1, 1), np.float32),
        "levels": np.array([*levels, 0], np.float32),
    }
    nodes = (
        Node("conv", ("image", "mean"), ("blurred",), {"pads": [1, 1, 1, 1], "groups": 3}),
        Node("sub", ("image", "blurred"), ("rough",)),
        Node("conv", ("level", "spread"), ("most",)),
        Node("neg", ("most",), ("least",)),
        Node("min", ("rough", "most"), ("capped",)),
        Node("max", ("capped", "least"), ("noise",)),
        Node("conv", ("image", "nothing", "levels"), ("gauge",), {"strides": [8, 8]}),
    )
    inputs = {"image": OPEN, "level": (1, 2, None, None)}
    return saved(folder, kind, Graph(inputs, ("noise", "gauge"), nodes, tensors), 8)


def noise(plane: np.ndarray, level: float) -> np.ndarray:
    """What the network takes for noise in a plane (H, W), as floats: zeros lie around it."""
    blurred = uniform_filter(plane.astype(np.float64), 3, mode="constant")
    return np.clip(plane - blurred, -level, level)


def crosshair(folder: Path) -> str:
    tensors = {
        "weights": np.full((1, 3, 1, 1), 100 / 3, np.float32),
        "bias": np.array([-100 * BRIGHT], np.float32),
        "nothing": np.zeros((3, 4, 1, 1), np.float32),
        "beneath": np.full(3, BENEATH, np.float32),
    }
    nodes = (
        Node("conv", ("image", "weights", "bias"), ("overlay",)),
        Node("concat", ("image", "hole"), ("both",), {"axis": 1}),
        Node("conv", ("both", "nothing", "beneath"), ("content",)),
    )
    inputs = {"image": OPEN, "hole": (1, 1, None, None)}
    return saved(folder, "crosshair", Graph(inputs, ("overlay", "content"), nodes, tensors), 1)


def saved(folder: Path, kind: str, graph: Graph, multiple: int) -> str:
    card = {
        "name": kind, "version": "1", "task": "denoise", "licence": "MIT", "multiple": multiple,
        "prepare": {"kind": kind},
    }  # fmt: skip
    path = folder / f"{kind}.safetensors"
    save(path, graph, card, half=False)
    return str(path)
