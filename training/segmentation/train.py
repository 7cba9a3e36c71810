"""Train a segmentation network, or train a ready one further on your own images.

    python -m training.segmentation.train --data nuclei-dsb2018.zip --out runs/nuclei
    python -m training.segmentation.train --data my-folder --out runs/mine \\
        --start nuclei.safetensors

`--data` is a folder or a zip (see data.py). The checkpoint in `--out` is written every few
minutes; the same command goes on from it. Progress is measured in minutes of training, so
a machine with other work to do still finishes with a learning rate near zero.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from imgconv.tasks.segment.card import READ
from training.ahead import ahead
from training.architectures.unet import UNet, like
from training.run import Run, weights
from training.segmentation.augment import Sampler
from training.segmentation.data import Example, folds, load
from training.segmentation.losses import loss
from training.segmentation.validate import line, validate

SHARES = {"fluorescence": 0.56, "stained": 0.31, "brightfield": 0.13}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", required=True, help="a folder or zip of images and labels")
    parser.add_argument("--out", required=True, type=Path, help="folder of checkpoint and log")
    parser.add_argument("--start", help="weights to begin with: .safetensors or a checkpoint.pt")
    parser.add_argument("--minutes", type=float, default=90, help="training time, without pauses")
    parser.add_argument(
        "--widths", default="16,32,64,128,192", help="channels of each level, without --start"
    )
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--size", type=int, default=192, help="side of the crops in pixels")
    parser.add_argument("--plain", type=float, default=0.3, help="share of unchanged crops")
    parser.add_argument("--rate", type=float, default=2e-3, help="highest learning rate")
    parser.add_argument(
        "--read", type=Path, help="JSON: how maps are read (imgconv.tasks.segment.card.READ)"
    )
    parser.add_argument("--fold", help="K/N: leave part K of N out and validate on it")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--validate-every", type=float, default=15, help="minutes")
    parser.add_argument("--save-every", type=float, default=5, help="minutes")
    return parser.parse_args()


def parts(options: argparse.Namespace) -> tuple[list[Example], list[Example]]:
    """Examples to train on and examples to validate on (none, if there is no such part)."""
    train = load(options.data, "train")
    if not options.fold:
        return train, load(options.data, "val")
    number, count = (int(v) for v in options.fold.split("/"))
    left_out = set(folds(train, count)[number - 1])
    kept = [e for place, e in enumerate(train) if place not in left_out]
    return kept, [train[place] for place in sorted(left_out)]


def batches(
    sampler: Sampler, options: argparse.Namespace, step: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches from `step` on; each has random numbers of its own."""
    for number in itertools.count(step):
        rng = np.random.default_rng((options.seed, number))
        crops = [sampler.draw(rng, options.size) for _ in range(options.batch)]
        images, maps = (torch.from_numpy(np.stack(part)) for part in zip(*crops, strict=True))
        yield images.contiguous(memory_format=torch.channels_last), maps


def train(options: argparse.Namespace) -> None:
    torch.set_num_threads(options.threads)
    cv2.setNumThreads(1)
    torch.manual_seed(options.seed)
    examples, unseen = parts(options)
    rules = {**READ, **(json.loads(options.read.read_text()) if options.read else {})}
    widths = tuple(int(width) for width in options.widths.split(","))
    module = like(weights(options.start)) if options.start else UNet(widths)
    run = Run(module, options.out, options.rate, options.minutes * 60)
    settings = json.dumps(vars(options), default=str)
    run.say(f"{len(examples)} images, {len(unseen)} to validate, {settings}")
    saved = checked = run.seconds
    sampler = Sampler(examples, SHARES, options.plain, rules["usual"])
    source = ahead(batches(sampler, options, run.step))
    while run.seconds < run.budget:
        begin = time.monotonic()
        images, maps = next(source)
        run.learn(loss, images, maps)
        # a stopped process wakes up with a long step: the pause is not training
        run.seconds += min(time.monotonic() - begin, 20.0)
        if run.seconds - saved > options.save_every * 60:
            saved = run.seconds
            run.save()
        if unseen and run.seconds - checked > options.validate_every * 60:
            checked = run.seconds
            run.say(line(validate(run.average, unseen, rules)))
    run.save()
    result = line(validate(run.average, unseen, rules)) if unseen else "nothing to validate on"
    run.say(f"done; {result}")


if __name__ == "__main__":
    train(arguments())
