"""A small command for the tests of the command line's frame: `python cli_invert.py invert ...`."""

from __future__ import annotations

import os
import sys
import time
import types
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from typer import Option

from imgconv import cli
from imgconv.cli.files import run_planes
from imgconv.cli.options import FileOptions
from imgconv.steps.operation import Operation, Result


@dataclass(frozen=True)
class Invert(Operation):
    """A plane's values turned around; `pause` makes interrupts hit in the middle."""

    pause: float

    def __call__(self, plane: np.ndarray, info: Any) -> Result:
        time.sleep(self.pause)
        if os.environ.get("INVERT_BUG"):
            raise KeyError("a mistake of ours")
        return Result(np.iinfo(plane.dtype).max - plane)


def command(
    options: FileOptions,
    pause: Annotated[float, Option("--pause", help="Seconds to sleep for every plane.")] = 0,
) -> int:
    """Invert images."""
    return run_planes("invert", options, Invert(pause))


def install() -> None:
    """Make `imgconv invert` exist in this process."""
    module = types.ModuleType("imgconv.cli.invert")
    module.command = command  # type: ignore[attr-defined]
    sys.modules[module.__name__] = module
    cli.COMMANDS["invert"] = "Invert images."


if __name__ == "__main__":
    install()
    sys.exit(cli.main())
