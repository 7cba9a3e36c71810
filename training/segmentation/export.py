"""Write a trained network as a model file for `imgconv segment --model`, with what it reached.

    python -m training.segmentation.export --checkpoint runs/mine/checkpoint.pt \\
        --name mine --output mine.safetensors

`--card` is a JSON file of what is known about the model, `--read` another of thresholds (see
imgconv.tasks.segment.card.READ); with `--data` the stored weights are judged on its "val" part.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import torch

from imgconv.tasks.segment.card import PREPARE, READ
from training.architectures.unet import like
from training.export import export
from training.run import weights
from training.segmentation.data import load
from training.segmentation.validate import line, validate


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--checkpoint", required=True, help="checkpoint.pt, or a .safetensors")
    parser.add_argument("--output", required=True, help="the model file to write")
    parser.add_argument("--card", type=Path, help="JSON: description, licence, data, failures ...")
    parser.add_argument("--read", type=Path, help="JSON: thresholds that differ from the usual")
    parser.add_argument("--metrics", type=Path, help="JSON: figures measured elsewhere")
    parser.add_argument("--name", help="of the model, instead of the card's")
    parser.add_argument("--data", help="folder or zip to judge the model on")
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


def contents(path: Path | None) -> dict[str, Any]:
    return json.loads(path.read_text()) if path else {}


def main(options: argparse.Namespace) -> None:
    torch.set_num_threads(options.threads)
    module = like(weights(options.checkpoint)).eval()
    card = {"name": "mine", "task": "segment", **contents(options.card)}
    if options.name:
        card["name"] = options.name
    card["prepare"] = PREPARE
    card["read"] = {**READ, **contents(options.read)}
    card["metrics"] = contents(options.metrics)
    if options.data:
        rounded(module)
        result = validate(module, load(options.data, "val"), card["read"])
        print(line(result))
        card["metrics"] |= {kind: readable(values) for kind, values in result.items()}
    example = torch.rand(1, module.inputs, 64, 96)
    report = export(module, {"image": example}, options.output, card)
    print(f"{report.path}: {report.bytes / 1e6:.1f} MB, {report.parameters} weights")


def rounded(module: torch.nn.Module) -> None:
    """Convolutions as they will be stored, so that what is judged is what is shipped."""
    for layer in module.modules():
        if isinstance(layer, torch.nn.Conv2d):
            layer.weight.data = layer.weight.data.half().float()


def readable(values: dict[str, float]) -> dict[str, float]:
    names = {name: name.replace("ap", "AP at IoU ") for name in values if name.startswith("ap")}
    return {names.get(name, "count error"): round(value, 4) for name, value in values.items()}


if __name__ == "__main__":
    main(arguments())
