"""Which architectures there are, and what their papers say of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from imgconv.engine.graph import Graph
from imgconv.errors import UsageError

from .googlenet import googlenet
from .lenet import lenet5
from .resnet import resnet
from .unet import unet
from .vgg import prelu_b, vgg16
from .weights import Weights

HE = "He 2016"  # He, Zhang, Ren, Sun: Deep Residual Learning for Image Recognition, CVPR 2016


@dataclass(frozen=True)
class Architecture:
    """depth: layers with weights, one after the other. side: pixels of the paper's images.

    published: parameters as the paper states them, "" where it does not. error: per cent, as
    published in `source`; of ImageNet's validation images top-1 and top-5, ten crops each.
    """

    make: Callable[[Weights], Graph]
    title: str
    paper: str
    depth: int
    side: int
    published: str = ""
    error: str = ""
    source: str = ""
    torchvision: bool = False  # its state dicts load


def _residual(depth: int, error: str, source: str) -> Architecture:
    make = partial(resnet, depth=depth)
    return Architecture(
        make, f"ResNet-{depth}", HE, depth, 224, "", error, source, torchvision=True
    )


ARCHITECTURES: dict[str, Architecture] = {
    "lenet5": Architecture(
        lenet5, "LeNet-5", "LeCun 1998", 7, 32, "60,000", "0.95 (MNIST)", "LeCun 1998, figure 9"
    ),
    "vgg16": Architecture(
        vgg16, "VGG-16", "Simonyan 2015", 16, 224, "138 million", "28.07 / 9.33",
        f"{HE}, table 3", torchvision=True,
    ),
    "googlenet": Architecture(
        googlenet, "GoogLeNet", "Szegedy 2015", 22, 224, "", "- / 9.15", f"{HE}, table 3"
    ),
    "prelu-b": Architecture(
        prelu_b, "PReLU-net B", "He 2015", 22, 224, "", "24.27 / 7.38", f"{HE}, table 3"
    ),
    "plain34": Architecture(
        partial(resnet, depth=34, plain=True), "plain-34", HE, 34, 224, "", "28.54 / 10.02",
        f"{HE}, table 3",
    ),
    "resnet18": _residual(18, "27.88 / -", f"{HE}, table 2"),
    "resnet34": _residual(34, "24.52 / 7.46", f"{HE}, table 3 (B)"),
    "resnet50": _residual(50, "22.85 / 6.71", f"{HE}, table 3"),
    "resnet101": _residual(101, "21.75 / 6.05", f"{HE}, table 3"),
    "resnet152": _residual(152, "21.43 / 5.71", f"{HE}, table 3"),
    "unet": Architecture(unet, "U-Net", "Ronneberger 2015", 23, 572),
}  # fmt: skip


def architecture(name: str) -> Architecture:
    """UsageError names what there is."""
    found = ARCHITECTURES.get(name.lower())
    if found is None:
        raise UsageError(
            f"there is no architecture '{name}'; allowed are {', '.join(ARCHITECTURES)}"
        )
    return found


def build(name: str, weights: Weights, *, loaded: bool = False) -> Graph:
    """The graph of an architecture. loaded: weights are torchvision's, whose bottlenecks stride
    in the 3x3 convolution."""
    found = architecture(name)
    if loaded and name.lower().startswith("resnet"):
        return found.make(weights, late=True)  # type: ignore[call-arg]
    return found.make(weights)
