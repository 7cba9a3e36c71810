"""Deep networks of 3x3 convolutions: VGG-16, and the PReLU-net's model B.

Simonyan, Zisserman: Very Deep Convolutional Networks for Large-Scale Image Recognition, ICLR 2015,
table 1, configuration D (tensors named as in torchvision).
He, Zhang, Ren, Sun: Delving Deep into Rectifiers, ICCV 2015, table 3, model B: 22 layers, PReLU
with a slope for each channel, a spatial pyramid of 7x7, 3x3, 2x2 and 1x1 bins.
"""

from __future__ import annotations

from imgconv.engine.graph import Graph

from .layers import Layers
from .weights import Weights

CONVOLUTIONS = (2, 2, 3, 3, 3)  # before each pool
PYRAMID = ((2, 2), (5, 4), (7, 7), (14, 14))  # windows and strides over 14x14 maps
SLOPE = 0.25  # of a PReLU at the start of training


def vgg16(weights: Weights, *, classes: int = 1000) -> Graph:
    """(N, 3, 224, 224) -> (N, classes) probabilities."""
    net = Layers(weights, 3)
    x, place = "image", 0
    for level, count in enumerate(CONVOLUTIONS):
        for number in range(count):
            layer = f"conv{level + 1}_{number + 1}"
            x = net.conv(x, min(64 << level, 512), 3, f"features.{place}", layer=layer)
            x = net.relu(x, f"relu{level + 1}_{number + 1}")
            place += 2
        x = net.max_pool(x, 2, 2, f"pool{level + 1}")
        place += 1
    x = net.flat(x, 512 * 7 * 7)
    for number, place in enumerate((0, 3)):
        x = net.dense(x, 4096, f"classifier.{place}", layer=f"fc{number + 6}")
        x = net.relu(x, f"relu{number + 6}")
    last = net.dense(x, classes, "classifier.6", layer="fc8", gain=1.0)
    return net.graph((224, 224), net.softmax(last))


def prelu_b(weights: Weights, *, classes: int = 1000) -> Graph:
    """(N, 3, 224, 224) -> (N, classes) probabilities."""
    net = Layers(weights, 3)
    x = _rectified(net, net.conv("image", 96, 7, "conv1", stride=2), "conv1")
    for level, width in enumerate((256, 512, 512), 2):
        x = net.max_pool(x, 2, 2, f"pool{level - 1}")
        for number in range(6):
            name = f"conv{level}_{number + 1}"
            x = _rectified(net, net.conv(x, width, 3, name), name)
    bins = [net.max_pool(x, size, stride, f"spp{n}") for n, (size, stride) in enumerate(PYRAMID)]
    counts = [512 * side * side for side in (7, 3, 2, 1)]
    flat = [
        net.flat(b, count, f"flat{n}")
        for n, (b, count) in enumerate(zip(bins, counts, strict=True))
    ]
    x = net.op("concat", *flat, layer="pyramid", axis=1, channels=sum(counts))
    for name in ("fc1", "fc2"):
        x = _rectified(net, net.dense(x, 4096, name), name, maps=False)
    return net.graph((224, 224), net.softmax(net.dense(x, classes, "fc3", gain=1.0)))


def _rectified(net: Layers, x: str, name: str, maps: bool = True) -> str:
    shape = (net.channels[x], 1, 1) if maps else (net.channels[x],)
    slope = net.weights(f"{name}.prelu", (net.channels[x],), SLOPE).reshape(shape)
    held = net.builder.constant(slope, f"{name}.prelu")
    return net.op("prelu", x, held, layer=f"{name}.prelu")
