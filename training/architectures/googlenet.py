"""GoogLeNet: inception modules see several resolutions at once.

Szegedy and others: Going Deeper with Convolutions, CVPR 2015, table 1, figures 2 and 3.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

MODULES = {  # 1x1, 3x3 reduced, 3x3, 5x5 reduced, 5x5, after the pool (table 1)
    "3a": (64, 96, 128, 16, 32, 32), "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64), "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64), "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128), "5b": (384, 192, 384, 48, 128, 128),
}  # fmt: skip


def convolution(inputs: int, outputs: int, size: int, stride: int = 1) -> nn.Sequential:
    conv = nn.Conv2d(inputs, outputs, size, stride, padding=size // 2)
    return nn.Sequential(conv, nn.ReLU(inplace=True))


class Inception(nn.Module):
    """Windows of 1x1, 3x3 and 5x5 and a pool side by side; 1x1 convolutions keep it cheap."""

    def __init__(self, inputs: int, widths: tuple[int, int, int, int, int, int]) -> None:
        super().__init__()
        one, three_in, three, five_in, five, pooled = widths
        self.one = convolution(inputs, one, 1)
        self.three = nn.Sequential(
            convolution(inputs, three_in, 1), convolution(three_in, three, 3)
        )
        self.five = nn.Sequential(convolution(inputs, five_in, 1), convolution(five_in, five, 5))
        self.pool = nn.Sequential(nn.MaxPool2d(3, 1, padding=1), convolution(inputs, pooled, 1))
        self.outputs = one + three + five + pooled

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.one(x), self.three(x), self.five(x), self.pool(x)], 1)


class Auxiliary(nn.Module):
    """A classifier on the way, so that gradients reach the first layers (section 5)."""

    def __init__(self, inputs: int, classes: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.AvgPool2d(5, 3),
            convolution(inputs, 128, 1),
            nn.Flatten(),
            nn.Linear(128 * 4 * 4, 1024),
            nn.ReLU(inplace=True),
            nn.Dropout(0.7),
            nn.Linear(1024, classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.layers(x)
        return scores


def pool() -> nn.MaxPool2d:
    return nn.MaxPool2d(3, 2, ceil_mode=True)


class GoogLeNet(nn.Module):
    """(N, 3, 224, 224) -> (N, classes) scores; 6,998,552 parameters without auxiliaries.

    That is the sum of table 1's layers, whose own column of parameters is rounded and off by some
    percent in places. Without auxiliaries any size from 32 on will do. In training, with
    `auxiliary`, the result is (scores, scores at 4a, scores at 4d) for images of 224x224 pixels:
    13,378,280 parameters.
    """

    def __init__(self, classes: int = 1000, auxiliary: bool = False) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            convolution(3, 64, 7, 2),
            pool(),
            nn.LocalResponseNorm(5),
            convolution(64, 64, 1),
            convolution(64, 192, 3),
            nn.LocalResponseNorm(5),
            pool(),
        )
        self.pool = pool()
        self.inceptions = nn.ModuleDict()
        channels = 192
        for name, widths in MODULES.items():
            inception = Inception(channels, widths)
            self.inceptions[name], channels = inception, inception.outputs
        self.whole = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(0.4)
        self.classifier = nn.Linear(channels, classes)
        at = {"4a": 512, "4d": 528} if auxiliary else {}
        self.auxiliaries = nn.ModuleDict({name: Auxiliary(c, classes) for name, c in at.items()})

    def forward(self, image: Tensor) -> Tensor | tuple[Tensor, ...]:
        x, further = self.stem(image), []
        for name, inception in self.inceptions.items():
            x = inception(self.pool(x) if name in ("4a", "5a") else x)
            if self.training and name in self.auxiliaries:
                further.append(self.auxiliaries[name](x))
        scores = self.classifier(self.dropout(self.whole(x).flatten(1)))
        return (scores, *further) if further else scores
