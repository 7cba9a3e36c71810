"""Graphs with random weights, for tests: layers added one by one to the builder of the engine."""

from __future__ import annotations

import numpy as np

from imgconv.engine.builder import Builder
from imgconv.engine.graph import Graph, check


class Random(Builder):
    """Normal weights, which keep the size of numbers from layer to layer; images of any size."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__(["x", "y"])
        self.rng = np.random.default_rng(seed)

    def weights(self, *shape: int) -> np.ndarray:
        size = np.sqrt(np.prod(shape[1:]) or 1)
        return (self.rng.standard_normal(shape) / size).astype(np.float32)

    def numbers(self, count: int) -> np.ndarray:
        return self.rng.standard_normal(count).astype(np.float32)

    def graph(self, *outputs: str, inputs: int = 1) -> Graph:
        names = ["x", "y"][:inputs]
        return super().graph(dict.fromkeys(names, (None,) * 4), outputs)


class Whole(Builder):
    """Weights are small whole numbers, so that float32 is exact."""

    def __init__(self, seed: int = 0, positive: bool = False) -> None:
        super().__init__(["x"])
        self.rng, self.low = np.random.default_rng(seed), 1 if positive else -1

    def weights(self, *shape: int) -> str:
        return self.constant(self.rng.integers(self.low, 2, shape).astype(np.float32))

    def conv(self, x: str, channels: int, results: int, kernel: int = 3, **attributes) -> str:
        attributes.setdefault("pads", (kernel // 2,) * 4)
        return self.add("conv", x, self.weights(results, channels, kernel, kernel), **attributes)

    def graph(self, *outputs: str, channels: int = 1) -> Graph:
        found = super().graph({"x": (1, channels, None, None)}, outputs)
        check(found)
        return found
