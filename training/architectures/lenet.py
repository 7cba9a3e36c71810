"""LeNet-5, which read digits on cheques.

LeCun, Bottou, Bengio, Haffner: Gradient-Based Learning Applied to Document Recognition, Proc. IEEE
86 (1998), section II.B, figure 2 and table I (which map of S2 feeds which of C3).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

FEEDS = (
    "012", "123", "234", "345", "045", "015", "0123", "1234", "2345", "0345", "0145", "0125",
    "0134", "1245", "0235", "012345",
)  # fmt: skip
"""Table I: the maps of S2 that each of the 16 maps of C3 sees."""


def squash(x: Tensor) -> Tensor:
    """The sigmoid of the paper, with f(1) = 1 and f(-1) = -1 (appendix A)."""
    return 1.7159 * torch.tanh(2 / 3 * x)


class Subsampling(nn.Module):
    """The mean of 2x2 pixels, times a coefficient, plus a bias: two parameters a map.

    The paper adds the four pixels; the factor 4 is in the coefficient here.
    """

    def __init__(self, maps: int) -> None:
        super().__init__()
        self.coefficient = nn.Parameter(torch.ones(maps, 1, 1))
        self.bias = nn.Parameter(torch.zeros(maps, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return functional.avg_pool2d(x, 2) * self.coefficient + self.bias


class PartlyConnected(nn.Module):
    """A convolution whose result maps each see some of the input's: one 5x5 stencil a connection.

    The stencils (connections, 25) are put into place in the full weights (K, C, 5, 5).
    """

    place: Tensor

    def __init__(self, inputs: int, feeds: tuple[str, ...], size: int = 5) -> None:
        super().__init__()
        pairs = [k * inputs + int(c) for k, seen in enumerate(feeds) for c in seen]
        self.shape = (len(feeds), inputs, size, size)
        place = functional.one_hot(torch.tensor(pairs, device="cpu"), len(feeds) * inputs)
        self.register_buffer("place", place.T.float())
        reach = (size * size * len(pairs) / len(feeds)) ** -0.5
        self.stencils = nn.Parameter(torch.empty(len(pairs), size * size).uniform_(-reach, reach))
        self.bias = nn.Parameter(torch.zeros(len(feeds)))

    def forward(self, x: Tensor) -> Tensor:
        weight = (self.place @ self.stencils).view(self.shape)
        return functional.conv2d(x, weight, self.bias)


class LeNet5(nn.Module):
    """(N, 1, 32, 32) -> (N, classes) scores; 60,000 parameters up to F6, as in the paper.

    One thing differs: the last layer is linear (84 -> classes, 850 parameters) and is trained by
    cross entropy, where the paper compares F6 with drawings of the characters (radial basis
    functions, whose parameters were set by hand).
    """

    def __init__(self, classes: int = 10) -> None:
        super().__init__()
        self.c1 = nn.Conv2d(1, 6, 5)
        self.s2 = Subsampling(6)
        self.c3 = PartlyConnected(6, FEEDS)
        self.s4 = Subsampling(16)
        self.c5 = nn.Conv2d(16, 120, 5)
        self.f6 = nn.Linear(120, 84)
        self.output = nn.Linear(84, classes)

    def forward(self, image: Tensor) -> Tensor:
        x = image
        for layer in (self.c1, self.s2, self.c3, self.s4, self.c5):
            x = squash(layer(x))
        scores: Tensor = self.output(squash(self.f6(x.flatten(1))))
        return scores
