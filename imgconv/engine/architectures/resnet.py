"""Residual networks, and plain ones of the same depth.

He, Zhang, Ren, Sun: Deep Residual Learning for Image Recognition, CVPR 2016, table 1, figure 3,
shortcuts B. Tensors are named as torchvision names them; there, and here, the 3x3 convolution of
a bottleneck takes the stride where weights are loaded (`late`), in the paper the first 1x1 does.
"""

from __future__ import annotations

from imgconv.engine.graph import Graph

from .layers import Layers
from .weights import Weights

BLOCKS = {
    18: (2, 2, 2, 2), 34: (3, 4, 6, 3),
    50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3),
}  # fmt: skip


def resnet(
    weights: Weights, depth: int, *, plain: bool = False, late: bool = False, classes: int = 1000
) -> Graph:
    """(N, 3, H, W) -> (N, classes) probabilities; any size from 32 on, 224 in the paper."""
    net = Layers(weights, 3)
    x = _add_norm(net, "image", 64, 7, "conv1", "bn1", stride=2)
    x = net.max_pool(net.relu(x, "relu"), 3, 2, "maxpool", padding=1)
    for level, count in enumerate(BLOCKS[depth]):
        for number in range(count):
            stride = 2 if level and number == 0 else 1
            name = f"layer{level + 1}.{number}"
            x = _block(net, x, 64 << level, stride, name, depth >= 50, plain, late)
    x = net.op("global_average_pool", x, layer="avgpool")
    return net.graph(
        (None, None), net.softmax(net.dense(net.flat(x, net.channels[x]), classes, "fc", gain=1.0))
    )


def _block(
    net: Layers, x: str, width: int, stride: int, name: str, bottleneck: bool, plain: bool,
    late: bool,
) -> str:  # fmt: skip
    """relu(F(x) + x), F of two 3x3 convolutions or of a bottleneck of three; plain: relu(F(x))."""
    outputs = width * (4 if bottleneck else 1)
    sizes = (1, 3, 1) if bottleneck else (3, 3)
    strided = 1 if bottleneck and late else 0
    y = x
    for n, size in enumerate(sizes):
        wide = outputs if n == len(sizes) - 1 else width
        step = stride if n == strided else 1
        y = _add_norm(net, y, wide, size, f"{name}.conv{n + 1}", f"{name}.bn{n + 1}", stride=step)
        if n < len(sizes) - 1:
            y = net.relu(y, f"{name}.relu{n + 1}")
    if not plain:
        if stride > 1 or net.channels[x] != outputs:
            down = f"{name}.downsample"
            x = _add_norm(net, x, outputs, 1, f"{down}.0", f"{down}.1", stride=stride)
        y = net.op("add", y, x, layer=f"{name}.add")
    return net.relu(y, f"{name}.relu")


def _add_norm(
    net: Layers, x: str, channels: int, size: int, conv: str, norm: str, *, stride: int
) -> str:
    return net.norm(net.conv(x, channels, size, conv, stride=stride, bias=False), norm)
