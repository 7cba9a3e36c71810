"""Whatever jobs import is imported before the first of them starts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from imgconv import engine
from imgconv.engine.architectures import Random, build

# The command line in a process that notes, and slows down, what a thread imports: two that import
# the same package at once then meet halfway.
WATCHED = """
import importlib.abc, importlib.machinery, os, sys, threading, time

class Watch(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if threading.current_thread() is threading.main_thread():
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec and spec.loader:
            spec.loader.exec_module = slowed(spec.loader.exec_module)
        return spec

def slowed(exec_module):
    def slow(module):
        late.append(module.__name__)
        time.sleep(0.02)
        exec_module(module)
    return slow

late = []
sys.meta_path.insert(0, Watch())
from imgconv.cli import main
code = main(sys.argv[1:])
print("late:", *late, file=sys.stderr, flush=True)
os._exit(code)
"""
NOT_PACKAGES = {"encodings"}


def late_imports(folder: Path, line: str) -> set[str]:
    """The modules that jobs imported while a command did two files side by side."""
    command = [sys.executable, "-c", WATCHED, *line.split(), "--jobs", "2"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-800:]
    late = done.stderr.splitlines()[-1].split()[1:]
    return {name for name in late if name.split(".")[0] not in NOT_PACKAGES}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """a and b in every format: small, and two fields of forty discs as WebP."""
    folder = tmp_path_factory.mktemp("two")
    rng = np.random.default_rng(0)
    engine.save(folder / "lenet.safetensors", build("lenet5", Random(seed=0)), {})
    for name in "ab":
        pixels = rng.integers(0, 256, (48, 64), np.uint8)
        for kind in ("png", "jpg", "webp", "bmp", "gif", "pgm"):
            Image.fromarray(pixels).save(folder / f"{name}.{kind}")
        Image.fromarray(pixels[:32, :32]).save(folder / f"{name}-digit.png")
        np.save(folder / f"{name}.npy", pixels)
        tifffile.imwrite(folder / f"{name}.tif", pixels.astype(np.uint16) * 200, compression="lzw")
        labels = (pixels > 200).astype(np.uint8)
        for below in ("found", "truth"):
            (folder / below).mkdir(exist_ok=True)
            Image.fromarray(labels).save(folder / below / f"{name}.png")
        Image.fromarray(discs(rng)).save(folder / f"{name}-field.webp", lossless=True)
    return folder


def discs(rng: np.random.Generator) -> np.ndarray:
    """A field of 672x512 pixels."""
    y, x = np.mgrid[:512, :672]
    field = np.full((512, 672), 20.0)
    for row, column in zip(rng.integers(20, 490, 40), rng.integers(20, 650, 40), strict=True):
        field[(y - row) ** 2 + (x - column) ** 2 < 144] = 180
    return (field + rng.normal(0, 5, field.shape)).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    "line",
    [
        "segment a-field.webp b-field.webp -o cells/",
        "segment a.png b.png -o all/ --rois --geojson --probability",
        "filter -k sharpen a.png b.png -o filtered/",
        "filter -k gaussian:2 a.tif b.webp -o filtered/ --to-srgb",
        "filter -k blur a.gif b.bmp -o framed/ --format tif",
        "convolve -k box -k sharpen a.pgm b.npy -o maps/{stem}.tif",
        "convolve -k box -k sharpen a.png b.tif -o maps/{stem}.png",
        "pool -m max --size 2 a.jpg b.pgm -o pooled/",
        "upsample --scale 2 a.webp b.gif -o large/",
        "upsample --compare a.jpg b.bmp -o figures/{stem}.png",
        *(f"denoise --method {m} a.png b.tif -o {m}/" for m in ("nlm", "tv", "wavelet")),
        *(f"denoise --method {m} a.png b.tif -o {m}/" for m in ("bilateral", "median")),
        "denoise a.png b.jpg -o clean/",
        "denoise --compare --reference . a.png b.png -o compared/",
        "denoise --model micro a.tif b.tif -o clean/",
        "denoise --model crosshair a.webp b.webp -o clean/",
        "colorize a.png b.jpg -o coloured/",
        "colorize --hint 20,20,#b01510 a.png b.jpg -o hinted/",
        "run lenet.safetensors a-digit.png b-digit.png -o scores/{stem}.npy",
        "classify a-digit.png b-digit.png",
        "evaluate found truth",
        "info a.jpg b.tif a.webp b.png",
        "measure found truth --features all --ring 0-2 -o measured/",
        "filter -k gaussian:2 --linear a.png b.jpg -o light/",
        "pool --linear a.jpg b.tif -o light-pooled/",
        "upsample --scale 2 --linear a.jpg b.webp -o light-large/",
        "segment --spots 1 a-field.webp b-field.webp -o spots/",
    ],
)
def test_two_jobs_import_nothing(folder: Path, line: str) -> None:
    late = late_imports(folder, line)
    if "numba" in late:  # kernels had to be compiled: now they are in the cache
        late = late_imports(folder, f"{line} --force")
    assert not late
