"""What the gauge of `photo` learns on its own, after the rest: levels of noise in any photograph.

It costs little to train, and needs to have seen more than the rest: sharp small pictures whose
texture looks like noise, compressed ones, and many without any noise.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from .network import PLANES, Denoiser, like  # noqa: F401 (train)
from .photo import EXAMPLES, Photos, figures, misjudged  # noqa: F401 (train)
from .pictures import pictures

SMALLEST = 0.35  # photos are reduced to this at most


class Gauged(Denoiser):
    """The denoiser, of which only the gauge runs and learns."""

    def forward(self, image: Tensor, level: Tensor | None = None) -> dict[str, Tensor]:
        return {"gauge": self.gauge(image[:, :PLANES])}


def network() -> Denoiser:
    module = Gauged()
    module.body.requires_grad_(False)
    return module


def sampler(sources: Sequence[str]) -> Photos:
    return Photos(pictures(sources), smallest=SMALLEST)


def loss(found: dict[str, Tensor], true: Tensor) -> Tensor:
    return misjudged(found["gauge"], true)
