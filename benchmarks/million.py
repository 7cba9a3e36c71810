"""A batch of a million small files: how soon the first is done, what planning takes and holds.

python benchmarks/million.py --files 1000000 --folder /tmp/million     # kept if it is named
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

PROGRAM = [sys.executable, "-m", "imgconv"]
ENOUGH = 2000  # results, after which the batch is interrupted


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, help="where they are, or shall be")
    given = parser.parse_args()
    made = nullcontext(given.folder) if given.folder else tempfile.TemporaryDirectory()
    with made as name:
        folder = Path(name)
        make_files(folder / "in", given.files)
        print(f"bare: {run(['filter', '--help']).megabytes:.0f} MB")
        show_first(folder, "folder", str(folder / "in"))
        show_first(folder, "glob", str(folder / "in" / "*.png"))
        show("resumed", ["filter", "-k", "sharpen", str(folder / "in"), "-o", f"{folder}/same/",
                         "--skip-existing", "-q"], given.files)  # fmt: skip
        show("planned", ["filter", "-k", "sharpen", str(folder / "in"), "-o", f"{folder}/out/",
                         "--dry-run"], given.files)  # fmt: skip


def make_files(folder: Path, count: int) -> None:
    """`count` images of four pixels, and a folder in which results of all are there."""
    folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.zeros((2, 2), np.uint8)).save(folder / "0000000.png")
    data = (folder / "0000000.png").read_bytes()
    for number in range(count):
        path = folder / f"{number:07}.png"
        if not path.exists():
            path.write_bytes(data)
    same = folder.parent / "same"
    if not same.exists():
        same.mkdir()
        for number in range(count):
            os.link(folder / f"{number:07}.png", same / f"{number:07}.png")


def show_first(folder: Path, what: str, given: str) -> None:
    """Seconds until the first result is there, and the memory of its first thousands."""
    command = ["filter", "-k", "sharpen", given, "-o", f"{folder}/first-{time.time_ns()}/"]
    cost = run(command, ENOUGH)
    print(f"a {what}: the first result after {cost.first:.1f} s; {cost.megabytes:.0f} MB")


def show(what: str, command: list[str], count: int) -> None:
    cost = run(command)
    each = 1e6 * cost.worked / count
    print(f"{what}: {cost.worked:.0f} s of CPU time, {each:.0f} µs a file; {cost.megabytes:.0f} MB")


class Cost(NamedTuple):
    first: float  # seconds until the first line
    worked: float  # seconds of CPU time
    megabytes: float


def run(command: list[str], most: int | None = None) -> Cost:
    """What a command takes; interrupted after `most` lines."""
    start = time.perf_counter()
    with subprocess.Popen([*PROGRAM, *command], stdout=subprocess.PIPE) as process:
        assert process.stdout
        first = 0.0
        for number, _ in enumerate(process.stdout, 1):
            first = first or time.perf_counter() - start
            if number == most:
                process.send_signal(signal.SIGINT)
        _, _, usage = os.wait4(process.pid, 0)
    return Cost(first, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


if __name__ == "__main__":
    main()
