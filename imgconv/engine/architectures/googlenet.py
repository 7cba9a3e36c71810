"""GoogLeNet: inception modules see several resolutions at once, behind 1x1 convolutions.

Szegedy and others: Going Deeper with Convolutions, CVPR 2015, table 1, figures 2 and 3. Without
the auxiliary classifiers, which are for training. (torchvision's has batch normalisation and 3x3
in place of 5x5 convolutions: another network, whose weights do not fit.)
"""

from __future__ import annotations

from typing import Any

from imgconv.engine.graph import Graph

from .layers import Layers
from .weights import Weights

MODULES = {  # 1x1, 3x3 reduced, 3x3, 5x5 reduced, 5x5, after the pool (table 1)
    "3a": (64, 96, 128, 16, 32, 32), "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64), "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64), "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128), "5b": (384, 192, 384, 48, 128, 128),
}  # fmt: skip
RESPONSE: dict[str, Any] = {"size": 5, "alpha": 1e-4, "beta": 0.75, "bias": 1.0}


def googlenet(weights: Weights, *, classes: int = 1000) -> Graph:
    """(N, 3, H, W) -> (N, classes) probabilities; any size from 32 on, 224 in the paper."""
    net = Layers(weights, 3)
    x = net.relu(net.conv("image", 64, 7, "conv1", stride=2), "conv1.relu")
    x = net.max_pool(x, 3, 2, "pool1", ceil=True)
    x = net.op("local_response_norm", x, layer="norm1", **RESPONSE)
    x = net.relu(net.conv(x, 64, 1, "conv2.reduce"), "conv2.reduce.relu")
    x = net.relu(net.conv(x, 192, 3, "conv2"), "conv2.relu")
    x = net.op("local_response_norm", x, layer="norm2", **RESPONSE)
    x = net.max_pool(x, 3, 2, "pool2", ceil=True)
    for name, widths in MODULES.items():
        if name in ("4a", "5a"):
            x = net.max_pool(x, 3, 2, f"pool{int(name[0]) - 1}", ceil=True)
        x = _inception(net, x, widths, f"inception{name}")
    x = net.op("global_average_pool", x, layer="avgpool")
    last = net.dense(net.flat(x, net.channels[x]), classes, "fc", gain=1.0)
    return net.graph((None, None), net.softmax(last))


def _inception(net: Layers, x: str, widths: tuple[int, ...], name: str) -> str:
    one, three_in, three, five_in, five, pooled = widths

    def conv(x: str, channels: int, size: int, part: str) -> str:
        made = net.conv(x, channels, size, f"{name}.{part}")
        return net.relu(made, f"{name}.{part}.relu")

    parts = [
        conv(x, one, 1, "1x1"),
        conv(conv(x, three_in, 1, "3x3_reduce"), three, 3, "3x3"),
        conv(conv(x, five_in, 1, "5x5_reduce"), five, 5, "5x5"),
        conv(net.max_pool(x, 3, 1, f"{name}.pool", padding=1), pooled, 1, "pool_proj"),
    ]
    return net.op("concat", *parts, layer=name, axis=1, channels=one + three + five + pooled)
