"""The first U-Net, with convolutions that do not pad.

Ronneberger, Fischer, Brox: U-Net: Convolutional Networks for Biomedical Image Segmentation, MICCAI
2015, figure 1. The U-Net that imgconv segments with is in unet.py.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


def twice(inputs: int, outputs: int) -> nn.Sequential:
    """Two unpadded 3x3 convolutions with ReLU: 4 pixels less on each axis."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3),
        nn.ReLU(inplace=True),
        nn.Conv2d(outputs, outputs, 3),
        nn.ReLU(inplace=True),
    )


def centre(x: Tensor, like: Tensor) -> Tensor:
    """The middle of x, of the size of another."""
    top = (x.shape[2] - like.shape[2]) // 2
    left = (x.shape[3] - like.shape[3]) // 2
    return x[:, :, top : top + like.shape[2], left : left + like.shape[3]]


class UNet2015(nn.Module):
    """(N, inputs, H, W) -> (N, outputs, H - 184, W - 184) for depth 4; 572 pixels give 388.

    31 million parameters. Sizes fit where each pool meets an even one: 16 n + 12 for depth 4.
    """

    def __init__(self, inputs: int = 1, outputs: int = 2, width: int = 64, depth: int = 4) -> None:
        super().__init__()
        widths = [width * 2**level for level in range(depth + 1)]
        self.down = nn.ModuleList(
            [twice(c, k) for c, k in zip((inputs, *widths), widths, strict=False)]
        )
        pairs = list(zip(widths[1:], widths[:-1], strict=True))
        self.up = nn.ModuleList([nn.ConvTranspose2d(c, k, 2, 2) for c, k in pairs])
        self.merge = nn.ModuleList([twice(2 * k, k) for _, k in pairs])
        self.head = nn.Conv2d(width, outputs, 1)

    def forward(self, image: Tensor) -> Tensor:
        x, skips = image, []
        for level, block in enumerate(self.down):
            x = block(functional.max_pool2d(x, 2) if level else x)
            skips.append(x)
        for level in reversed(range(len(self.up))):
            x = self.up[level](x)
            x = self.merge[level](torch.cat([centre(skips[level], x), x], 1))
        result: Tensor = self.head(x)
        return result
