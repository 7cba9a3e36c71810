"""Write a trained network as a model file for `imgconv colorize --model`, with what it reached.

    python -m training.colorizing.export --checkpoint runs/colorize/checkpoint.pt \\
        --data photos-scenes.zip photos-objects.zip photos-bsds400.zip \\
        --card training/colorizing/cards/photo.json --output weights/colorize-photo.safetensors

How far the shares are sharpened and the colours strengthened is chosen on the unseen part of
first `--data` (see validate.py), unless `--temperature` and `--saturation` say it.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from imgconv.tasks.colorize.card import PREPARE, READ

from ..export import export, rounded
from ..start import weights
from .data import load
from .network import Annealed, ColourNet
from .validate import (
    SATURATIONS,
    TEMPERATURES,
    VIVID,
    Case,
    Setting,
    cases,
    choose,
    judge,
    line,
)


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--checkpoint", required=True, type=Path, help="checkpoint.pt")
    parser.add_argument("--output", required=True, help="the model file to write")
    parser.add_argument("--card", type=Path, help="JSON: description, licence, data, failures ...")
    parser.add_argument(
        "--data", action="extend", nargs="+", default=[], help="photos to judge it on"
    )
    parser.add_argument("--most", type=int, help="photos of each to judge it on")
    parser.add_argument("--vivid", type=float, default=VIVID, help="colourfulness wanted, of 1")
    parser.add_argument("--temperature", type=float)
    parser.add_argument("--saturation", type=float)
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args(argv)


def network(state: dict[str, Tensor]) -> ColourNet:
    """The network of the widths that these weights were made for, holding them."""
    widths = [state[f"down.{n}.0.0.weight"].shape[0] for n in range(4)]
    module = ColourNet(widths, classes=state["named.bias"].shape[0])
    module.load_state_dict(state, strict=False)
    return module.eval()


def setting(options: argparse.Namespace, every: list[Case]) -> Setting:
    temperature, saturation = options.temperature, options.saturation
    if not every:
        return Setting(temperature or 1.0, saturation or 1.0)
    return choose(
        every,
        options.vivid,
        TEMPERATURES if temperature is None else [temperature],
        SATURATIONS if saturation is None else [saturation],
    )


def main(options: argparse.Namespace) -> None:
    torch.set_num_threads(options.threads)
    module = network(weights(options.checkpoint))
    rounded(module)
    photos = [one for source in options.data for one in load(source, True, options.most)]
    if options.data and not photos:
        raise SystemExit(f"{', '.join(options.data)}: no colour photos for validation in there")
    every = cases(module, photos)
    chosen = setting(options, every)
    card: dict[str, Any] = {"name": "mine", "task": "colorize", "version": "1"}
    card |= json.loads(options.card.read_text()) if options.card else {}
    card |= {"prepare": PREPARE, "read": {**READ, "saturation": chosen.saturation}}
    card["metrics"] = {"temperature": chosen.temperature}
    if every:
        result = judge(every, chosen)
        print(line(result, chosen))
        card["metrics"] |= {
            pack: {name: round(value, 4) for name, value in values.items()}
            for pack, values in result.items()
        }
    annealed = Annealed(module, chosen.temperature)
    report = export(annealed, {"image": torch.rand(1, 1, 64, 96)}, options.output, card)
    print(f"{report.path}: {report.bytes / 1e6:.1f} MB, {report.parameters} weights")


if __name__ == "__main__":
    main(arguments())
