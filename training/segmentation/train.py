"""Train a segmentation network, or a ready one further on images and labels of your own.

    python -m training.segmentation --start nuclei --data my-folder --out my-nuclei.safetensors
    imgconv segment --model my-nuclei.safetensors image.tif

`--data` takes folders and zip files (see data.py). A part of the fields is left out and judged on
while it learns; sources of `--hold-out` are left out whole. Stopped (Ctrl-C, SIGTERM), the same
command goes on from the last checkpoint; with more --steps, --minutes or --pixels a finished run is
lengthened.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import torch
from torch import nn

from .. import loop, start
from ..architectures.unet import UNet, like
from ..export import export
from ..log import Figures, say, with_mean
from ..options import parser
from ..schedule import Budget
from .augment import Sampler
from .data import Example, folds, load
from .losses import loss
from .validate import segment_card, settings, validate

SHARES = {"fluorescence": 0.56, "stained": 0.36, "brightfield": 0.08}
JUDGED = 5  # images of each source on the way; all of them at the end


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    made = parser(
        __doc__, batch=4, size="192", rate=1e-3, length=Budget("steps", 1000), validate_every=3
    )
    made.add_argument("--data", required=True, action="extend", nargs="+", help="folders or zips")
    made.add_argument("--out", type=Path, help="the model file to write at the end")
    made.add_argument("--start", help="begin with these weights: nuclei, cells, or a file")
    made.add_argument(
        "--hold-out", type=lambda text: text.split(","), default=[], metavar="SOURCE,SOURCE",
        help="judge on all of these, learn from none",
    )  # fmt: skip
    made.add_argument("--fold", help="K/N: leave part K of N out instead and judge on it")
    made.add_argument("--widths", default="16,32,64,128,192", help="of the levels, without --start")
    made.add_argument("--plain", type=float, default=0.3, help="share of crops as they are (0.3)")
    made.add_argument("--card", type=Path, help="JSON: what its card says, if not as of --start")
    options = made.parse_args(argv)
    if not options.out and not options.state:
        made.error("give --out FILE.safetensors, or --state FOLDER to keep checkpoints alone")
    if options.out and options.out.suffix != ".safetensors":
        made.error(f"--out {options.out}: allowed are names ending in .safetensors")
    return options


def parts(options: argparse.Namespace) -> tuple[list[Example], list[Example]]:
    """Examples to learn from and examples to judge on."""
    train = load(options.data, "train", options.hold_out)
    if not train:
        raise SystemExit(f"{' '.join(options.data)}: nothing to learn from")
    if not options.fold:
        return train, load(options.data, "val", options.hold_out)
    number, count = (int(v) for v in options.fold.split("/"))
    left_out = set(folds(train, count)[number - 1])
    kept = [e for place, e in enumerate(train) if place not in left_out]
    return kept, [train[place] for place in sorted(left_out)]


def known_card(options: argparse.Namespace) -> dict[str, Any]:
    """What the card says: that of the model it begins with, and in its place what --card says."""
    given = json.loads(options.card.read_text()) if options.card else {}
    return {"task": "segment", **start.card(options.start), **given}


def network(options: argparse.Namespace) -> UNet:
    if options.start:
        return like(start.weights(options.start))
    return UNet(tuple(int(width) for width in options.widths.split(",")))


def task(options: argparse.Namespace, train: list[Example], unseen: list[Example]) -> loop.Task:
    card = known_card(options)

    def judge(module: nn.Module, whole: bool) -> Figures:
        return validate(module, unseen if whole else some(unseen), card)

    return loop.Task(
        name=options.out.stem if options.out else "segmentation",
        module=network(options),
        sampler=Sampler(train, SHARES, options.plain, segment_card(card).read["usual"]),
        loss=loss,
        judge=judge if unseen else None,
        identity={
            "--data": " ".join(str(Path(one).resolve()) for one in options.data),
            "--start": str(options.start), "--hold-out": ",".join(options.hold_out),
        },
    )  # fmt: skip


def some(examples: list[Example]) -> list[Example]:
    """Up to JUDGED images of each source, spread over it."""
    found = []
    for source in dict.fromkeys(one.source for one in examples):
        every = [one for one in examples if one.source == source]
        found += every[:: -(-len(every) // JUDGED)]
    return found


def summary(train: list[Example], unseen: list[Example]) -> str:
    """Images of each source, to learn from and to judge on."""
    known, judged = (Counter(one.source for one in part) for part in (train, unseen))
    words = [f"{source} {known[source]}+{judged[source]}" for source in known | judged]
    by_a_model = sorted({one.source for one in train if not one.manual})
    note = f"; a model labelled {', '.join(by_a_model)}: counts half" if by_a_model else ""
    return f"images to learn from + to judge on: {', '.join(words)}{note}"


def write(module: nn.Module, options: argparse.Namespace, unseen: list[Example]) -> None:
    """The model file, with the card of what it began with and what it reached."""
    card = known_card(options)
    data = [{"name": Path(one).name, "terms": "as its owner says"} for one in options.data]
    card |= {
        **settings(card), "name": options.out.stem, "data": data,
        "training": " ".join(["python -m training.segmentation", *sys.argv[1:]]),
        "metrics": with_mean(validate(module, unseen, card)) if unseen else {},
    }  # fmt: skip
    if options.start:
        card["data"].append({"name": f"the weights it begins with: {options.start}", "terms": ""})
    report = export(module, {"image": torch.rand(1, 4, 64, 96)}, options.out, card)
    say(f"{report.parameters} weights, {report.bytes / 1e6:.1f} MB")
    print(report.path)


def main(options: argparse.Namespace) -> None:
    loop.prepare(options)
    train, unseen = parts(options)
    say(summary(train, unseen))
    module = loop.train(task(options, train, unseen), options)
    if options.out:
        write(module, options, unseen)
