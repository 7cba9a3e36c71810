"""Train the colorizing network on folders or zips of colour photos.

    python -m training.colorizing --data photos-scenes.zip photos-objects.zip \\
        photos-bsds400.zip --state runs/colorize --minutes 150

Stopped (Ctrl-C, SIGTERM), the same command goes on from the last checkpoint; with more --steps,
--minutes or --pixels a finished run is lengthened. Small crops come first: the network learns
most of what it can at half the cost. `python -m training.colorizing.export` makes the model file.
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from .. import loop, machine, start
from ..log import Figures, say
from ..options import parser
from ..schedule import Budget
from .augment import Sampler, examples
from .data import Photo, classes, load
from .losses import Loss
from .network import ColourNet
from .palette import Palette, weights
from .validate import cases, choose, judge

COUNTED = 1500  # photos whose colours say which nodes are rare


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    made = parser(__doc__, batch=16, size="96,128", rate=1.5e-3, length=Budget("minutes", 150))
    made.add_argument("--data", required=True, action="extend", nargs="+", help="photos")
    made.add_argument("--start", help="begin with these weights: colorize-photo, or a file")
    made.add_argument("--widths", default="32,64,128,256", help="channels at 1/2 to 1/16")
    made.add_argument("--rare", type=float, default=0.35, help="0: all colours count alike; to 1")
    made.add_argument("--most", type=int, help="photos of each pack, to try things out")
    made.add_argument("--judged", type=int, default=60, help="unseen photos of each pack (60)")
    return made.parse_args(argv)


def photos(options: argparse.Namespace, unseen: bool) -> list[Photo]:
    most = options.judged if unseen else options.most
    return [one for source in options.data for one in load(source, unseen, most)]


def node_weights(known: list[Photo], palette: Palette, rare: float, device: str) -> Tensor:
    """What each node counts, by how often it occurs in some of the photos."""
    counts = torch.zeros(palette.size, device=device)
    generator = torch.Generator().manual_seed(0)
    for photo in known[:: max(1, len(known) // COUNTED)]:
        pixels = torch.from_numpy(np.ascontiguousarray(photo.pixels.transpose(2, 0, 1)))
        counts += palette.counts(examples(pixels[None].to(device), generator)[1])
    return weights(counts, power=rare)


def pair(
    batch: tuple[Tensor, ...], generator: torch.Generator
) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """uint8 RGB (N, 3, S, S) and classes (N,) -> luma as scanned, and chroma with the classes."""
    pixels, kinds = batch
    luma, chroma = examples(pixels, generator)
    return luma, (chroma, kinds)


def judged(unseen: list[Photo], module: nn.Module, whole: bool) -> Figures:
    every = cases(module, unseen)
    return judge(every, choose(every))


def task(options: argparse.Namespace, known: list[Photo], unseen: list[Photo]) -> loop.Task:
    kinds, where = classes(known), machine.device(options.device)
    widths = tuple(int(width) for width in options.widths.split(","))
    module = ColourNet(widths, classes=max(1, len(kinds)))
    if options.start:
        start.fill(module, options.start, prefix="network.", anew=("named.",))
    palette = Palette(where)
    return loop.Task(
        name="colorize",
        module=module,
        sampler=Sampler(known, kinds),
        loss=Loss(palette, node_weights(known, palette, options.rare, str(where))),
        judge=partial(judged, unseen) if unseen else None,
        pair=pair,
        identity={
            "--data": " ".join(str(Path(one).resolve()) for one in options.data),
            "--start": str(options.start),
        },
    )


def main(options: argparse.Namespace) -> None:
    loop.prepare(options)
    known, unseen = photos(options, unseen=False), photos(options, unseen=True)
    if not known:
        raise SystemExit(
            f"{', '.join(options.data)}: no colour photos CLASS/NAME.jpg to learn from "
            f"({len(unseen)} for validation)"
        )
    say(f"{len(known)} photos to learn from, {len(unseen)} to judge on")
    loop.train(task(options, known, unseen), options)
