"""Train one of the networks of `imgconv denoise`.

    python -m training.denoising --task photo --data photos-bsds400.zip \\
        --check denoise-set12.zip --out photo.safetensors --pixels 6e9 --size 96,128

`--data` and `--check` take folders and zip files of images. Stopped (Ctrl-C, SIGTERM), the same
command goes on from the last checkpoint; with more --steps, --minutes or --pixels a finished run
is lengthened.
"""

from __future__ import annotations

import argparse
import copy
import importlib
import sys
from pathlib import Path
from typing import Any

from torch import nn

from .. import loop, start
from ..export import export
from ..log import Figures, say
from ..options import parser
from ..schedule import Budget
from .cards import card

TASKS = ("photo", "gauge", "micro", "crosshair")


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    made = parser(__doc__, batch=8, size="96", rate=1e-3, length=Budget("minutes", 600))
    made.add_argument("--task", required=True, choices=TASKS)
    made.add_argument("--data", required=True, action="extend", nargs="+", help="images")
    made.add_argument("--check", action="extend", nargs="+", default=[], help="images to judge on")
    made.add_argument("--out", type=Path, help="the model file to write at the end")
    made.add_argument("--start", help="begin with these weights: denoise-photo, or a file")
    return made.parse_args(argv)


def module_of(name: str) -> Any:
    """What a task has: network, sampler, loss, figures, like, EXAMPLES."""
    return importlib.import_module(f".{name}", __package__)


def task(options: argparse.Namespace) -> loop.Task:
    denoising = module_of(options.task)
    module = denoising.network()
    if options.start:
        start.fill(module, options.start)

    def judge(module: nn.Module, whole: bool) -> Figures:
        here = copy.deepcopy(module).cpu()
        return {Path(one).stem: denoising.figures(here, [one]) for one in options.check}

    return loop.Task(
        name=options.out.stem if options.out else f"denoise-{options.task}",
        module=module,
        sampler=denoising.sampler(options.data),
        loss=denoising.loss,
        judge=judge if options.check else None,
        identity={
            "--task": options.task, "--start": str(options.start),
            "--data": " ".join(str(Path(one).resolve()) for one in options.data),
        },
    )  # fmt: skip


def main(options: argparse.Namespace) -> None:
    loop.prepare(options)
    module = loop.train(task(options), options)
    if options.out:
        trained = " ".join(["python -m training.denoising", *sys.argv[1:]])
        known = card("photo" if options.task == "gauge" else options.task, trained)
        report = export(plain(module), module_of(options.task).EXAMPLES, options.out, known)
        say(f"{report.parameters} weights, {report.bytes / 1e6:.1f} MB")
        print(report.path)


def plain(module: nn.Module) -> nn.Module:
    """The whole denoiser, of which the gauge's training runs a part."""
    return module_of("photo").like(module.state_dict()) if hasattr(module, "gauge") else module
