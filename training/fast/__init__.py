"""Training on a CPU with imgconv's own kernels: `use_kernels(module)`."""

from __future__ import annotations

import torch
from torch import nn

from imgconv import threads

from .convolution import Conv2d


def use_kernels(module: nn.Module, on: bool = True) -> nn.Module:
    """Let 3x3 convolutions of the module run on imgconv's kernels; on=False undoes it.

    Layers change their class, not their parameters. What the kernels cannot do (another type,
    another device) such a layer leaves to PyTorch. They use as many threads as PyTorch does now.
    """
    threads.use(torch.get_num_threads())
    for layer in module.modules():
        if on and type(layer) is nn.Conv2d and _fits(layer):
            layer.__class__ = Conv2d
        elif not on and type(layer) is Conv2d:
            layer.__class__ = nn.Conv2d
    return module


def _fits(layer: nn.Conv2d) -> bool:
    plain = layer.kernel_size == (3, 3) and layer.stride == layer.dilation == (1, 1)
    padded = layer.padding in ((0, 0), (1, 1), (2, 2)) and layer.padding_mode == "zeros"
    return plain and padded and layer.groups == 1
