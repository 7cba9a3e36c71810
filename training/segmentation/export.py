"""Write a trained network as a model file for `imgconv segment --model`, with what it reached.

    python -m training.segmentation.export --checkpoint runs/mine/checkpoint.pt \\
        --name mine --output mine.safetensors

`--card` is a JSON file of what is known about the model, with what differs from the usual in
"prepare" and "read" (see imgconv.tasks.segment.card); with `--data` the stored weights are judged
on the part of it that is for validation.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import torch

from ..architectures.unet import like
from ..export import export, rounded
from ..log import with_mean
from ..start import weights
from .data import load
from .validate import settings, validate


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--checkpoint", required=True, help="checkpoint.pt, or a .safetensors")
    parser.add_argument("--output", required=True, help="the model file to write")
    parser.add_argument("--card", type=Path, help="JSON: description, licence, data, failures ...")
    parser.add_argument("--metrics", type=Path, help="JSON: figures measured elsewhere")
    parser.add_argument("--name", help="of the model, instead of the card's")
    parser.add_argument("--data", action="extend", nargs="+", help="packs to judge on")
    parser.add_argument("--hold-out", type=lambda text: text.split(","), default=[])
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args(argv)


def contents(path: Path | None) -> dict[str, Any]:
    return json.loads(path.read_text()) if path else {}


def main(options: argparse.Namespace) -> None:
    torch.set_num_threads(options.threads)
    module = like(weights(options.checkpoint)).eval()
    card = {"name": "mine", "task": "segment", **contents(options.card)}
    if options.name:
        card["name"] = options.name
    card |= settings(card)
    card["metrics"] = contents(options.metrics)
    if options.data:
        rounded(module)
        unseen = load(options.data, "val", options.hold_out)
        card["metrics"] |= with_mean(validate(module, unseen, card))
        print(json.dumps(card["metrics"], indent=2))
    example = torch.rand(1, module.inputs, 64, 96)
    report = export(module, {"image": example}, options.output, card)
    print(f"{report.path}: {report.bytes / 1e6:.1f} MB, {report.parameters} weights")


if __name__ == "__main__":
    main(arguments())
