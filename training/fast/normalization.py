"""Batch normalisation, with the ReLU behind it, as one layer of PyTorch on our kernels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from imgconv import kernels
from imgconv.kernels import bands
from training.fast.pixels import Pixels, batch, pixels, side_by_side, suits

PART = 512  # pixels whose sums are float32; those of parts are added in float64
SMALLEST = 2**15  # numbers of a band that are worth a thread


@dataclass(frozen=True)
class Scales:
    """What is done to every channel, (C,) float32: scale * x + shift, held above the floor."""

    scale: np.ndarray
    shift: np.ndarray
    floor: float


class Normalization(torch.autograd.Function):
    """max(floor, normalised image); the layer's running moments are updated."""

    @staticmethod
    def forward(
        ctx: Any, image: Tensor, weight: Tensor, bias: Tensor, layer: nn.BatchNorm2d, floor: float
    ) -> Tensor:  # type: ignore[override]
        image = side_by_side(image)
        N, C, H, W = image.shape
        x, count = pixels(image), N * H * W
        mean, variance = moments(x, C, count)
        follow(layer, mean, variance * count / (count - 1))
        ctx.deviation = np.sqrt(variance + layer.eps)
        scale = weight.detach().numpy() / ctx.deviation
        shift = bias.detach().numpy() - mean * scale
        ctx.mean, ctx.scales = mean, Scales(_single(scale), _single(shift), floor)
        ctx.save_for_backward(image)
        out = batch(N, C, H, W)
        y, s = pixels(out), ctx.scales

        def band(begin: int, end: int) -> None:
            sizes = np.array([C, x.step, y.step, begin, end])
            kernels.scale_batch(x.array, s.scale, s.shift, y.array, sizes, s.floor)

        bands.run(band, count, SMALLEST // C)
        return out

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:  # type: ignore[override]
        (image,) = ctx.saved_tensors
        gradient = side_by_side(gradient)
        N, C, H, W = image.shape
        x, g, s, count = pixels(image), pixels(gradient), ctx.scales, N * H * W
        total, products = gradient_moments(x, g, s, ctx.mean, C, count)
        products /= ctx.deviation  # now the gradient by the weights
        slope = -s.scale * products / ctx.deviation / count
        term = -s.scale * total / count - slope * ctx.mean
        slopes, terms = _single(slope), _single(term)
        out = batch(N, C, H, W)
        y = pixels(out)

        def band(begin: int, end: int) -> None:
            sizes = np.array([C, x.step, g.step, y.step, begin, end])
            kernels.normalize_gradient(
                x.array, g.array, s.scale, s.shift, slopes, terms, y.array, sizes, s.floor
            )

        bands.run(band, count, SMALLEST // C)
        return (
            out,
            torch.from_numpy(_single(products)),
            torch.from_numpy(_single(total)),
            None,
            None,
        )


def moments(x: Pixels, C: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of every channel, (C,) float64."""

    def sums(out: np.ndarray, begin: int, end: int) -> None:
        sizes = np.array([C, x.step, count, PART, begin, end])
        kernels.batch_moments(x.array, out, sizes)

    total, squares = _added(sums, C, count) / count
    return x.array[:C] + total, np.maximum(squares - total**2, 0)


def gradient_moments(
    x: Pixels, g: Pixels, s: Scales, mean: np.ndarray, C: int, count: int
) -> np.ndarray:
    """(2, C): of every channel the sum of what passes of g, and of that times x - mean."""
    means = _single(mean)

    def sums(out: np.ndarray, begin: int, end: int) -> None:
        sizes = np.array([C, x.step, g.step, count, PART, begin, end])
        kernels.gradient_moments(
            x.array, g.array, s.scale, s.shift, means, out, sizes, s.floor
        )  # fmt: skip

    total, products = _added(sums, C, count)
    return np.stack([total, products + (means - mean) * total])


def _added(sums: Callable[[np.ndarray, int, int], None], C: int, count: int) -> np.ndarray:
    """(2, C) float64 of what `sums` finds in all parts."""
    parts = -(-count // PART)
    found = np.empty((parts, 2, C), np.float32)
    bands.run(lambda begin, end: sums(found, begin, end), parts, max(1, SMALLEST // (PART * C)))
    return found.sum(0, dtype=np.float64)


def _single(numbers: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(numbers, np.float32)


def follow(layer: nn.BatchNorm2d, mean: np.ndarray, variance: np.ndarray) -> None:
    """Let the running moments follow those of a batch."""
    assert layer.running_mean is not None and layer.running_var is not None
    for running, now in ((layer.running_mean, mean), (layer.running_var, variance)):
        running.lerp_(torch.from_numpy(_single(now)), layer.momentum or 0.0)
    if layer.num_batches_tracked is not None:
        layer.num_batches_tracked += 1


class BatchNorm2d(nn.BatchNorm2d):
    """On our kernels where they can do it, else PyTorch's."""

    floor = -np.inf

    def forward(self, input: Tensor) -> Tensor:
        if not (self.training and suits(input) and input.numel() > input.shape[1]):
            return self.finish(super().forward(input))
        result: Tensor = Normalization.apply(input, self.weight, self.bias, self, self.floor)
        return result

    def finish(self, x: Tensor) -> Tensor:
        """What the floor does."""
        return x


class BatchNormReLU(BatchNorm2d):
    """With the ReLU that follows; that one is `Done`."""

    floor = 0.0

    def finish(self, x: Tensor) -> Tensor:
        return functional.relu(x)


class Done(nn.ReLU):
    """A ReLU that the layer before it has done."""

    def forward(self, input: Tensor) -> Tensor:
        return input
