"""Train LeNet-5 to read digits and to say what is none, and write it as a model file.

    python -m training.digits --data mnist-train.npz --out weights/digits.safetensors

The data is an .npz with `images` (N, 28, 28) uint8 and `labels` (N,). 10,000 drawn with a fixed
seed are never trained on: the error rate is theirs. `--photos` takes a folder or a zip of photos,
which are no digits either.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from .. import loop
from ..export import export
from ..log import Figures, say
from ..options import parser
from ..schedule import Budget
from .distort import distort
from .foreign import foreign, photos, printed
from .network import Digits, Scores

HELD_OUT, SPLIT_SEED = 10_000, 1998
NONE = 10
CLASSES = [*map(str, range(10)), "no digit"]
POOL = 30_000  # foreign marks that are made once, and distorted anew each time
SHARES = {"written": 0.8, "printed": 0.04, "foreign": 0.16}
SMOOTHING = 0.02
CARD: dict[str, Any] = {
    "name": "digits",
    "version": "3",
    "task": "classify",
    "read": {"classes": CLASSES},
    "prepare": {"form": "mnist"},
    "description": "Which digit a mark is, written or printed, or that it is none. A grey image "
    "of 28x28 from 0 to 1 in, light on dark and centred as in MNIST, eleven probabilities out; "
    "imgconv classify finds the marks of a scan and brings them to that form.",
    "licence": "CC BY-SA 3.0, as the data",
    "data": [
        {"name": "MNIST training set, all but 10,000", "terms": "CC BY-SA 3.0"},
        {"name": "letters and digits of STIX, Computer Modern and Hershey fonts", "terms": "OFL, "
         "free use"},
    ],
    "architecture": "LeNet-5 (LeCun and others 1998), its layers twice as wide, with relu and "
    "maxima: 88,843 weights",
    "training": "python -m training.digits --data mnist-train.npz --photos photos.zip --out "
    "weights/digits.safetensors",
    "failures": [
        "Letters that look like digits (O, l, S, Z, B, b, q, g) are read as digits.",
        "Digits that touch are split where that reads well, and else called no digit.",
        "A written 1 with a long upstroke, or a 7 with a bar, follows what MNIST's writers did.",
    ],
}  # fmt: skip


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    made = parser(
        __doc__, batch=128, size="28", rate=4e-3, length=Budget("steps", 40_000), validate_every=2
    )
    made.add_argument("--data", required=True, help=".npz with images and labels")
    made.add_argument("--photos", help="folder or zip of photos, which are no digits")
    made.add_argument("--pool", type=int, default=POOL, help=f"foreign marks made ({POOL})")
    made.add_argument("--out", type=Path, required=True, help="the model file to write")
    return made.parse_args(argv)


@dataclass(frozen=True)
class Marks:
    """images (N, 28, 28) uint8, labels (N,) uint8."""

    images: np.ndarray
    labels: np.ndarray

    def tensors(self) -> tuple[Tensor, Tensor]:
        """(N, 1, 28, 28) float32 from 0 to 1, and (N,) int64."""
        pixels = torch.from_numpy(self.images.astype(np.float32) / 255)[:, None]
        return pixels, torch.from_numpy(self.labels.astype(np.int64))


def load(path: str) -> tuple[Marks, Marks]:
    """What is learnt from, and what is held back."""
    with np.load(path, allow_pickle=False) as data:
        images, labels = data["images"], data["labels"]
    order = np.random.default_rng(SPLIT_SEED).permutation(len(images))
    kept = max(len(images) - HELD_OUT, len(images) // 2)
    parts = (np.sort(order[:kept]), np.sort(order[kept:]))
    known, held = (Marks(images[part], labels[part]) for part in parts)
    return known, held


class Sampler:
    """Draws a kind of mark, and one of it."""

    def __init__(self, kinds: dict[str, Marks]) -> None:
        self.kinds = [kinds[name] for name in SHARES]
        self.ends = np.cumsum([SHARES[name] for name in SHARES])

    def draw(self, rng: np.random.Generator, size: int) -> tuple[np.ndarray, int]:
        """(1, 28, 28) uint8 and its class."""
        kind = self.kinds[min(int(np.searchsorted(self.ends, rng.random())), len(self.kinds) - 1)]
        place = int(rng.integers(len(kind.images)))
        return kind.images[place][None], int(kind.labels[place])


def bend(batch: tuple[Tensor, ...], generator: torch.Generator) -> loop.Pair:
    """A batch, each mark distorted."""
    images, labels = batch
    return distort(images, generator), labels


def kinds(known: Marks, pictures: list[np.ndarray], count: int, seed: int) -> dict[str, Marks]:
    """What is learnt, by kind."""
    none = np.stack(list(foreign(seed, count, known.images, known.labels, pictures)))
    images, labels = zip(*printed(seed, max(10, count // 10)), strict=True)
    return {
        "written": known,
        "printed": Marks(np.stack(images), np.array(labels)),
        "foreign": Marks(none, np.full(count, NONE)),
    }


def wrong(module: nn.Module, images: Tensor, labels: Tensor) -> int:
    """How many are misread."""
    with torch.no_grad():
        found = torch.cat([module(part).argmax(1) for part in images.split(1000)])
    return int((found != labels).sum())


def loss(scores: Tensor, labels: Tensor) -> Tensor:
    return functional.cross_entropy(scores, labels, label_smoothing=SMOOTHING)


def main(options: argparse.Namespace) -> None:
    loop.prepare(options)
    known, held = load(options.data)
    learnt = kinds(known, photos(options.photos), options.pool, options.seed)
    others = kinds(known, photos(options.photos), max(7, options.pool // 20), options.seed + 1)
    judged = {"held back": held, "print": others["printed"], "no digit": others["foreign"]}
    tensors = {name: marks.tensors() for name, marks in judged.items()}

    def judge(module: nn.Module, whole: bool) -> Figures:
        rates = {n: 100 * wrong(module, *t) / len(t[0]) for n, t in tensors.items()}
        return {name: {"error percent": rate} for name, rate in rates.items()}

    task = loop.Task(
        options.out.stem, Scores(len(CLASSES)), Sampler(learnt), loss, judge, bend,
        identity={"--data": str(Path(options.data).resolve())},
    )  # fmt: skip
    module = Digits(len(CLASSES)).eval()
    module.load_state_dict(loop.train(task, options).state_dict())
    found = judge(module, True)
    module.settle()
    write(module, options.out, found, tensors["held back"][0][:1])


def write(module: nn.Module, out: Path, found: Figures, example: Tensor) -> None:
    metrics = {
        f"error percent, {name}": round(values["error percent"], 3)
        for name, values in found.items()
    }
    metrics["measured on"] = (
        f"held back: {HELD_OUT} of MNIST's training set (seed {SPLIT_SEED}); print and no digit: "
        "the kinds trained on, drawn anew"
    )
    report = export(module, {"image": example}, out, {**CARD, "metrics": metrics})
    for name, values in found.items():
        say(f"{name}: {values['error percent']:.2f} % misread")
    say(f"{report.bytes / 1e3:.0f} kB, differs by {report.difference:.0e}")
    print(report.path)
