"""A convolutional autoencoder: a bow tie that an image must pass through.

Down: convolution, ReLU, max pool, as in Masci and others: Stacked Convolutional Auto-Encoders,
ICANN 2011. Up: either pixels repeated and then a convolution, which leaves no checkerboard
(Odena, Dumoulin, Olah: Deconvolution and Checkerboard Artifacts, Distill 2016), or a transposed
convolution, to compare.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from torch import Tensor, nn


def enlarged(inputs: int, outputs: int, up: str) -> list[nn.Module]:
    if up == "transposed":
        return [nn.ConvTranspose2d(inputs, outputs, 3, 2, padding=1, output_padding=1)]
    return [nn.Upsample(scale_factor=2.0), nn.Conv2d(inputs, outputs, 3, padding=1)]


class Autoencoder(nn.Module):
    """(N, channels, H, W) -> the same; H and W are multiples of `multiple`.

    Each width of the encoder halves the size once; the last is the width of the code.
    """

    def __init__(
        self,
        channels: int = 1,
        widths: Sequence[int] = (32, 64, 128),
        up: Literal["upsample", "transposed"] = "upsample",
    ) -> None:
        super().__init__()
        self.multiple = 2 ** len(widths)
        down: list[nn.Module] = []
        back: list[nn.Module] = []
        for inputs, outputs in zip((channels, *widths), widths, strict=False):
            conv = nn.Conv2d(inputs, outputs, 3, padding=1)
            down += [conv, nn.ReLU(inplace=True), nn.MaxPool2d(2)]
            back = [*enlarged(outputs, inputs, up), nn.ReLU(inplace=True), *back]
        self.encoder = nn.Sequential(*down)
        self.decoder = nn.Sequential(*back[:-1])

    def forward(self, image: Tensor) -> Tensor:
        result: Tensor = self.decoder(self.encoder(image))
        return result
