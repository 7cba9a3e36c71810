"""Chroma quantised: the nodes of a grid in the a-b plane of OKLab that sRGB colours touch.

A chroma is written as shares of the four nodes around it, in proportion to its nearness to each,
so that the mean of the nodes by these shares is the chroma itself (Zhang and others, 2016, use
five nodes and a Gaussian).
"""

from __future__ import annotations

import functools

import numpy as np
import torch
from torch import Tensor

from imgconv.tasks.colorize.oklab import lab_of

STEP = 0.03
REACH = 12  # nodes on each side of grey
SIDE = 2 * REACH + 1


def nodes() -> np.ndarray:
    """(Q,) places in the grid, row a * SIDE + column b, of the nodes that are used."""
    levels = np.linspace(0, 1, 33, dtype=np.float32)
    rgb = np.stack(np.meshgrid(levels, levels, levels), -1).reshape(-1, 3)
    corner = np.floor(lab_of(rgb)[:, 1:] / STEP).astype(int) + REACH
    places = [(corner[:, 0] + i) * SIDE + corner[:, 1] + j for i in (0, 1) for j in (0, 1)]
    return np.unique(np.concatenate(places))


@functools.lru_cache
def centres() -> np.ndarray:
    """(Q, 2) float32 a and b of the nodes."""
    places = nodes()
    return (np.stack([places // SIDE, places % SIDE], 1) - REACH).astype(np.float32) * STEP


class Palette:
    """Chroma to shares of nodes, on a device."""

    def __init__(self, device: torch.device) -> None:
        used = torch.from_numpy(centres())
        steps = (torch.arange(SIDE) - REACH) * STEP
        every = torch.cartesian_prod(steps, steps)
        self.table = torch.cdist(every, used).argmin(1).to(device)  # unused ones: the nearest
        self.size = len(used)

    def shares(self, chroma: Tensor) -> tuple[Tensor, Tensor]:
        """Numbers of nodes and their shares, both (N, 4, h, w), of chroma (N, 2, h, w)."""
        place = (chroma / STEP + REACH).clamp(0, SIDE - 1.001)
        corner = place.floor()
        rest = place - corner
        a, b = corner.long().unbind(1)
        right, up = rest.unbind(1)
        numbers, shares = [], []
        for i, along_a in enumerate((1 - right, right)):
            for j, along_b in enumerate((1 - up, up)):
                numbers.append(self.table[(a + i) * SIDE + b + j])
                shares.append(along_a * along_b)
        return torch.stack(numbers, 1), torch.stack(shares, 1)

    def counts(self, chroma: Tensor) -> Tensor:
        """(Q,) how often each node occurs."""
        numbers, shares = self.shares(chroma)
        return torch.bincount(numbers.flatten(), shares.flatten(), self.size)


def weights(counts: Tensor, even: float = 0.5, power: float = 0.5) -> Tensor:
    """(Q,) how much each node counts: rare ones more, 1 on average over what occurs.

    Inverse to the frequencies mixed with an even share of `even` (as Zhang and others have it),
    to a power that softens this: 0 counts all alike.
    """
    share = counts / counts.sum()
    found = ((1 - even) * share + even / len(counts)) ** -power
    return (found / (found * share).sum()).float()
