"""Images larger than memory should be: peak memory and time at 100 megapixels and at a gigapixel.

python benchmarks/large.py --sides 10000,31600 --folder /scratch [--suffix .png]

Each command is a process of its own; its peak is given above that of a process that filters a
picture of 256 x 256. Beside it stands libvips, where `vips` is installed.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tifffile

TILE = 512
LINES = {
    "filter 3x3": "filter -k sharpen",
    "filter gaussian:2": "filter -k gaussian:2",
    "pool 2x2 max": "pool",
    "upsample x2 nearest": "upsample",
    "convolve 3x3, two maps": "convolve -k sobel-x -k sobel-y",
    "colorize": "colorize",
    "denoise": "denoise",
    "denoise, level told": "denoise --sigma 8",
    "denoise --best": "denoise --best --sigma 8",
    "denoise nlm": "denoise --method nlm",
    "denoise median": "denoise --method median",
    "denoise tv": "denoise --method tv",
    "denoise wavelet": "denoise --method wavelet",
    "denoise crosshair": "denoise --model crosshair",
}
ANY_SIZE = ("--max-pixels", str(10**10))
NETWORK = "U-Net"  # over an image of that side, beside one of 2,048 x 2,048
VIPS = {
    "filter 3x3": ["conv", "{a}", "{b}", "{m}"],
    "filter gaussian:2": ["gaussblur", "{a}", "{b}", "2"],
    "pool 2x2 max": ["shrink", "{a}", "{b}", "2", "2"],
    "upsample x2 nearest": ["zoom", "{a}", "{b}", "2", "2"],
}  # the others have no like there
SHARPEN = "3 3 1 0\n0 -1 0\n-1 5 -1\n0 -1 0\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sides", default="10000,31600", help="of the images, in pixels")
    parser.add_argument("--folder", help="for the images: a gigabyte a gigapixel, each way")
    parser.add_argument(
        "--work", default=";".join([*LINES, NETWORK]), help="which lines, with semicolons"
    )
    parser.add_argument("--suffix", default=".tif", choices=(".tif", ".png"), help="of the images")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        folder = Path(name)
        (folder / "m.mat").write_text(SHARPEN)
        make_image(folder / "small.tif", 256)
        convert(folder / "small.tif", given.suffix)
        for side in map(int, given.sides.split(",")):
            make_image(folder / "a.tif", side)
            convert(folder / "a.tif", given.suffix)
            for work in given.work.split(";"):
                if work == NETWORK:
                    measure_network(side)
                else:
                    measure(folder, given.suffix, work, side)


def measure_network(side: int) -> None:
    """Times are all threads' CPU time, so that other work on the machine counts little."""
    script = str(Path(__file__).with_name("large_network.py"))
    found = {}
    for size in (2048, side):
        words = [sys.executable, script, str(size), str(size)]
        done = subprocess.run(words, capture_output=True, text=True, check=True)
        seconds, peak = map(float, done.stdout.split())
        found[size] = 1e6 * seconds / size**2
        print(f"{NETWORK}, {size} x {size}: {peak:,.0f} MB in all, {seconds:.0f} s of CPU time")
    print(f"    {found[side] / found[2048]:.2f} of the time a pixel", flush=True)


def make_image(path: Path, side: int) -> None:
    """A tiled uint8 TIFF with structure and noise, written tile by tile."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:TILE, :TILE]
    wave = 128 + 60 * np.sin(x / 9) * np.cos(y / 11)
    grains = [(wave + rng.normal(0, 4, wave.shape)).astype(np.uint8) for _ in range(8)]

    def tiles() -> Iterator[np.ndarray]:
        for number in range((-(-side // TILE)) ** 2):
            yield grains[number * 5 % 8]

    with tifffile.TiffWriter(path, bigtiff=True) as writer:
        writer.write(
            tiles(), shape=(side, side), dtype=np.uint8, tile=(TILE, TILE), compression=None
        )


def convert(path: Path, suffix: str) -> None:
    """The same image in another format, as imgconv writes it."""
    if suffix != path.suffix:
        words = ["filter", "-k", "identity", "-qf", *ANY_SIZE, str(path), "-o"]
        run([sys.executable, "-m", "imgconv", *words, str(path.with_suffix(suffix))])


def measure(folder: Path, suffix: str, work: str, side: int) -> None:
    small, a, b = (str(folder / f"{name}{suffix}") for name in ("small", "a", "b"))
    words = [sys.executable, "-m", "imgconv", *LINES[work].split(), "-qf", *ANY_SIZE]
    bare, _ = run([*words, small, "-o", b])
    peak, seconds = run([*words, a, "-o", b])
    megapixels = side * side / 1e6
    print(
        f"{work}, {megapixels:,.0f} MP: {(peak - bare) / 1024:,.0f} MB above {bare / 1024:.0f}, "
        f"{seconds:.1f} s, {1e3 * seconds / megapixels:.1f} ms a megapixel",
        flush=True,
    )
    if (vips := shutil.which("vips")) and work in VIPS:
        target = f"{b}[tile,bigtiff]" if suffix == ".tif" else b
        names = {"a": a, "b": target, "m": str(folder / "m.mat")}
        peak, seconds = run([vips, *(word.format(**names) for word in VIPS[work])])
        print(f"    libvips: {peak / 1024:,.0f} MB in all, {seconds:.1f} s", flush=True)


def run(words: list[str]) -> tuple[int, float]:
    """Kilobytes at the peak, and seconds, of a process."""
    start = time.perf_counter()
    process = subprocess.Popen(words)
    _, status, usage = os.wait4(process.pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0, words
    return usage.ru_maxrss, time.perf_counter() - start


if __name__ == "__main__":
    main()
