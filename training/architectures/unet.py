"""The U-Net of the lecture: a contracting path, an upsampling path, and skip connections."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional


def convolutions(inputs: int, outputs: int, count: int = 2) -> nn.Sequential:
    """`count` times a 3x3 convolution, batch normalisation and ReLU."""
    layers: list[nn.Module] = []
    for layer in range(count):
        channels = outputs if layer else inputs
        layers.append(nn.Conv2d(channels, outputs, 3, padding=1, bias=False))
        layers += [nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)


class UNet(nn.Module):
    """(N, inputs, H, W) -> (N, outputs, H, W) raw values; H and W are multiples of `multiple`.

    Level `i` works at 1 / 2^i of the size with `widths[i]` channels. On the way up, a 1x1
    convolution narrows the deeper level before it is repeated 2x2 (nearest), so that the wide
    maps are never made at the larger size; the 3x3 convolutions behind it see no checkerboard.
    """

    def __init__(
        self,
        widths: Sequence[int] = (16, 32, 64, 128, 192),
        inputs: int = 4,
        outputs: int = 4,
    ) -> None:
        super().__init__()
        self.widths, self.inputs = tuple(widths), inputs
        self.multiple = 2 ** (len(widths) - 1)
        above = (inputs, *widths[:-1])
        self.down = nn.ModuleList([convolutions(c, k) for c, k in zip(above, widths, strict=True)])
        pairs = list(zip(widths[1:], widths[:-1], strict=True))
        self.narrow = nn.ModuleList([nn.Conv2d(c, k, 1) for c, k in pairs])
        self.up = nn.ModuleList([convolutions(2 * k, k) for _, k in pairs])
        self.head = nn.Conv2d(widths[0], outputs, 1)

    def forward(self, image: Tensor) -> Tensor:
        skips: list[Tensor] = []
        x = image
        for level, block in enumerate(self.down):
            x = block(functional.max_pool2d(x, 2) if level else x)
            skips.append(x)
        for level in reversed(range(len(self.up))):
            x = functional.interpolate(self.narrow[level](x), scale_factor=2.0, mode="nearest")
            x = self.up[level](torch.cat([skips[level], x], 1))
        result: Tensor = self.head(x)
        return result


def like(state: dict[str, Tensor]) -> UNet:
    """The U-Net of the widths that these weights were made for, holding them."""
    depth = 1 + max(int(name.split(".")[1]) for name in state if name.startswith("down."))
    widths = [state[f"down.{level}.0.weight"].shape[0] for level in range(depth)]
    inputs, outputs = state["down.0.0.weight"].shape[1], state["head.weight"].shape[0]
    module = UNet(widths, inputs, outputs)
    module.load_state_dict(state, strict=False)
    return module
