"""The bow tie: two convolutional autoencoders, one finds the overlay, one fills in.

Each narrows the image to a sixteenth of its size and widens it again; what the bottleneck cannot
carry goes across by addition at each size. The filler is given the image, where it has to be
filled in, and a first filling out of means of what is around; it learns what that lacks. It sees
the overlay too: along soft edges of a line a part of what is beneath still shines through.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from .network import Body

PRIOR = -3.0  # one pixel in twenty is a line's
HALVINGS = 4  # of the size, for the means that fill a hole at first
LITTLE = 1e-3  # share of a mean's pixels that must be known for it to count


class BowTie(nn.Module):
    """image (N, 3, H, W) in 0..1 and hole (N, 1, H, W), 1 where something is to be filled in ->
    {"overlay": (N, 1, H, W), over 0 where a line is more likely than not,
    "content": (N, 3, H, W), what is beneath the hole}.
    """

    multiple = 16

    def __init__(
        self, finder: Sequence[int] = (32, 48, 64, 96), filler: Sequence[int] = (32, 48, 64, 96)
    ) -> None:
        super().__init__()
        self.finder = Body(4, 1, finder, (1, 1, 1, 2), (1, 1, 1))
        self.filler = Body(8, 3, filler, (1, 1, 1, 2), (1, 1, 1))

    def forward(self, image: Tensor, hole: Tensor | None = None) -> dict[str, Tensor]:
        if hole is None:  # training has both in one
            image, hole = image[:, :3], image[:, 3:]
        centred = image - 0.5
        one = hole * 0 + 1  # stands in for biases, which a Body has none of
        overlay = self.finder(torch.cat([centred, one], 1)) + PRIOR
        first = filled(centred, hole)
        content = first + self.filler(torch.cat([centred, first, hole, one], 1))
        return {"overlay": overlay, "content": content + 0.5}


def filled(image: Tensor, hole: Tensor) -> Tensor:
    """In the hole means of what is known around it, of the smallest boxes that hold any: pull and
    push (Gortler and others, The Lumigraph, 1996)."""
    known = 1 - hole
    levels = [(image * known, known)]
    for _ in range(HALVINGS):
        sums, shares = (functional.avg_pool2d(part, 2) for part in levels[-1])
        levels.append((sums, shares))
    sums, shares = levels.pop()
    found = sums / (shares + LITTLE)
    for sums, shares in reversed(levels):
        coarse = functional.interpolate(found, scale_factor=2, mode="bilinear")
        found = (sums + LITTLE * coarse) / (shares + LITTLE)
    return image * known + found * hole


def like(state: dict[str, Tensor]) -> BowTie:
    """A bow tie of the widths that these weights were made for, holding them."""

    def widths(part: str) -> list[int]:
        return [state[f"{part}.down.{i}.0.first.weight"].shape[0] for i in range(4)]

    module = BowTie(widths("finder"), widths("filler"))
    module.load_state_dict(state)
    return module
