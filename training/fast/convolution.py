"""3x3 convolution as a layer of PyTorch on our kernels."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from . import winograd
from .pixels import batch, pixels, side_by_side, suits
from .winograd import Geometry


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
