"""What all trainings can be told."""

from __future__ import annotations

import argparse
from pathlib import Path

from imgconv.threads import available

from .schedule import UNITS, Budget


def parser(
    text: str, *, batch: int, size: str, rate: float, length: Budget, validate_every: float = 20
) -> argparse.ArgumentParser:
    """The options that all trainings share, with a task's own defaults."""
    made = argparse.ArgumentParser(
        description=text, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.set_defaults(length=length)
    run = made.add_argument_group("how long and how")
    long = run.add_mutually_exclusive_group()
    long.add_argument("--steps", type=positive, help="length of the run in steps")
    long.add_argument("--minutes", type=positive, help="or in minutes of training")
    long.add_argument("--pixels", type=positive, help="or in pixels seen, as 12e9")
    run.add_argument("--batch", type=int, default=batch, help=f"crops a step ({batch})")
    run.add_argument(
        "--size", default=size,
        help=f"side of the crops; of several, as 96,128, each for an equal part ({size})",
    )  # fmt: skip
    run.add_argument("--rate", type=positive, default=rate, help=f"highest learning rate ({rate})")
    run.add_argument("--seed", type=int, default=1)
    _add_keeping(made.add_argument_group("what is kept"), validate_every)
    _add_machine(made.add_argument_group("machine"))
    return made


def _add_keeping(group: argparse._ArgumentGroup, validate_every: float) -> None:
    group.add_argument(
        "--state", type=Path,
        help="folder of checkpoint and log ($XDG_STATE_HOME/imgconv/training/NAME); the same "
        "command goes on from there",
    )  # fmt: skip
    group.add_argument("--anew", action="store_true", help="forget the checkpoint there")
    group.add_argument("--plot", type=Path, help="draw the curve into this file at each checkpoint")
    group.add_argument("--save-every", type=float, default=5, help="minutes; 0 is never (5)")
    group.add_argument(
        "--validate-every",
        type=float,
        default=validate_every,
        help=f"minutes; 0 is never ({validate_every})",
    )
    group.add_argument(
        "--write-every", type=float, default=0,
        help="minutes, to write weights.safetensors (float16) beside the checkpoint",
    )  # fmt: skip


def _add_machine(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--device", default="auto", help="cpu, cuda or auto")
    group.add_argument("--threads", type=int, default=available(), help="that compute")
    group.add_argument(
        "--workers", type=int, default=0,
        help="processes that make batches; 0: a thread. Beside a GPU: the CPU's cores",
    )  # fmt: skip
    group.add_argument(
        "--repeat", type=int, default=1, choices=range(1, 9),
        help="times that a batch is learnt from, turned differently: beside a GPU that is quicker "
        "than what makes the batches (1)",
    )  # fmt: skip
    group.add_argument("--nice", type=int, default=19, help="0 to 19: how far others go first (19)")
    group.add_argument(
        "--kernels", action=argparse.BooleanOptionalAction, default=True,
        help="imgconv's own convolutions on a CPU",
    )  # fmt: skip


def positive(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text}: allowed is a number above 0")
    return value


def budget(options: argparse.Namespace) -> Budget:
    for unit in UNITS:
        if (total := getattr(options, unit)) is not None:
            return Budget(unit, total)
    length: Budget = options.length
    return length


def sizes(options: argparse.Namespace) -> list[int]:
    """The sides of the crops."""
    try:
        return [int(side) for side in options.size.split(",")]
    except ValueError:
        raise SystemExit(f"--size {options.size}: allowed are pixels, as 192 or 96,128") from None
