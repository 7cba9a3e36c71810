"""The loss around a solution, along two random directions.

Li, Xu, Taylor, Studer, Goldstein: Visualizing the Loss Landscape of Neural Nets, NeurIPS 2018,
section 4: each filter of a direction is made as long as the network's filter ("filter
normalisation"), so that networks of different scale can be compared. Normalisations and
biases stay.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional


def loss_surface(
    module: nn.Module, images: Tensor, labels: Tensor, places: np.ndarray, seed: int
) -> np.ndarray:
    """The loss at `places` (P,) along both directions, (P, P); the middle is the solution."""
    weights = [p for p in module.parameters() if p.dim() > 1]
    kept = [p.detach().clone() for p in weights]
    generator = torch.Generator().manual_seed(seed)
    one, other = (direction(kept, generator) for _ in range(2))
    losses = np.empty((len(places), len(places)))
    module.eval()
    with torch.no_grad():
        for i, j in np.ndindex(losses.shape):
            for p, w, u, v in zip(weights, kept, one, other, strict=True):
                p.copy_(w + float(places[i]) * u + float(places[j]) * v)
            losses[i, j] = float(functional.cross_entropy(module(images), labels))
        for p, w in zip(weights, kept, strict=True):
            p.copy_(w)
    return losses


def direction(weights: list[Tensor], generator: torch.Generator) -> list[Tensor]:
    """Random, of the weights' shapes; each filter as long as that of the weights."""
    made = [torch.randn(w.shape, generator=generator) for w in weights]
    return [d * (lengths(w) / lengths(d)) for d, w in zip(made, weights, strict=True)]


def lengths(weights: Tensor) -> Tensor:
    """(K, ...) -> (K, 1, ...): of each filter."""
    norms: Tensor = torch.linalg.vector_norm(weights.flatten(1), dim=1)
    return norms.view(-1, *[1] * (weights.dim() - 1))
