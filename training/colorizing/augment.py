"""A random part of a photo, and the grey scan that somebody could have made of it."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from .data import Photo
from .oklab import lab_of, luma_of

COARSER = 4  # chroma is learnt at a quarter of the size
SHARES = {"photos-scenes": 0.55, "photos-objects": 0.35, "photos-bsds400": 0.1}


class Sampler:
    """Draws a pack by its share, then one of its photos, then a part of it."""

    def __init__(self, photos: Sequence[Photo], kinds: dict[str, int]) -> None:
        self.photos, self.kinds = list(photos), kinds
        sizes: dict[str, int] = {}
        for photo in photos:
            sizes[photo.pack] = sizes.get(photo.pack, 0) + 1
        weight = np.array([SHARES.get(p.pack, 1.0) / sizes[p.pack] for p in photos])
        self.weight = weight / weight.sum()

    def draw(self, rng: np.random.Generator, size: int) -> tuple[np.ndarray, int]:
        """(3, size, size) uint8 RGB and the number of its class, -1 for none."""
        photo = self.photos[int(rng.choice(len(self.photos), p=self.weight))]
        pixels = part(rng, photo.pixels, size).transpose(2, 0, 1)
        return np.ascontiguousarray(pixels), self.kinds.get(photo.kind, -1)


def part(rng: np.random.Generator, pixels: np.ndarray, size: int) -> np.ndarray:
    """A part of at least 0.7 of the shorter side, a little stretched, mirrored half the time."""
    H, W = pixels.shape[:2]
    side = min(H, W) * rng.uniform(0.7, 1.0)
    stretch = np.exp(rng.uniform(-0.15, 0.15))
    high, wide = min(H, round(side * stretch)), min(W, round(side / stretch))
    top, left = rng.integers(H - high + 1), rng.integers(W - wide + 1)
    found = pixels[top : top + high, left : left + wide]
    way = cv2.INTER_AREA if high > size else cv2.INTER_LINEAR
    found = cv2.resize(found, (size, size), interpolation=way)
    return found[:, ::-1] if rng.random() < 0.5 else found


@torch.no_grad()
def examples(pixels: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Luma (N, 1, S, S) as scanned and chroma (N, 2, S / 4, S / 4) of uint8 RGB (N, 3, S, S)."""
    rgb = pixels.float() / 255
    chroma = functional.avg_pool2d(lab_of(rgb)[:, 1:], COARSER)
    return scanned(luma_of(rgb), generator), chroma


def scanned(luma: Tensor, generator: torch.Generator) -> Tensor:
    """Brightness as old prints and scanners give it: other contrast, soft, grainy."""

    def random(low: float, high: float, share: float, neutral: float) -> Tensor:
        """One number a picture: between low and high for a share of them, else neutral."""
        shape = (len(luma), 1, 1, 1)
        drawn, chosen = (torch.rand(shape, generator=generator) for _ in range(2))
        found = torch.where(chosen < share, low + (high - low) * drawn, neutral)
        return found.to(luma.device)

    luma = luma.clamp(1e-3, 1) ** torch.exp(random(-0.35, 0.35, 0.6, 0.0))
    black, top = random(0.0, 0.18, 0.4, 0.0), random(0.78, 1.0, 0.4, 1.0)
    luma = black + (top - black) * luma
    soft = functional.avg_pool2d(functional.pad(luma, (1, 1, 1, 1), mode="replicate"), 3, 1)
    luma = luma.lerp(soft, random(0.2, 1.0, 0.3, 0.0))
    grain = torch.randn(luma.shape, generator=generator).to(luma.device)
    luma = luma + grain * random(0.005, 0.06, 0.4, 0.0)
    rounded = (luma.clamp(0, 1) * 255).round() / 255
    return rounded.contiguous(memory_format=torch.channels_last)
