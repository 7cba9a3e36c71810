"""Train LeNet-5 to read the digits of MNIST, and write it as a model file.

    python -m training.digits --data mnist-train.npz --output weights/digits.safetensors

The data is an .npz with `images` (N, 28, 28) uint8 and `labels` (N,). The last 10,000 are never
trained on: the error rate is theirs. Ten passes take a minute or two.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from training.architectures.lenet import LeNet5
from training.export import export

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


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data", required=True, help=".npz with images and labels")
    parser.add_argument("--output", required=True, help="the model file to write")
    parser.add_argument("--passes", type=int, default=10, help="over the data")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rate", type=float, default=3e-3, help="the highest learning rate")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


def load(path: str) -> tuple[Tensor, Tensor]:
    """Images (N, 1, 28, 28) float32 from 0 to 1, labels (N,) int64."""
    with np.load(path, allow_pickle=False) as data:
        images, labels = data["images"], data["labels"]
    pixels = torch.from_numpy(images.astype(np.float32) / 255)[:, None]
    return pixels, torch.from_numpy(labels.astype(np.int64))


def batches(count: int, size: int) -> Iterator[Tensor]:
    """All indices once, shuffled."""
    yield from torch.randperm(count).split(size)


def train(module: Digits, images: Tensor, labels: Tensor, options: argparse.Namespace) -> None:
    """Adam with a rate that rises and falls once."""
    steps = options.passes * -(-len(images) // options.batch)
    optimiser = torch.optim.Adam(module.parameters(), lr=options.rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, options.rate, total_steps=steps)
    start = time.perf_counter()
    for number in range(options.passes):
        total = 0.0
        for chosen in batches(len(images), options.batch):
            loss = functional.cross_entropy(module.scores(images[chosen]), labels[chosen])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            total += float(loss.detach()) * len(chosen)
        passed = time.perf_counter() - start
        print(f"pass {number + 1}: loss {total / len(images):.4f}, {passed:.0f} s", flush=True)


def errors(module: nn.Module, images: Tensor, labels: Tensor) -> int:
    """How many are misread."""
    with torch.no_grad():
        found = torch.cat([module(part).argmax(1) for part in images.split(1000)])
    return int((found != labels).sum())


def main(options: argparse.Namespace) -> None:
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    images, labels = load(options.data)
    module = Digits()
    train(module, images[:-HELD_OUT], labels[:-HELD_OUT], options)
    module.eval()
    wrong = errors(module, images[-HELD_OUT:], labels[-HELD_OUT:])
    rate = 100 * wrong / HELD_OUT
    print(f"{wrong} of {HELD_OUT} held out are misread: {rate:.2f} %")
    metrics = {"error_percent": rate, "measured_on": f"the last {HELD_OUT} of the training set"}
    report = export(module, {"image": images[:1]}, options.output, {**CARD, "metrics": metrics})
    print(f"{report.path}: {report.bytes / 1e3:.0f} kB, differs by {report.difference:.0e}")


if __name__ == "__main__":
    main(arguments())
