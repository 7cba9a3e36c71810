"""VGG-16: depth from nothing but 3x3 convolutions.

Simonyan, Zisserman: Very Deep Convolutional Networks for Large-Scale Image Recognition, ICLR 2015,
table 1, configuration D.
"""

from __future__ import annotations

from torch import Tensor, nn

CONVOLUTIONS = (2, 2, 3, 3, 3)  # before each pool


class VGG16(nn.Module):
    """(N, 3, size, size) -> (N, classes) scores; 138,357,544 parameters as in the paper.

    `width` is that of the first convolutions; it doubles after each pool, up to 8 times.
    """

    def __init__(
        self, classes: int = 1000, width: int = 64, hidden: int = 4096, size: int = 224
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 3
        for level, count in enumerate(CONVOLUTIONS):
            wider = width * min(2**level, 8)
            for _ in range(count):
                layers += [nn.Conv2d(channels, wider, 3, padding=1), nn.ReLU(inplace=True)]
                channels = wider
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(
            nn.Linear(channels * (size // 32) ** 2, hidden),
            nn.ReLU(inplace=True),
            nn.Dropout(0.5),
            nn.Linear(hidden, hidden),
            nn.ReLU(inplace=True),
            nn.Dropout(0.5),
            nn.Linear(hidden, classes),
        )

    def forward(self, image: Tensor) -> Tensor:
        scores: Tensor = self.classifier(self.features(image).flatten(1))
        return scores
