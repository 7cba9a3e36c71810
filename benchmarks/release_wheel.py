"""The first filter of a release wheel: built with kernels, installed in a fresh environment, timed.

    python benchmarks/release_wheel.py [--levels x86-64-v3] [--wheel FILE] [--libraries FOLDER]

Fails if a command imports Numba or compiles a kernel. Building takes minutes, unless --wheel names
one that is built. --libraries takes what imgconv needs from a folder of packages that is there,
instead of installing it.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

ROOT = Path(__file__).parent.parent
LAKE = ROOT / "samples" / "lake.png"
GOAL, ROUNDS = 0.6, 5  # seconds; times, each with an empty cache
COMPILERS = ("numba", "llvmlite")
COMMANDS = (  # the first one is timed
    ("filter", "-k", "sharpen"), ("filter", "-k", "gaussian:2"), ("filter", "-k", "box:9"),
    ("filter", "-k", "median:5"), ("filter", "-k", "max:5"), ("pool",), ("upsample",),
)  # fmt: skip


def main() -> None:
    options = parse()
    with tempfile.TemporaryDirectory(prefix="imgconv-wheel-") as name:
        folder = Path(name)
        wheel = options.wheel or build(options.levels, folder)
        python = install(wheel, folder / "fresh", options.libraries)
        for n, words in enumerate(COMMANDS):
            check(python, words, folder / f"out{n}.png", folder / f"cache{n}")
        found = first_filters(python, folder)
        print(f"{wheel.name}, {wheel.stat().st_size / 1e6:.1f} MB: first filter {found:.2f} s "
              f"(goal {GOAL}), {' and '.join(COMPILERS)} never imported by "
              f"{len(COMMANDS)} commands")  # fmt: skip
    sys.exit(found > GOAL)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--levels", default="x86-64-v3", help="of CPUs, with commas between")
    parser.add_argument("--wheel", type=Path)
    parser.add_argument("--libraries", type=Path)
    return parser.parse_args()


def build(levels: str, folder: Path) -> Path:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, env=os.environ | {"IMGCONV_KERNELS": levels}, check=True)
    (wheel,) = folder.glob("*.whl")
    return wheel


def install(wheel: Path, place: Path, libraries: Path | None) -> Path:
    """The Python of a fresh environment that has the wheel, and knows nothing of this folder."""
    venv.create(place, with_pip=True)
    python = place / "bin" / "python"
    alone = ["--no-deps"] if libraries else []
    subprocess.run([python, "-m", "pip", "install", "--quiet", *alone, wheel], check=True)
    if libraries:
        (site,) = place.glob("lib/python*/site-packages")
        (site / "libraries.pth").write_text(f"{libraries.resolve()}\n")
    return python


def check(python: Path, words: tuple[str, ...], out: Path, cache: Path) -> None:
    """Fails where the command imports a compiler, or makes a kernel of its own."""
    log = run([python, "-X", "importtime", "-m", "imgconv"], words, out, cache).stderr
    modules = {line.rpartition("|")[2].strip().partition(".")[0] for line in log.splitlines()}
    if found := modules.intersection(COMPILERS):
        sys.exit(f"{' '.join(words)}: imported {', '.join(sorted(found))}")
    if "imgconv" not in modules or not out.is_file():
        sys.exit(f"{' '.join(words)}: did nothing")
    if kernels := [path for path in cache.rglob("*") if path.is_file()]:
        sys.exit(f"{' '.join(words)}: left {', '.join(path.name for path in kernels)} in the cache")


def first_filters(python: Path, folder: Path) -> float:
    """The median of seconds, each with an empty cache."""
    times = []
    for n in range(ROUNDS):
        begin = time.perf_counter()
        run([python.with_name("imgconv")], COMMANDS[0], folder / "timed.png", folder / f"empty{n}")
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


def run(
    program: list[Path | str], words: tuple[str, ...], out: Path, cache: Path
) -> subprocess.CompletedProcess[str]:
    """A whole command on a photo, of which nothing is in `cache`."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    command = [*program, words[0], "-f", *words[1:], str(LAKE), "-o", str(out)]
    done = subprocess.run(command, env=environment | {"IMGCONV_CACHE": str(cache)},
                          cwd=out.parent, capture_output=True, text=True)  # fmt: skip
    if done.returncode:
        sys.exit(f"{' '.join(words)}: {done.stderr[-500:]}")
    return done


main()
