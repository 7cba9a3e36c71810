"""Does an emulated aarch64 do what this machine does? Twenty commands there and here, compared:

    python tests/try_aarch64.py FOLDER      # a quarter of an hour; half when FOLDER is there

It needs Debian's apt and qemu-user-static, no root. Into FOLDER go Debian's Python for arm64, this
project's wheel with kernels cross-compiled for aarch64, and the wheels that it needs. Integers and
texts must be equal; what networks compute may differ by what stands before their commands.
"""

from __future__ import annotations

import math
import os
import re
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import numpy as np
import tifffile
from packaging.requirements import Requirement
from PIL import Image

import imgconv

ROOT = Path(__file__).parent.parent
PLATFORMS = ("manylinux2014_aarch64", "manylinux_2_27_aarch64", "manylinux_2_28_aarch64")
FAILED = "ended with"
COMPARED = (".png", ".tif", ".npy", ".csv")
CPU = "processor\t: 0\nFeatures\t: fp asimd\n"  # what a kernel level asks of /proc/cpuinfo
# How far results may lie from those of this machine: levels of integers, a share of floats.
COMMANDS = """
0 filter -k sharpen photo.png -o sharp.png
0 filter -k gaussian:4 --linear photo.png -o soft.png
0 filter -k median:5 grainy.png -o despeckled.png
0 filter -k gaussian:1.5 -k laplacian --range float photo.png -o signed.tif
0 convolve -k sobel-x -k sobel-y photo.png -o maps.png
0 pool -m average --size 2 photo.png -o half.png
0 upsample -m bicubic --scale 3 photo.png -o large.png
1 denoise grainy.png -o clean.png
1 denoise --model crosshair reticle.png -o plain.png
1 colorize photo.png -o coloured.png
1e-6 segment --min-area 20px cells.tif -o cells/
0.001 classify --json digit.png
0.001 inspect digits digit.png -o seen.npy
1e-5 run digits digit.npy -o scores.npy
0 measure truth.tif cells.tif --features all -o measured.csv
0 evaluate truth.tif truth.tif --json
0 diff photo.png grainy.png --tolerance 255
0 info photo.png cells.tif --json
0 kernels
0 models list
0 config show filter
0 NUMBA_CPU_NAME=generic filter -k box:3 photo.png -o compiled.png
"""


def main(folder: Path) -> int:
    sides = {folder / "here": [sys.executable], folder / "there": emulated(folder)}
    for side in sides:
        samples(side)
    failed = 0
    for number, line in enumerate(COMMANDS.strip().splitlines(), 1):
        allowed, command = line.split(" ", 1)
        begin = time.perf_counter()
        off, told = compared(sides, command)
        failed += off > float(allowed)
        mark = "ok" if off <= float(allowed) else "FAILED"
        took = f"{time.perf_counter() - begin:.0f} s"
        print(f"{number:2} {mark} {took}  {command}: {told or 'equal'}", flush=True)
    return int(bool(failed))


def compared(sides: dict[Path, list[str]], command: str) -> tuple[float, str]:
    """By how much the results of a command differ at most, and which do."""
    here, there = (run(words, command, side) for side, words in sides.items())
    if FAILED in here:
        return math.inf, here
    found = {"printed text": texts_differ(here, there)}
    for name in written(next(iter(sides)), command):
        found[name] = files_differ(*(side / name for side in sides))
    told = [f"{name} {text}" for name, (off, text) in found.items() if off]
    return max(off for off, _ in found.values()), "; ".join(told)


def emulated(folder: Path) -> list[str]:
    """The words that run Python on aarch64, with the project and all that it needs."""
    root, site = folder / "root", folder / "site"
    if not (root / "proc").exists():
        debian(folder, root)
        (root / "proc").mkdir()
        (root / "proc" / "cpuinfo").write_text(CPU)
    (python,) = (root / "usr" / "bin").glob("python3.[0-9]*[0-9]")
    if not site.exists():
        packages(folder, site, python.name.removeprefix("python"))
    return ["qemu-aarch64-static", "-L", str(root), "-E", f"PYTHONPATH={site}", str(python)]


def debian(folder: Path, root: Path) -> None:
    """Python for arm64, of the release that this machine's apt knows, unpacked."""
    state, cache = folder / "apt", folder / "debs"
    for one in (state / "lists" / "partial", cache / "archives" / "partial"):
        one.mkdir(parents=True, exist_ok=True)
    (state / "status").touch()
    places = {"State": state, "State::status": state / "status", "Cache": cache}
    options = [f"-oDir::{name}={path}" for name, path in places.items()]
    apt = ["apt-get", "-qq", "-oAPT::Architecture=arm64", "-oAPT::Architectures=arm64"]
    apt += ["-oAPT::Sandbox::User=root", *options]  # who may write into the folder
    subprocess.run([*apt, "update"], check=True)
    how = ["--yes", "--download-only", "--no-install-recommends"]
    subprocess.run([*apt, "install", *how, "python3", "libstdc++6"], check=True)
    for package in cache.glob("archives/*.deb"):
        subprocess.run(["dpkg-deb", "--extract", package, root], check=True)


def packages(folder: Path, site: Path, version: str) -> None:
    """The project's wheel, and those of others for aarch64."""
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    if not (folder / "wheels").exists():
        made = [*pip, "wheel", "--no-deps", "--wheel-dir", folder / "wheels", ROOT]
        subprocess.run(made, check=True, env=os.environ | {"IMGCONV_KERNELS": "aarch64"})
    there = [f"--target={site}", f"--python-version={version}", "--only-binary=:all:"]
    there += [f"--platform={name}" for name in PLATFORMS]
    subprocess.run([*pip, "install", *there, *needed()], check=True)
    (wheel,) = (folder / "wheels").glob("imgconv-*_aarch64.whl")
    subprocess.run([*pip, "install", "--no-deps", *there, wheel], check=True)


def needed() -> list[str]:
    """What the project needs there; pip would take the conditions as this machine's."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    needs = map(Requirement, project["dependencies"])
    there = {"platform_machine": "aarch64"}
    kept = [one for one in needs if not one.marker or one.marker.evaluate(there)]
    return [f"{one.name}{one.specifier}" for one in kept]


def samples(folder: Path) -> None:
    """Small pictures, since an emulated CPU is slow."""
    folder.mkdir(parents=True, exist_ok=True)
    box, pictures = (100, 100, 260, 220), ROOT / "samples"
    for name, source in (("photo", "fruit.jpg"), ("grainy", "grainy.png"), ("digit", "digit.png")):
        with Image.open(pictures / source) as image:
            image.crop(box if name != "digit" else None).save(folder / f"{name}.png")
    with Image.open(pictures / "cells" / "reticle.png") as image:
        image.crop(box).save(folder / "reticle.png")
    for name, source in (("cells", "field-1.tif"), ("truth", "truth/field-1.tif")):
        plane = tifffile.imread(pictures / "cells" / source)
        tifffile.imwrite(folder / f"{name}.tif", plane[..., :160, :160])
    np.save(folder / "digit.npy", np.random.default_rng(0).random((1, 1, 28, 28), np.float32))


def run(python: list[str], command: str, folder: Path) -> str:
    """What it prints; its mistakes too, where it fails. A setting before it keeps the kernels that
    came along out of the way: new ones are compiled, kept and loaded."""
    words, own = command.split(), {}
    if "=" in words[0]:
        name, _, value = words.pop(0).partition("=")
        own = {name: value, "IMGCONV_CACHE": str(folder / "cache")}
    words += ["--force"] if "-o" in words else []
    done = subprocess.run(
        [*python, "-m", "imgconv", *words],
        cwd=folder, env=os.environ | own, capture_output=True, text=True, check=False,
    )  # fmt: skip
    printed = re.sub(r'"seconds": [0-9.]+', "", done.stdout)
    return printed + (f"{FAILED} {done.returncode}: {done.stderr}" if done.returncode else "")


def written(folder: Path, command: str) -> list[str]:
    """The pictures and tables that it was told to write."""
    if " -o " not in command:
        return []
    target = folder / command.split()[-1]
    files = sorted(target.rglob("*.*")) if target.is_dir() else [target]
    return [str(path.relative_to(folder)) for path in files if path.suffix in COMPARED]


def files_differ(here: Path, there: Path) -> tuple[float, str]:
    """By how much, and in words."""
    if not (here.exists() and there.exists()):
        return math.inf, "is not there"
    if here.suffix == ".csv":
        return texts_differ(here.read_text("utf-8"), there.read_text("utf-8"))
    a, b = (np.load(p) if p.suffix == ".npy" else imgconv.open(p).pixels for p in (here, there))
    if (a.shape, a.dtype) != (b.shape, b.dtype):
        return math.inf, f"{b.dtype} {b.shape} for {a.dtype} {a.shape}"
    off = np.abs(a.astype(float) - b)
    worst = off.max() if a.dtype.kind in "iu" else (off / np.maximum(1, np.abs(a))).max()
    return worst, f"off by {worst:.3g} in {np.count_nonzero(off)} of {off.size} numbers"


NUMBER = r"-?\d+\.\d+(?:e-?\d+)?"


def texts_differ(here: str, there: str) -> tuple[float, str]:
    """Words are equal or not, numbers with decimals by their share."""
    if re.sub(NUMBER, "#", here) != re.sub(NUMBER, "#", there):
        return math.inf, f"says {there[-300:]!r} for {here[-300:]!r}"
    a, b = (np.array(re.findall(NUMBER, text), float) for text in (here, there))
    off = np.abs(a - b) / np.maximum(1, np.abs(a))
    return off.max(initial=0), f"off by {off.max(initial=0):.1g} in {np.count_nonzero(off)} numbers"


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).absolute()))
