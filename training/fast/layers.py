"""torch layers on imgconv's kernels: float32 on a CPU, channels last."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from . import winograd
from .winograd import Geometry, Pixels


class Convolution(torch.autograd.Function):
    """3x3 convolution with stride 1 of a batch (N, C, H, W) by weights (K, C, 3, 3)."""

    @staticmethod
    def forward(ctx: Any, image: Tensor, weight: Tensor, bias: Tensor | None, pad: int) -> Tensor:  # type: ignore[override]
        image, weight = side_by_side(image), _channels_last(weight)
        N, C, H, W = image.shape
        g = Geometry(N, C, weight.shape[0], H, W, pad)
        ctx.save_for_backward(image, weight)
        ctx.geometry = g
        out = batch(N, g.K, g.h, g.w)
        biases = None if bias is None else bias.detach().numpy()
        winograd.convolve(
            g, pixels(image), winograd.places(stencils(weight)), pixels(out), biases
        )  # fmt: skip
        return out

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:  # type: ignore[override]
        image, weight = ctx.saved_tensors
        g, gradient = ctx.geometry, side_by_side(gradient)
        by_image = by_weight = by_bias = None
        if ctx.needs_input_grad[0]:
            by_image = batch(g.N, g.C, g.H, g.W)
            turned = winograd.places(stencils(weight), turned=True)
            winograd.convolve(g.turned(), pixels(gradient), turned, pixels(by_image))
        if ctx.needs_input_grad[1]:
            found = winograd.weight_gradient(g, pixels(image), pixels(gradient))
            by_weight = torch.from_numpy(found).permute(0, 3, 1, 2)
        if ctx.needs_input_grad[2]:
            by_bias = gradient.sum((0, 2, 3))
        return by_image, by_weight, by_bias, None


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


def _channels_last(weight: Tensor) -> Tensor:
    return weight.contiguous(memory_format=torch.channels_last)


def stencils(weight: Tensor) -> Any:
    """Weights (K, C, 3, 3) that lie channels last, as an array (K, 3, 3, C)."""
    K, C = weight.shape[:2]
    return torch.as_strided(weight.detach(), (K, 3, 3, C), (9 * C, 3 * C, C, 1)).numpy()


class Conv2d(nn.Conv2d):
    """A 3x3 convolution on our kernels where they can do it, else PyTorch's."""

    def forward(self, input: Tensor) -> Tensor:
        if not suits(input):
            return super().forward(input)
        result: Tensor = Convolution.apply(input, self.weight, self.bias, self.padding[0])
        return result


def suits(x: Tensor) -> bool:
    """Whether the kernels can read it."""
    plain = x.dtype == torch.float32 and x.device.type == "cpu" and x.dim() == 4 and x.numel() > 0
    return plain and not torch.compiler.is_compiling() and not torch.is_autocast_enabled("cpu")
