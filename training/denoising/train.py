"""Train one of the networks of `imgconv denoise`.

    python -m training.denoising.train --task photo --data photos-bsds400.zip \\
        --check denoise-set12.zip --out runs/photo --minutes 600

`--data` and `--check` take folders and zip files of images, and may be repeated. The checkpoint
in `--out` is written every few minutes; the same command goes on from it. Progress is measured
in minutes of training, so a machine with other work to do still ends with a small learning rate.
On a GPU: `--device cuda --workers 12 --batch 64 --size 96 --rate 2e-3`.
"""

from __future__ import annotations

import argparse
import copy
import importlib
import itertools
import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from training.ahead import ahead
from training.run import Run, weights

TASKS = ("photo", "gauge", "micro", "crosshair")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--task", required=True, choices=TASKS)
    parser.add_argument("--data", required=True, action="append", help="folder or zip of images")
    parser.add_argument("--check", action="append", default=[], help="images to validate on")
    parser.add_argument("--out", required=True, type=Path, help="folder of checkpoint and log")
    parser.add_argument("--start", help="weights to begin with: a checkpoint.pt or .safetensors")
    parser.add_argument("--minutes", type=float, default=600, help="training time, without pauses")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--size", type=int, default=96, help="side of the crops in pixels")
    parser.add_argument("--rate", type=float, default=1e-3, help="highest learning rate")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument(
        "--workers", type=int, default=0, help="processes that make batches (beside a GPU: 12)"
    )
    parser.add_argument("--validate-every", type=float, default=15, help="minutes")
    parser.add_argument("--save-every", type=float, default=5, help="minutes")
    return parser.parse_args()


class Batches(IterableDataset):  # type: ignore[type-arg]
    """Batches from `step` on; each has random numbers of its own, whoever makes it."""

    def __init__(self, sampler: Any, options: argparse.Namespace, step: int) -> None:
        self.sampler, self.options, self.step = sampler, options, step

    def __iter__(self) -> Iterator[tuple[Tensor, ...]]:
        worker = get_worker_info()
        first, stride = (worker.id, worker.num_workers) if worker else (0, 1)
        for number in itertools.count(self.step + first, stride):
            yield self.batch(number)

    def batch(self, number: int) -> tuple[Tensor, ...]:
        options = self.options
        rng = np.random.default_rng((options.seed, number))
        drawn = [self.sampler.draw(rng, options.size) for _ in range(options.batch)]
        return tuple(torch.from_numpy(np.stack(part)) for part in zip(*drawn, strict=True))


def made(batches: Batches, workers: int) -> Iterator[tuple[Tensor, ...]]:
    """The same batches, made ahead by one thread or, beside a GPU, by several processes."""
    if workers:
        return iter(DataLoader(batches, batch_size=None, num_workers=workers, pin_memory=True))
    return ahead(iter(batches))


def train(options: argparse.Namespace) -> None:
    torch.set_num_threads(options.threads)
    cv2.setNumThreads(1)
    torch.manual_seed(options.seed)
    task = importlib.import_module(f"training.denoising.{options.task}")
    module = task.network()
    if options.start:
        module.load_state_dict(weights(options.start))
    run = Run(module.to(options.device), options.out, options.rate, options.minutes * 60)
    run.say(json.dumps(vars(options), default=str))
    saved = checked = run.seconds
    source = made(Batches(task.sampler(options.data), options, run.step), options.workers)
    while run.seconds < run.budget:
        begin = time.monotonic()
        run.learn(task.loss, *(part.to(options.device) for part in next(source)))
        # a stopped process wakes up with a long step: the pause is not training
        run.seconds += min(time.monotonic() - begin, 20.0)
        if run.seconds - saved > options.save_every * 60:
            saved = run.seconds
            run.save()
        if options.check and run.seconds - checked > options.validate_every * 60:
            checked = run.seconds
            run.say(judged(task, run, options))
    run.save()
    run.say(f"done; {judged(task, run, options) if options.check else ''}")


def judged(task: Any, run: Run, options: argparse.Namespace) -> str:
    """One line on how good the averaged weights are."""
    return line(task.figures(copy.deepcopy(run.average).cpu(), options.check))


def line(figures: Mapping[str, float]) -> str:
    """One line for people."""
    return "  ".join(f"{name}: {value:.3f}" for name, value in figures.items())


if __name__ == "__main__":
    train(arguments())
