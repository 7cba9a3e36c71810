"""LeNet-5.

LeCun, Bottou, Bengio, Haffner: Gradient-Based Learning Applied to Document Recognition, Proc. IEEE
86 (1998), section II.B, table I. The last layer is linear, where the paper compares with drawings.
"""

from __future__ import annotations

import numpy as np

from imgconv.engine.graph import Graph

from .layers import Layers
from .weights import Weights

FEEDS = (
    "012", "123", "234", "345", "045", "015", "0123", "1234", "2345", "0345", "0145", "0125",
    "0134", "1245", "0235", "012345",
)  # fmt: skip
"""Table I: the maps of S2 that each of the 16 maps of C3 sees."""


def lenet5(weights: Weights, *, classes: int = 10) -> Graph:
    """(N, 1, 32, 32) -> (N, classes) probabilities."""
    net = Layers(weights, 1)
    x = _squashed(net, net.conv("image", 6, 5, "c1", padding=0, gain=1.0), "c1")
    x = _squashed(net, _subsampled(net, x, "s2"), "s2")
    x = _squashed(net, _partly_connected(net, x), "c3")
    x = _squashed(net, _subsampled(net, x, "s4"), "s4")
    x = _squashed(net, net.conv(x, 120, 5, "c5", padding=0, gain=1.0), "c5")
    x = _squashed(net, net.dense(net.flat(x, 120), 84, "f6", gain=1.0), "f6")
    return net.graph((32, 32), net.softmax(net.dense(x, classes, "output", gain=1.0)))


def _squashed(net: Layers, x: str, name: str) -> str:
    """1.7159 tanh(2/3 x), appendix A."""
    slope, height = (net.builder.constant(np.float32(n)) for n in (2 / 3, 1.7159))
    x = net.op("mul", x, slope, layer=f"{name}.scale")
    x = net.op("tanh", x, layer=f"{name}.tanh")
    return net.op("mul", x, height, layer=f"{name}.squash")


def _subsampled(net: Layers, x: str, name: str) -> str:
    """The mean of 2x2 pixels times a coefficient, plus a bias, one of each for a map."""
    x = net.op("average_pool", x, layer=f"{name}.mean", kernel=[2, 2], strides=[2, 2])
    shape = (net.channels[x], 1, 1)
    coefficient = net.weights(f"{name}.weight", (net.channels[x],)).reshape(shape)
    bias = net.weights(f"{name}.bias", (net.channels[x],)).reshape(shape)
    x = net.op("mul", x, net.builder.constant(coefficient, f"{name}.weight"), layer=f"{name}.times")
    return net.op("add", x, net.builder.constant(bias, f"{name}.bias"), layer=name)


def _partly_connected(net: Layers, x: str) -> str:
    """C3: a map is the sum of convolutions of the maps it sees, each a group of the input's."""
    stencils = net.weights("c3.stencils", (60, 25), 1.0 / 4).reshape(-1, 5, 5)
    full = np.zeros((len(FEEDS), 6, 5, 5), np.float32)
    pairs = [(k, int(c)) for k, maps in enumerate(FEEDS) for c in maps]
    for (k, c), stencil in zip(pairs, stencils, strict=True):
        full[k, c] = stencil
    w, b = net.builder.constant(full, "c3.weight"), net.tensor("c3.bias", (len(FEEDS),))
    return net.op("conv", x, w, b, layer="c3", channels=len(FEEDS))
