"""Train one of the networks of `imgconv denoise`.

    python -m training.denoising.train --task photo --data photos-bsds400.zip \\
        --check denoise-set12.zip --out runs/photo --minutes 600

`--data` and `--check` take folders and zip files of images, and may be repeated. The checkpoint
in `--out` is written every few minutes; the same command goes on from it. Progress is measured
in minutes of training, so a machine with other work to do still ends with a small learning rate.
"""

from __future__ import annotations

import argparse
import importlib
import json
import queue
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from training.segmentation.run import Run, weights

TASKS = ("photo", "micro", "crosshair")


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
    parser.add_argument("--validate-every", type=float, default=15, help="minutes")
    parser.add_argument("--save-every", type=float, default=5, help="minutes")
    return parser.parse_args()


def batches(sampler: Any, options: argparse.Namespace, step: int) -> Iterator[tuple[Tensor, ...]]:
    """Batches from `step` on, made ahead in one thread; each step has its own random numbers."""
    ready: queue.Queue[tuple[Tensor, ...]] = queue.Queue(maxsize=3)

    def work() -> None:
        for number in range(step, 1 << 40):
            rng = np.random.default_rng((options.seed, number))
            drawn = [sampler.draw(rng, options.size) for _ in range(options.batch)]
            ready.put(tuple(torch.from_numpy(np.stack(part)) for part in zip(*drawn, strict=True)))

    threading.Thread(target=work, daemon=True).start()
    while True:
        yield ready.get()


def train(options: argparse.Namespace) -> None:
    torch.set_num_threads(options.threads)
    cv2.setNumThreads(1)
    torch.manual_seed(options.seed)
    task = importlib.import_module(f"training.denoising.{options.task}")
    module = task.network()
    if options.start:
        module.load_state_dict(weights(options.start))
    run = Run(module, options.out, options.rate, options.minutes * 60)
    run.say(json.dumps(vars(options), default=str))
    saved = checked = run.seconds
    source = batches(task.sampler(options.data), options, run.step)
    while run.seconds < run.budget:
        begin = time.monotonic()
        run.learn(task.loss, *next(source))
        # a stopped process wakes up with a long step: the pause is not training
        run.seconds += min(time.monotonic() - begin, 20.0)
        if run.seconds - saved > options.save_every * 60:
            saved = run.seconds
            run.save()
        if options.check and run.seconds - checked > options.validate_every * 60:
            checked = run.seconds
            run.say(line(task.figures(run.average, options.check)))
    run.save()
    run.say(f"done; {line(task.figures(run.average, options.check)) if options.check else ''}")


def line(figures: Mapping[str, float]) -> str:
    """One line for people."""
    return "  ".join(f"{name}: {value:.3f}" for name, value in figures.items())


if __name__ == "__main__":
    train(arguments())
