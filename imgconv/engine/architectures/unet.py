"""The first U-Net, with convolutions that do not pad.

Ronneberger, Fischer, Brox: U-Net: Convolutional Networks for Biomedical Image Segmentation, MICCAI
2015, figure 1.
"""

from __future__ import annotations

from imgconv.engine.graph import Graph

from .layers import Layers
from .weights import Weights

LEVELS, WIDTH = 4, 64
MARGIN = (4, 16, 40, 88)  # pixels less on each side where a skip meets the way up, by level


def unet(weights: Weights, *, classes: int = 2) -> Graph:
    """(N, 1, H, W) -> (N, classes, H - 184, W - 184) scores; sizes are 16 n + 12, as 572."""
    net = Layers(weights, 1)
    x, skips = "image", []
    for level in range(LEVELS + 1):
        x = net.max_pool(x, 2, 2, f"pool{level}") if level else x
        x = _twice(net, x, WIDTH << level, f"down{level + 1}")
        skips.append(x)
    for level in reversed(range(LEVELS)):
        x = _up(net, x, WIDTH << level, f"up{level + 1}")
        cut = MARGIN[LEVELS - 1 - level]
        skip = net.op(
            "slice", skips[level], layer=f"crop{level + 1}",
            starts=[cut, cut], ends=[-cut, -cut], axes=[2, 3],
        )  # fmt: skip
        both = net.op(
            "concat", skip, x, layer=f"skip{level + 1}", axis=1, channels=2 * WIDTH << level
        )
        x = _twice(net, both, WIDTH << level, f"merge{level + 1}")
    return net.graph((None, None), net.conv(x, classes, 1, "head", gain=1.0))


def _twice(net: Layers, x: str, channels: int, name: str) -> str:
    for n in (1, 2):
        x = net.relu(net.conv(x, channels, 3, f"{name}.conv{n}", padding=0), f"{name}.relu{n}")
    return x


def _up(net: Layers, x: str, channels: int, name: str) -> str:
    """A 2x2 transposed convolution of stride 2."""
    w = net.tensor(f"{name}.weight", (net.channels[x], channels, 2, 2), 2.0)
    b = net.tensor(f"{name}.bias", (channels,))
    return net.op("conv_transpose", x, w, b, layer=name, channels=channels, strides=[2, 2])
