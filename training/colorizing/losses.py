"""How wrong the guess is: one number of three terms.

- the cross entropy of the shares of quantised chroma, in which rare colours count more, so that
  not all turns brown;
- the logarithm of each picture's mean squared error, of the mean chroma: what PSNR measures. It
  weighs a pale picture's small errors as much as a colourful one's large ones;
- the cross entropy of the class, so that the branch that sees the whole picture sees something.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from .palette import Palette, centres

NOISE = 2e-4  # mean squared error that is as good as none: OKLab chroma of 0.014
ERROR, NAMING = 0.5, 0.1


@dataclass(frozen=True)
class Loss:
    """Of (raw shares (N, Q, h, w), raw classes) and (chroma (N, 2, h, w), class numbers)."""

    palette: Palette
    weight: Tensor  # (Q,) of each node

    def __call__(self, output: tuple[Tensor, Tensor], target: tuple[Tensor, Tensor]) -> Tensor:
        (raw, named), (chroma, kinds) = output, target
        logarithms = functional.log_softmax(raw.float(), 1)
        numbers, shares = self.palette.shares(chroma)
        counted = shares * self.weight[numbers]
        cross = -(counted * logarithms.gather(1, numbers)).sum(1).mean()
        return cross + ERROR * self.error(logarithms, chroma) + NAMING * naming(named, kinds)

    def error(self, logarithms: Tensor, chroma: Tensor) -> Tensor:
        table = torch.as_tensor(centres(), device=chroma.device)
        mean = torch.einsum("nqhw,qc->nchw", logarithms.exp(), table)
        squared = ((mean - chroma) ** 2).sum(1).mean((1, 2))
        return torch.log(squared + NOISE).mean()


def naming(named: Tensor, kinds: Tensor) -> Tensor:
    """Cross entropy of the classes, of those pictures that have one."""
    if not (kinds >= 0).any():
        return named.sum() * 0
    return functional.cross_entropy(named, kinds, ignore_index=-1, label_smoothing=0.1)
