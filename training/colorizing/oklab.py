"""OKLab in PyTorch, for batches (N, 3, H, W); formulas in imgconv.tasks.colorize.oklab."""

from __future__ import annotations

import torch
from torch import Tensor

from imgconv.ops.filter import LUMA
from imgconv.tasks.colorize.oklab import TO_CONES, TO_LAB


def lab_of(rgb: Tensor) -> Tensor:
    """(N, 3, H, W) L, a, b of RGB from 0 to 1."""
    curve = ((rgb + 0.055) / 1.055) ** 2.4
    light = torch.where(rgb <= 0.04045, rgb / 12.92, curve)
    cones = torch.einsum("ij,njhw->nihw", _like(TO_CONES, rgb), light)
    return torch.einsum("ij,njhw->nihw", _like(TO_LAB, rgb), cones.clamp_min(0) ** (1 / 3))


def luma_of(rgb: Tensor) -> Tensor:
    """(N, 1, H, W) Rec. 601 luma."""
    return torch.einsum("j,njhw->nhw", _like(LUMA, rgb), rgb)[:, None]


def _like(table: object, rgb: Tensor) -> Tensor:
    return torch.as_tensor(table, dtype=rgb.dtype, device=rgb.device)
