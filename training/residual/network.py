"""Plain and residual networks of 6n + 2 layers, which differ in nothing but the shortcuts.

He, Zhang, Ren, Sun: Deep Residual Learning for Image Recognition, CVPR 2016, section 4.2, with a
quarter of the maps and for images of 14x14.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

WIDTHS = (4, 8, 16)  # maps at 14x14, 7x7, 4x4


class Block(nn.Module):
    """(N, C, H, W) -> (N, K, h, w): two 3x3 convolutions, to which the input may be added.

    Where the size changes the shortcut takes every second pixel and adds maps of zeros (option A of
    the paper): it has no parameters, so that both kinds of network have equally many.
    """

    def __init__(self, inputs: int, maps: int, shortcut: bool) -> None:
        super().__init__()
        self.stride, self.more, self.shortcut = maps // inputs, maps - inputs, shortcut
        self.conv1 = nn.Conv2d(inputs, maps, 3, self.stride, 1, bias=False)
        self.conv2 = nn.Conv2d(maps, maps, 3, 1, 1, bias=False)
        self.norm1, self.norm2 = nn.BatchNorm2d(maps), nn.BatchNorm2d(maps)

    def forward(self, x: Tensor) -> Tensor:
        made = functional.relu(self.norm1(self.conv1(x)))
        made = self.norm2(self.conv2(made))
        if self.shortcut:
            kept = x[:, :, :: self.stride, :: self.stride]
            made = made + functional.pad(kept, (0, 0, 0, 0, 0, self.more))
        return functional.relu(made)


class Deep(nn.Module):
    """(N, 1, 14, 14) -> (N, 10) scores, through `depth` layers that have weights."""

    def __init__(self, depth: int, shortcuts: bool) -> None:
        super().__init__()
        if depth % 6 != 2:
            raise ValueError(f"{depth} layers; allowed are 8, 14, 20, ... (6n + 2)")
        first = WIDTHS[0]
        self.conv, self.norm = nn.Conv2d(1, first, 3, 1, 1, bias=False), nn.BatchNorm2d(first)
        inputs = (first, *WIDTHS[:-1])
        self.blocks = nn.Sequential(*(
            Block(before if n == 0 else maps, maps, shortcuts)
            for before, maps in zip(inputs, WIDTHS, strict=True)
            for n in range(depth // 6)
        ))  # fmt: skip
        self.output = nn.Linear(WIDTHS[-1], 10)
        for layer in self.layers():
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")

    def layers(self) -> list[nn.Conv2d]:
        """The convolutions from the image on."""
        return [one for one in self.modules() if isinstance(one, nn.Conv2d)]

    def forward(self, image: Tensor) -> Tensor:
        maps = self.blocks(functional.relu(self.norm(self.conv(image))))
        result: Tensor = self.output(torch.mean(maps, (2, 3)))
        return result
