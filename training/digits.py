"""Train LeNet-5 to read the digits of MNIST, and write it as a model file.

    python -m training.digits --data mnist-train.npz --out weights/digits.safetensors

The data is an .npz with `images` (N, 28, 28) uint8 and `labels` (N,). The last 10,000 are never
trained on: the error rate is theirs. The default takes a minute or two, ten times all of them.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from . import loop
from .architectures.lenet import LeNet5
from .export import export
from .log import say
from .options import parser
from .schedule import Budget

HELD_OUT = 10_000
CARD: dict[str, Any] = {
    "name": "digits",
    "version": "1",
    "task": "",
    "description": "Which digit a 28x28 picture shows: white strokes on black, centred as in "
    "MNIST. A grey image from 0 to 1 in, ten probabilities out.",
    "licence": "CC BY-SA 3.0, as the data",
    "data": [{"name": "MNIST training set, all but the last 10,000", "terms": "CC BY-SA 3.0"}],
    "architecture": "LeNet-5 (LeCun and others 1998, with table I) and a linear last layer: "
    "60,850 weights",
    "training": "python -m training.digits --data mnist-train.npz --output "
    "weights/digits.safetensors",
    "failures": [
        "Black strokes on white, several digits in a picture and digits out of the centre are "
        "misread: it has only seen MNIST.",
        "A picture of no digit is still called one.",
    ],
}


class Digits(nn.Module):
    """(N, 1, 28, 28) from 0 to 1 -> (N, 10) probabilities.

    As in the paper, two pixels are added around, black is -0.1 and white 1.175.
    """

    def __init__(self) -> None:
        super().__init__()
        self.lenet = LeNet5()

    def scores(self, image: Tensor) -> Tensor:
        result: Tensor = self.lenet(functional.pad(image, (2, 2, 2, 2)) * 1.275 - 0.1)
        return result

    def forward(self, image: Tensor) -> Tensor:
        return torch.softmax(self.scores(image), 1)


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    made = parser(__doc__, batch=64, size="28", rate=3e-3, length=Budget("steps", 7810))
    made.add_argument("--data", required=True, help=".npz with images and labels")
    made.add_argument("--out", type=Path, required=True, help="the model file to write")
    return made.parse_args(argv)


def load(path: str) -> tuple[Tensor, Tensor]:
    """Images (N, 1, 28, 28) float32 from 0 to 1, labels (N,) int64."""
    with np.load(path, allow_pickle=False) as data:
        images, labels = data["images"], data["labels"]
    pixels = torch.from_numpy(images.astype(np.float32) / 255)[:, None]
    return pixels, torch.from_numpy(labels.astype(np.int64))


class Shuffled:
    """Draws one of the digits; all are equally likely."""

    def __init__(self, images: np.ndarray, labels: np.ndarray) -> None:
        self.images, self.labels = images, labels

    def draw(self, rng: np.random.Generator, size: int) -> tuple[np.ndarray, int]:
        """(1, 28, 28) and its digit."""
        place = int(rng.integers(len(self.images)))
        return self.images[place], int(self.labels[place])


class Scores(Digits):
    """The same network, while it learns: without the softmax."""

    def forward(self, image: Tensor) -> Tensor:
        return self.scores(image)


def errors(module: nn.Module, images: Tensor, labels: Tensor) -> int:
    """How many are misread."""
    with torch.no_grad():
        found = torch.cat([module(part).argmax(1) for part in images.split(1000)])
    return int((found != labels).sum())


def main(options: argparse.Namespace) -> None:
    loop.prepare(options)
    images, labels = load(options.data)
    known = Shuffled(images[:-HELD_OUT].numpy(), labels[:-HELD_OUT].numpy())
    task = loop.Task(
        options.out.stem, Scores(), known, functional.cross_entropy,
        identity={"--data": str(Path(options.data).resolve())},
    )  # fmt: skip
    module = Digits().eval()
    module.load_state_dict(loop.train(task, options).state_dict())
    wrong = errors(module, images[-HELD_OUT:], labels[-HELD_OUT:])
    rate = 100 * wrong / HELD_OUT
    say(f"{wrong} of {HELD_OUT} held out are misread: {rate:.2f} %")
    metrics = {"error_percent": rate, "measured_on": f"the last {HELD_OUT} of the training set"}
    report = export(module, {"image": images[:1]}, options.out, {**CARD, "metrics": metrics})
    say(f"{report.bytes / 1e3:.0f} kB, differs by {report.difference:.0e}")
    print(report.path)


if __name__ == "__main__":
    main(arguments())
