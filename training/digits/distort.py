"""Digits as other hands and pens would have written them, a batch at a time.

Simard, Steinkraus, Platt: Best practices for convolutional neural networks applied to visual
document analysis, ICDAR 2003: affine and elastic distortions. Pens of other widths are ours.
"""

from __future__ import annotations

import torch
from torch import Generator, Tensor
from torch.nn import functional

SIDE, KNOTS = 28, 4
PLAIN, PENS = 0.06, 0.3  # shares of digits left as they are, and written with another pen


def distort(images: Tensor, generator: Generator) -> Tensor:
    """(N, 1, 28, 28) uint8 -> float32 from 0 to 1: bent, turned, slanted, moved."""
    given = images.float() / 255
    pens = rewrite(given, generator)
    written = torch.where(_chosen(images, PENS, generator), pens, given)
    bent = functional.grid_sample(written, places(len(images), generator).to(images.device),
                                  align_corners=False)  # fmt: skip
    return torch.where(_chosen(images, PLAIN, generator), given, bent).clamp(0, 1)


def _chosen(images: Tensor, share: float, generator: Generator) -> Tensor:
    """(N, 1, 1, 1): true for that share of a batch."""
    drawn = torch.rand(len(images), 1, 1, 1, generator=generator) < share
    return drawn.to(images.device)


def places(count: int, generator: Generator) -> Tensor:
    """Where each pixel comes from: (N, 28, 28, 2), x and y from -1 to 1."""

    def normal(deviation: float, *shape: int) -> Tensor:
        return deviation * torch.randn(count, *shape, generator=generator)

    turn, slant = normal(0.13), normal(0.15)
    across, down = normal(0.08).exp(), normal(0.08).exp()
    cosine, sine = turn.cos(), turn.sin()
    zero = torch.zeros(count)
    turns = torch.stack([cosine, -sine, sine, cosine], 1).view(-1, 2, 2)
    sizes = torch.stack([across, slant, zero, down], 1).view(-1, 2, 2)
    moves = 2 / SIDE * normal(0.8, 2, 1)
    straight = functional.affine_grid(
        torch.cat([turns @ sizes, moves], 2), [count, 1, SIDE, SIDE], align_corners=False
    )
    most = 1.6 * torch.rand(count, 1, 1, 1, generator=generator)
    knots = 2 / SIDE * most * normal(1, 2, KNOTS, KNOTS)
    bend = functional.interpolate(knots, (SIDE, SIDE), mode="bicubic", align_corners=False)
    return straight + bend.permute(0, 2, 3, 1)


def rewrite(images: Tensor, generator: Generator) -> Tensor:
    """With a thinner or wider pen, of sharper or softer edges: blurred, then cut off elsewhere."""
    drawn = torch.rand(3, len(images), 1, 1, 1, generator=generator).to(images.device)
    width, level, more = 0.5 + 0.7 * drawn[0], 0.2 + 0.4 * drawn[1], 3 * drawn[2]
    apart = torch.arange(SIDE, device=images.device)
    bells = torch.exp(-((apart[:, None] - apart) ** 2) / (2 * width**2))  # (N, 1, 28, 28)
    bells = bells / bells.amax(3, keepdim=True) / (width * (2 * torch.pi) ** 0.5)
    soft = bells @ images @ bells.transpose(2, 3)
    gain = 0.5 / level + more  # nothing stays nothing
    return ((soft - level) * gain + 0.5).clamp(0, 1)
