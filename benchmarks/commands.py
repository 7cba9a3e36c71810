"""Whole commands against vips, ImageMagick and a Python script with OpenCV."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image
from timing import Row, command, pair

LAKE = Path(__file__).parent.parent / "samples" / "lake.png"
MATRIX = "3 3 1 0\n0 -1 0\n-1 5 -1\n0 -1 0\n"  # libvips' own format for the sharpen kernel
SCRIPT = """
import sys, cv2, numpy as np
image = cv2.imread(sys.argv[1], cv2.IMREAD_UNCHANGED)
kernel = np.array([[0, -1, 0], [-1, 5, -1], [0, -1, 0]], np.float32)
cv2.imwrite(sys.argv[2], cv2.filter2D(image, -1, kernel))
"""


# Whoever installs a program has its bytecode; without, every command would compile its sources.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def imgconv(*words: str | Path) -> list[str]:
    return [sys.executable, "-m", "imgconv", *map(str, words)]


def rows() -> list[Row]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_inputs(folder)
        found = small(folder) + large(folder) + start()
        memory(folder)
    return found


def make_inputs(folder: Path) -> None:
    """A photo-like 481x321 PNG, and 12-megapixel RGB as JPEG, TIFF and PNG."""
    lake = Image.open(LAKE).convert("RGB")
    lake.resize((481, 321), Image.Resampling.LANCZOS).save(folder / "small.png")
    big = np.asarray(lake.resize((4000, 3000), Image.Resampling.BICUBIC)).astype(np.int16)
    noise = np.random.default_rng(0).normal(0, 3, big.shape)  # as a camera's sensor has
    photo = Image.fromarray((big + noise).clip(0, 255).astype(np.uint8))
    photo.save(folder / "big.jpg", quality=92)
    photo.save(folder / "big.tif")
    photo.save(folder / "big.png")
    (folder / "sharpen.mat").write_text(MATRIX)
    (folder / "script.py").write_text(SCRIPT)


def small(folder: Path) -> list[Row]:
    image, out = folder / "small.png", folder / "out.png"
    ours = command(*imgconv("filter", "-qf", "-k", "sharpen", image, "-o", out))
    script = command(sys.executable, folder / "script.py", image, folder / "peer.png")
    return [pair("filter, 481x321 PNG", "Python + OpenCV script", ours, script, 1.2, 15)]


def large(folder: Path) -> list[Row]:
    found = []
    for suffix, goal in ((".jpg", 1.0), (".tif", 0.9), (".png", 0.5)):
        image, out, peer = folder / f"big{suffix}", folder / f"out{suffix}", folder / f"p{suffix}"
        ours = command(*imgconv("filter", "-qf", "-k", "sharpen", image, "-o", out))
        name = f"filter, 12 MP {suffix[1:].upper()}"
        if shutil.which("vips"):
            vips = command("vips", "conv", image, f"{peer}{'[Q=92]' * (suffix == '.jpg')}",
                           folder / "sharpen.mat")  # fmt: skip
            found.append(pair(name, "vips conv", ours, vips, goal, 7))
        if shutil.which("convert"):
            magick = command("convert", image, "-morphology", "Convolve",
                             "3: 0,-1,0 -1,5,-1 0,-1,0", peer)  # fmt: skip
            found.append(pair(name, "ImageMagick convert", ours, magick, None, 3))
    return found


def start() -> list[Row]:
    python = command(sys.executable, "-c", "pass")
    return [pair("imgconv --help (goal 150 ms)", "python -c pass",
                 command(*imgconv("--help")), python, None, 15)]  # fmt: skip


def memory(folder: Path) -> None:
    """Peak memory of a filter above that of the same process on a tiny image."""
    Image.new("RGB", (8, 8)).save(folder / "tiny.tif")
    Image.new("RGB", (8, 8)).save(folder / "tiny.png")
    Image.new("RGB", (8, 8)).save(folder / "tiny.jpg")
    for suffix in (".tif", ".png", ".jpg"):
        peaks = []
        for name in ("tiny", "big"):
            words = ("filter", "-qf", "-k", "sharpen", folder / f"{name}{suffix}", "-o")
            peaks.append(peak(imgconv(*words, folder / f"m{suffix}")))
        share = (peaks[1] - peaks[0]) / (4000 * 3000 * 3)
        print(f"peak memory, 12 MP {suffix[1:]}: {share:.1f} x the decoded image (goal 3, then 2)")


def peak(words: list[str]) -> int:
    """Bytes: the largest resident set that the process reached."""
    code = "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True); " \
           "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"  # fmt: skip
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, check=True)
    return int(done.stdout.split()[-1]) * (1 if sys.platform == "darwin" else 1024)


def first_run() -> None:
    """The first filter ever on a machine: with an empty cache."""
    with tempfile.TemporaryDirectory() as name:
        Image.open(LAKE).convert("RGB").save(Path(name) / "lake.png")
        words = imgconv("filter", "-k", "sharpen", Path(name) / "lake.png")
        begin = time.perf_counter()
        environment = {**os.environ, "IMGCONV_CACHE": f"{name}/cache"}
        subprocess.run(words, env=environment, check=True, capture_output=True)
        print(f"first filter on a machine: {time.perf_counter() - begin:.2f} s (goal 3)")
