"""The same input through PyTorch and through a model file."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from imgconv.engine.model_file import Model
from imgconv.engine.network import Network

Arrays = dict[str, np.ndarray]


def run(model: Model, inputs: Arrays) -> list[np.ndarray]:
    """The outputs by the engine."""
    found = Network(model.graph)(inputs)
    return [found[name] for name in model.graph.outputs]


def expected(module: nn.Module, inputs: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    """The outputs by PyTorch."""
    with torch.no_grad():
        results = module(*[torch.from_numpy(array) for array in inputs.values()])
    leaves = [leaf for leaf in pytree.tree_leaves(results) if isinstance(leaf, Tensor)]
    return [leaf.cpu().numpy() for leaf in leaves]


def difference(found: list[np.ndarray], wanted: list[np.ndarray]) -> float:
    """The largest difference, relative to the largest number of the same output."""
    return max(map(_relative, found, wanted))


def _relative(found: np.ndarray, wanted: np.ndarray) -> float:
    if found.shape != wanted.shape or not np.isfinite(wanted).all():
        return float("inf")
    top = float(np.abs(wanted).max(initial=0))
    worst = float(np.abs(found.astype(np.float64) - wanted).max(initial=0))
    return worst / top if top else worst


def random_inputs(examples: Mapping[str, Tensor], shapes: Mapping[str, tuple[int, ...]]) -> Arrays:
    """Seeded noise of given shapes, over the range of the examples."""
    random = np.random.default_rng(0)
    found = {}
    for name, example in examples.items():
        low, high = float(example.min()), float(example.max())
        if low == high:
            low, high = low - 1, high + 1
        found[name] = random.uniform(low, high, shapes[name]).astype(np.float32)
    return found
