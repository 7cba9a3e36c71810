"""Train the colorizing network on folders or zips of colour photos.

    python -m training.colorizing.train --data photos-scenes.zip photos-objects.zip \\
        photos-bsds400.zip --out runs/colorize --minutes 150

The checkpoint in `--out` is written every few minutes; the same command goes on from it, and a
finished run with more `--minutes` is lengthened. Progress is measured in minutes of training, so
a machine with other work to do still finishes with a learning rate near zero. On a GPU the same
command takes minutes: `--batch 64 --rate 2e-3`.
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

from training.ahead import ahead
from training.colorizing.augment import Sampler, examples
from training.colorizing.data import Photo, classes, load
from training.colorizing.losses import Loss
from training.colorizing.network import ColourNet
from training.colorizing.palette import Palette, weights
from training.colorizing.validate import cases, choose, judge, line
from training.run import Run

COUNTED = 1500  # photos whose colours say which nodes are rare


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", required=True, nargs="+", help="folders or zips of photos")
    parser.add_argument("--out", required=True, type=Path, help="folder of checkpoint and log")
    parser.add_argument("--minutes", type=float, default=150, help="training time, without pauses")
    parser.add_argument("--widths", default="32,64,128,256", help="channels at 1/2 to 1/16")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument(
        "--sizes",
        default="96,128",
        help="sides of the crops, for equal parts of the time",
    )
    parser.add_argument("--rate", type=float, default=1.5e-3, help="highest learning rate")
    parser.add_argument("--rare", type=float, default=0.35, help="0: all colours count alike; to 1")
    parser.add_argument("--most", type=int, help="photos of each pack, to try things out")
    parser.add_argument("--judged", type=int, default=60, help="unseen photos of each pack")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--validate-every", type=float, default=15, help="minutes")
    parser.add_argument("--save-every", type=float, default=5, help="minutes")
    return parser.parse_args()


def photos(options: argparse.Namespace, unseen: bool) -> list[Photo]:
    most = options.judged if unseen else options.most
    return [one for source in options.data for one in load(source, unseen, most)]


def batches(
    sampler: Sampler, options: argparse.Namespace, run: Run
) -> Iterator[tuple[int, Tensor, Tensor]]:
    """Batches from the run's step on, with their numbers; each has random numbers of its own.

    Small crops come first: the network learns most of what it can at half the cost.
    """
    sizes = [int(size) for size in options.sizes.split(",")]
    for number in itertools.count(run.step):
        rng = np.random.default_rng((options.seed, number))
        size = sizes[min(int(run.seconds / run.budget * len(sizes)), len(sizes) - 1)]
        yield number, *sampler.batch(rng, size, options.batch)


def node_weights(known: list[Photo], palette: Palette, rare: float, device: str) -> Tensor:
    """What each node counts, by how often it occurs in some of the photos."""
    counts = torch.zeros(palette.size, device=device)
    generator = torch.Generator().manual_seed(0)
    for photo in known[:: max(1, len(known) // COUNTED)]:
        pixels = torch.from_numpy(np.ascontiguousarray(photo.pixels.transpose(2, 0, 1)))
        counts += palette.counts(examples(pixels[None].to(device), generator)[1])
    return weights(counts, power=rare)


def train(options: argparse.Namespace) -> None:
    torch.set_num_threads(options.threads)
    cv2.setNumThreads(1)
    torch.manual_seed(options.seed)
    if any(int(size) % ColourNet.multiple for size in options.sizes.split(",")):
        raise SystemExit(f"--sizes {options.sizes}: must be multiples of {ColourNet.multiple}")
    known, unseen = photos(options, unseen=False), photos(options, unseen=True)
    if not known:
        raise SystemExit(
            f"{', '.join(options.data)}: no colour photos CLASS/NAME.jpg to learn from "
            f"({len(unseen)} for validation)"
        )
    kinds = classes(known)
    widths = tuple(int(width) for width in options.widths.split(","))
    module = ColourNet(widths, classes=max(1, len(kinds))).to(options.device)
    run = Run(module, options.out, options.rate, options.minutes * 60)
    palette = Palette(torch.device(options.device))
    loss = Loss(palette, node_weights(known, palette, options.rare, options.device))
    settings = json.dumps(vars(options), default=str)
    run.say(f"{len(known)} photos, {len(unseen)} to validate, {palette.size} nodes, {settings}")
    learn(run, loss, ahead(batches(Sampler(known, kinds), options, run)), unseen, options)


def learn(
    run: Run,
    loss: Loss,
    source: Iterator[tuple[int, Tensor, Tensor]],
    unseen: list[Photo],
    options: argparse.Namespace,
) -> None:
    """Until the time is over, with a checkpoint and a judgement every so often."""
    saved = checked = run.seconds
    while run.seconds < run.budget:
        begin = time.monotonic()
        number, pixels, kinds = next(source)
        generator = torch.Generator().manual_seed(options.seed * 1_000_003 + number)
        luma, chroma = examples(pixels.to(options.device), generator)
        run.learn(loss, luma, (chroma, kinds.to(options.device)))  # type: ignore[arg-type]
        # a stopped process wakes up with a long step: the pause is not training
        run.seconds += min(time.monotonic() - begin, 20.0)
        if run.seconds - saved > options.save_every * 60:
            saved = run.seconds
            run.save()
        if unseen and run.seconds - checked > options.validate_every * 60:
            checked = run.seconds
            run.say(judged(run, unseen))
    run.save()
    run.say(f"done; {judged(run, unseen) if unseen else 'nothing to validate on'}")


def judged(run: Run, unseen: list[Photo]) -> str:
    every = cases(run.average, unseen)
    setting = choose(every)
    return line(judge(every, setting), setting)


if __name__ == "__main__":
    train(arguments())
