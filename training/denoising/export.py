"""Write a trained network as a model file for `imgconv denoise --model`.

    python -m training.denoising.export --task photo --checkpoint runs/photo/checkpoint.pt \\
        --check denoise-set12.zip --output denoise-photo.safetensors

What is known about the model is in cards.py; with `--check` the stored weights are judged.
"""

from __future__ import annotations

import argparse

import torch

from ..export import export, rounded
from ..start import weights
from .cards import card
from .train import TASKS, module_of


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--task", required=True, choices=TASKS)
    parser.add_argument("--checkpoint", required=True, help="checkpoint.pt, or a .safetensors")
    parser.add_argument("--output", required=True, help="the model file to write")
    parser.add_argument(
        "--check", action="extend", nargs="+", default=[], help="images to judge on"
    )
    parser.add_argument("--trained", default="", help="how long and on what, in words")
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args(argv)


def main(options: argparse.Namespace) -> None:
    torch.set_num_threads(options.threads)
    task = module_of(options.task)
    module = task.like(weights(options.checkpoint)).eval()
    known = card(options.task, options.trained)
    if options.check:
        rounded(module)
        known["metrics"] = {
            name: round(v, 3) for name, v in task.figures(module, options.check).items()
        }
        print(known["metrics"])
    report = export(module, task.EXAMPLES, options.output, known)
    print(f"{report.path}: {report.bytes / 1e6:.1f} MB, {report.parameters} weights")


if __name__ == "__main__":
    main(arguments())
