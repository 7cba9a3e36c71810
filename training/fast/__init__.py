"""Training on a CPU with imgconv's own kernels: `use_kernels(module)`."""

from __future__ import annotations

import itertools

import torch
from torch import nn

from imgconv.kernels import bands
from training.fast.convolution import Conv2d
from training.fast.normalization import BatchNorm2d, BatchNormReLU, Done

PLAIN = {
    Conv2d: nn.Conv2d,
    BatchNorm2d: nn.BatchNorm2d,
    BatchNormReLU: nn.BatchNorm2d,
    Done: nn.ReLU,
}  # what each was


def use_kernels(module: nn.Module, on: bool = True) -> nn.Module:
    """Let 3x3 convolutions and batch normalisation run on imgconv's kernels; on=False undoes it.

    Layers change their class, not their parameters. The kernels use as many threads as PyTorch.
    """
    for layer in module.modules():
        if type(layer) in PLAIN:
            layer.__class__ = PLAIN[type(layer)]
    if on:
        bands.use(torch.get_num_threads())
        for layer in module.modules():
            _swap(layer)
    return module


def _swap(layer: nn.Module) -> None:
    """The layer, and of a sequence every ReLU that follows a batch normalisation."""
    if type(layer) is nn.Conv2d and _plain(layer):
        layer.__class__ = Conv2d
    elif type(layer) is nn.BatchNorm2d and _usual(layer):
        layer.__class__ = BatchNorm2d
    elif type(layer) is nn.Sequential:
        for one, following in itertools.pairwise(layer):
            if type(one) is nn.BatchNorm2d and _usual(one) and type(following) is nn.ReLU:
                one.__class__, following.__class__ = BatchNormReLU, Done


def _plain(layer: nn.Conv2d) -> bool:
    plain = layer.kernel_size == (3, 3) and layer.stride == layer.dilation == (1, 1)
    padded = layer.padding in ((0, 0), (1, 1), (2, 2)) and layer.padding_mode == "zeros"
    return plain and padded and layer.groups == 1


def _usual(layer: nn.BatchNorm2d) -> bool:
    return layer.affine and layer.track_running_stats and layer.momentum is not None
