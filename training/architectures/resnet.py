"""Residual networks: layers learn what to add to their input.

He, Zhang, Ren, Sun: Deep Residual Learning for Image Recognition, CVPR 2016, table 1, figures 3
and 5, section 3.3 (shortcuts A, B and C).
"""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn
from torch.nn import functional

BLOCKS = {
    18: (2, 2, 2, 2), 34: (3, 4, 6, 3),
    50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3),
}  # fmt: skip
Shortcut = Literal["A", "B", "C", "none"]


def convolution(inputs: int, outputs: int, size: int, stride: int = 1) -> nn.Sequential:
    """Without a bias, which batch normalisation has."""
    conv = nn.Conv2d(inputs, outputs, size, stride, padding=size // 2, bias=False)
    nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
    return nn.Sequential(conv, nn.BatchNorm2d(outputs))


class Padded(nn.Module):
    """Shortcut A: every second pixel, zeros for the channels that are new; no parameters."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.more, self.stride = outputs - inputs, stride

    def forward(self, x: Tensor) -> Tensor:
        return functional.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.more))


class Residual(nn.Module):
    """relu(F(x) + x), where F is two 3x3 convolutions, or three with a bottleneck.

    As in the paper, the first convolution takes the stride.
    """

    def __init__(
        self, inputs: int, width: int, stride: int, bottleneck: bool, shortcut: Shortcut
    ) -> None:
        super().__init__()
        outputs = width * (4 if bottleneck else 1)
        sizes = (1, 3, 1) if bottleneck else (3, 3)
        widths = (inputs, *[width] * (len(sizes) - 1), outputs)
        layers: list[nn.Module] = []
        for i, size in enumerate(sizes):
            layers.append(convolution(widths[i], widths[i + 1], size, stride if i == 0 else 1))
            layers.append(nn.ReLU(inplace=True))
        self.layers = nn.Sequential(*layers[:-1])
        changes = stride > 1 or inputs != outputs
        self.plain = shortcut == "none"
        self.shortcut: nn.Module = nn.Identity()
        if shortcut == "C" or (shortcut == "B" and changes):
            self.shortcut = convolution(inputs, outputs, 1, stride)
        elif shortcut == "A" and changes:
            self.shortcut = Padded(inputs, outputs, stride)

    def forward(self, x: Tensor) -> Tensor:
        y = self.layers(x)
        return functional.relu(y if self.plain else y + self.shortcut(x))


class ResNet(nn.Module):
    """(N, 3, H, W) -> (N, classes) scores, for any size from 32 on; 224x224 in the paper.

    depth: 18 or 34 (11,689,512 and 21,797,672 parameters with shortcut B), or 50, 101 and 152 with
    bottlenecks (25,557,032, 44,549,160 and 60,192,808). Shortcut "none" makes a plain network.
    """

    def __init__(self, depth: int = 50, classes: int = 1000, shortcut: Shortcut = "B") -> None:
        super().__init__()
        bottleneck = depth >= 50
        self.stem = nn.Sequential(
            *convolution(3, 64, 7, 2), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, padding=1)
        )
        blocks: list[nn.Module] = []
        channels = 64
        for level, count in enumerate(BLOCKS[depth]):
            width = 64 * 2**level
            for i in range(count):
                stride = 2 if level and i == 0 else 1
                blocks.append(Residual(channels, width, stride, bottleneck, shortcut))
                channels = width * (4 if bottleneck else 1)
        self.blocks = nn.Sequential(*blocks)
        self.whole = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(channels, classes)

    def forward(self, image: Tensor) -> Tensor:
        x = self.whole(self.blocks(self.stem(image)))
        scores: Tensor = self.classifier(x.flatten(1))
        return scores


def plain34(classes: int = 1000) -> ResNet:
    """The 34 layers without shortcuts, to compare with (figure 3, middle)."""
    return ResNet(34, classes, "none")
