"""From brightness to shares of quantised chroma, with a branch that sees the whole picture.

A residual encoder down to 1/16 of the size, a U-Net's way back up to 1/4, and between them the
picture's mean features, which say what kind of scene it is and are added everywhere, as in
Iizuka and others: Let there be Color!, 2016. They also name the class while learning.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from .palette import centres

WIDTHS = (32, 64, 128, 256)
BLOCKS = (0, 1, 2, 3)


def layer(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    conv = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


class Block(nn.Module):
    """Two convolutions whose result is added to what they were given."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = layer(width, width)
        self.second = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(x + self.norm(self.second(self.first(x))))


class ColourNet(nn.Module):
    """(N, 1, H, W) luma -> (N, Q, H / 4, W / 4) raw values; H and W multiples of 16.

    While learning it also returns (N, classes) raw values.
    """

    multiple = 16

    def __init__(
        self, widths: Sequence[int] = WIDTHS, blocks: Sequence[int] = BLOCKS, classes: int = 1
    ) -> None:
        super().__init__()
        above = (1, *widths[:-1])
        self.down = nn.ModuleList(
            nn.Sequential(layer(c, k, 2), *(Block(k) for _ in range(count)))
            for c, k, count in zip(above, widths, blocks, strict=True)
        )
        deep, middle, shallow = widths[:0:-1]
        self.seen = nn.Conv2d(deep, deep, 1)
        self.spread = nn.Conv2d(deep, deep, 1)
        self.named = nn.Linear(deep, classes)
        self.drop = nn.Dropout(0.2)
        self.narrow = nn.ModuleList([nn.Conv2d(deep, middle, 1), nn.Conv2d(middle, shallow, 1)])
        self.up = nn.ModuleList(
            nn.Sequential(layer(2 * k, k), layer(k, k)) for k in (middle, shallow)
        )
        self.head = nn.Conv2d(shallow, len(centres()), 1)

    def forward(self, image: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        skips = []
        x = image * 4 - 2
        for stage in self.down:
            x = stage(x)
            skips.append(x)
        whole = functional.relu(self.seen(functional.adaptive_avg_pool2d(x, 1)))
        x = functional.relu(x + self.spread(whole))
        for narrow, up, skip in zip(self.narrow, self.up, skips[-2:0:-1], strict=True):
            x = functional.interpolate(narrow(x), scale_factor=2.0, mode="nearest")
            x = up(torch.cat([skip, x], 1))
        raw: Tensor = self.head(x)
        return (raw, self.named(self.drop(whole.flatten(1)))) if self.training else raw


class Annealed(nn.Module):
    """The network as it is used: (N, 1, H, W) luma -> `chroma` (N, 2, H / 4, W / 4).

    The mean of the nodes by their shares, sharpened by a temperature below 1: at 1 it is the
    mean, at 0 the most likely node (Zhang and others: Colorful Image Colorization, 2016).
    """

    def __init__(self, network: nn.Module, temperature: float = 1.0) -> None:
        super().__init__()
        self.network = network
        self.mean = nn.Conv2d(len(centres()), 2, 1, bias=False)
        self.mean.weight.data = torch.from_numpy(centres().T.copy())[:, :, None, None]
        self.temperature = temperature

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        shares = torch.softmax(self.network(image) / self.temperature, 1)
        return {"chroma": self.mean(shares)}
