"""Batches as PyTorch's tensors and as the kernels take them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class Pixels:
    """Channels of the pixels of a batch: pixel i begins at array[i * step]."""

    array: np.ndarray  # (numbers,) float32
    step: int


def batch(N: int, C: int, H: int, W: int) -> Tensor:
    """New memory for a batch, channels last."""
    return torch.empty((N, H, W, C)).permute(0, 3, 1, 2)


def side_by_side(x: Tensor) -> Tensor:
    """x, or a copy, with the channels of a pixel side by side and pixels equally far apart."""
    return x if _step(x) else x.contiguous(memory_format=torch.channels_last)


def _step(x: Tensor) -> int:
    """How far apart the pixels lie; 0 if they do not lie so."""
    N, C, H, W = x.shape
    steps = [
        stride / inner
        for stride, inner, size in zip(
            (x.stride(3), x.stride(2), x.stride(0)), (1, W, H * W), (W, H, N), strict=True
        )
        if size > 1
    ] or [C]
    even = all(step == steps[0] for step in steps) and steps[0] >= C
    return int(steps[0]) if even and (C == 1 or x.stride(1) == 1) else 0


def pixels(x: Tensor) -> Pixels:
    """A batch that lies `side_by_side`, as the kernels take it."""
    N, C, H, W = x.shape
    step = _step(x) or C  # a new batch of one channel
    numbers = (N * H * W - 1) * step + C
    return Pixels(torch.as_strided(x.detach(), (numbers,), (1,)).numpy(), step)


def suits(x: Tensor) -> bool:
    """Whether the kernels can read it: else the work is PyTorch's."""
    plain = x.dtype == torch.float32 and x.device.type == "cpu" and x.dim() == 4 and x.numel() > 0
    return plain and not torch.compiler.is_compiling() and not torch.is_autocast_enabled("cpu")
