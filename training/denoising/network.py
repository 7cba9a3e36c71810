"""The denoiser: a U-Net of residual blocks at half the size, told how strong the noise is.

After Zhang and others, FFDNet (2018: pixels rearranged 2x2 into channels, a map of the noise
level beside the image) and DRUNet (2021: residual blocks, no normalisation, no biases). Without
biases the network is homogeneous: an image and its noise twice as strong give twice the result
(Mohan and others, 2020), so one network serves every bit depth and level.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from imgconv.tasks.denoise.read import inner

PLANES, LEVELS = 3, 2  # brightness and two colour differences; their two noise levels


class Block(nn.Module):
    """x + two 3x3 convolutions of x."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.second = nn.Conv2d(width, width, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(functional.relu(self.first(x)))


def blocks(width: int, count: int) -> nn.Sequential:
    return nn.Sequential(*(Block(width) for _ in range(count)))


class Body(nn.Module):
    """(N, inputs, H, W) -> (N, outputs, H, W); H and W are multiples of 2^len(widths).

    Level `i` works at 1 / 2^(i+1) of the size; paths meet by addition.
    """

    def __init__(
        self, inputs: int, outputs: int, widths: Sequence[int], down: Sequence[int],
        up: Sequence[int],
    ) -> None:  # fmt: skip
        super().__init__()
        self.stem = nn.Conv2d(4 * inputs, widths[0], 3, padding=1, bias=False)
        self.down = nn.ModuleList(blocks(w, n) for w, n in zip(widths, down, strict=True))
        self.up = nn.ModuleList(blocks(w, n) for w, n in zip(widths[:-1], up, strict=True))
        pairs = list(itertools.pairwise(widths))
        self.narrow = nn.ModuleList(nn.Conv2d(a, b, 2, 2, bias=False) for a, b in pairs)
        self.widen = nn.ModuleList(nn.ConvTranspose2d(b, a, 2, 2, bias=False) for a, b in pairs)
        self.head = nn.Conv2d(widths[0], 4 * outputs, 3, padding=1, bias=False)
        nn.init.normal_(self.head.weight, std=0.003)  # at first there is next to no noise

    def forward(self, image: Tensor) -> Tensor:
        x = self.stem(functional.pixel_unshuffle(image, 2))
        skips = []
        for level, block in enumerate(self.down):
            x = block(self.narrow[level - 1](x) if level else x)
            skips.append(x)
        for level in reversed(range(len(self.up))):
            x = self.up[level](skips[level] + self.widen[level](x))
        return functional.pixel_shuffle(self.head(x), 2)


class Gauge(nn.Module):
    """How strong the noise is: (N, 3, H, W) -> (N, 3, H/8, W/8), H and W multiples of 8.

    Channels: level of the brightness, level of the colour, and the logarithm of how much this
    place counts for the whole image's level: flat places tell more than texture. It is shown what
    a second derivative both ways leaves (Immerkaer 1996), nine times white noise's level: of the
    image itself, whose means are large and whose noise is not, it learned nothing within hours.
    """

    high: Tensor

    def __init__(self, widths: Sequence[int] = (24, 32, 48)) -> None:
        super().__init__()
        second = torch.tensor([1.0, -2.0, 1.0])
        self.register_buffer("high", 1.5 * second.outer(second).expand(PLANES, 1, 3, 3).clone())
        a, b, c = widths
        shapes = [(4 * PLANES, a, 1), (a, b, 2), (b, b, 1), (b, c, 2), (c, c, 1)]
        layers: list[nn.Module] = []
        for inputs, outputs, stride in shapes:
            layers += [nn.Conv2d(inputs, outputs, 3, stride, padding=1), nn.LeakyReLU(0.1)]
        layers.append(nn.Conv2d(c, 3, 1))
        self.layers = nn.Sequential(*layers)

    def forward(self, image: Tensor) -> Tensor:
        around = functional.pad(image, (1, 1, 1, 1), mode="replicate")
        rough = functional.conv2d(around, self.high, groups=PLANES)
        result: Tensor = self.layers(functional.pixel_unshuffle(rough, 2))
        return result


class Denoiser(nn.Module):
    """image (N, 3, H, W) and level (N, 2, H, W), its noise's -> {"noise": what to subtract
    (N, 3, H, W), "gauge": what the level is, (N, 3, H/8, W/8), see Gauge}.

    Planes are brightness and colour differences (imgconv.tasks.denoise.opponent), white is 1;
    grey images have no colour: zeros, at level zero.
    """

    multiple = 8

    def __init__(
        self,
        widths: Sequence[int] = (64, 96, 128),
        down: Sequence[int] = (1, 2, 3),
        up: Sequence[int] = (2, 2),
    ) -> None:
        super().__init__()
        self.settings = {"widths": list(widths), "down": list(down), "up": list(up)}
        self.body = Body(PLANES + LEVELS, PLANES, widths, down, up)
        self.gauge = Gauge()

    def forward(self, image: Tensor, level: Tensor | None = None) -> dict[str, Tensor]:
        if level is None:  # training has both in one
            image, level = image[:, :PLANES], image[:, PLANES:]
        return {"noise": self.body(torch.cat([image, level], 1)), "gauge": self.gauge(image)}


def pooled(level: Tensor) -> Tensor:
    """(N, 3, h, w) of the gauge -> (N, 2): the whole image's levels, of the places that see
    nothing beyond its edge (see imgconv.tasks.denoise.read.inner)."""
    level = level[(..., *inner(*level.shape[2:]))]
    share = torch.softmax(level[:, 2:].flatten(2), 2)
    return (level[:, :2].flatten(2) * share).sum(2)


def like(state: dict[str, Tensor]) -> Denoiser:
    """A denoiser of the shape that these weights were made for, holding them."""

    def count(prefix: str) -> int:
        numbers = [int(n[len(prefix) :].split(".")[0]) for n in state if n.startswith(prefix)]
        return 1 + max(numbers, default=-1)

    depth = count("body.down.")
    widths = [state[f"body.down.{i}.0.first.weight"].shape[0] for i in range(depth)]
    down = [count(f"body.down.{i}.") for i in range(depth)]
    up = [count(f"body.up.{i}.") for i in range(depth - 1)]
    module = Denoiser(widths, down, up)
    module.load_state_dict(state)
    return module
