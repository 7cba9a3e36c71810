"""LeNet-5 as it would be built today, in 200 kB."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

WIDTHS = (12, 32, 88, 84)  # maps of C1, C3, C5; neurons of F6. In 1998: 6, 16, 120, 84


class Digits(nn.Module):
    """(N, 1, 28, 28) from 0 to 1 -> (N, classes) probabilities.

    The seven layers of LeCun and others 1998: C1, S2, C3, S4, C5, F6, output, with 5x5 stencils and
    two pixels added around. What thirty years changed: every map of C3 sees all of S2, subsampling
    takes the largest of 2x2, its coefficient and bias are those of batch normalisation, and relu
    stands for tanh.
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        one, two, three, four = WIDTHS
        self.c1, self.s2 = nn.Conv2d(1, one, 5, padding=2), subsampling(one)
        self.c3, self.s4 = nn.Conv2d(one, two, 5), subsampling(two)
        self.c5 = nn.Conv2d(two, three, 5)
        self.norm: nn.Module = nn.BatchNorm2d(three)
        self.f6 = nn.Linear(three, four)
        self.output = nn.Linear(four, classes)

    def scores(self, image: Tensor) -> Tensor:
        s4 = self.s4(self.c3(self.s2(self.c1(image))))
        c5 = functional.relu(self.norm(self.c5(s4)))
        f6 = functional.relu(self.f6(c5.flatten(1)))
        result: Tensor = self.output(f6)
        return result

    def forward(self, image: Tensor) -> Tensor:
        return torch.softmax(self.scores(image), 1)

    def settle(self) -> None:
        """Make normalisation part of the weights before it, where the largest of 2x2 may as well be
        taken after it: where no coefficient is negative."""
        for conv, after in (("c1", "s2"), ("c3", "s4")):
            norm = getattr(self, after)[1]
            if bool((norm.weight >= 0).all()):
                setattr(self, conv, fuse_conv_bn_eval(getattr(self, conv), norm))
                setattr(self, after, nn.Sequential(nn.ReLU(), nn.MaxPool2d(2)))
        self.c5, self.norm = fuse_conv_bn_eval(self.c5, self.norm), nn.Identity()


class Scores(Digits):
    """The same network, while it learns: without the softmax."""

    def forward(self, image: Tensor) -> Tensor:
        return self.scores(image)


def subsampling(maps: int) -> nn.Sequential:
    """The largest of 2x2, times a coefficient, plus a bias, and relu."""
    return nn.Sequential(nn.MaxPool2d(2), nn.BatchNorm2d(maps), nn.ReLU())
