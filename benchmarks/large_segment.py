"""`segment` of a field of any size: peak memory, time, and whether parts are what they are alone.

python benchmarks/large_segment.py --height 20000 --width 20000 --folder /scratch

The field is a tiled uint16 TIFF with a nucleus in about every 3,000 pixels. A part of it is then
looked at as a whole, at the levels and the scale of the field: labels are compared pixel by
pixel where the part's edge is out of the network's sight.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tifffile

from imgconv.images import open_image
from imgconv.steps.segment_network import SegmentNetwork
from imgconv.tasks.large_plane import LargePlane
from imgconv.tasks.load import load
from imgconv.tasks.segment.large import find_facts
from imgconv.tasks.segment.run import Viewer, _read
from imgconv.tasks.segment.sample import sample

TILE, PIXELS = 512, 3000
PART, SIGHT = 4096, 400  # pixels; what lies nearer to the part's edge is not compared


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--height", type=int, default=20_000)
    parser.add_argument("--width", type=int, default=20_000)
    parser.add_argument("--part", type=int, default=PART)
    parser.add_argument("--folder", help="for the field and the results")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        path = Path(name, "field.tif")
        make_field(path, given.height, given.width)
        seconds, peak = run(path)
        megapixels = given.height * given.width / 1e6
        print(f"{megapixels:.0f} megapixels: {seconds:.0f} s of CPU time, {peak / 2**20:.0f} MB")
        compare(path, given.part)


def make_field(path: Path, height: int, width: int) -> None:
    rng = np.random.default_rng(0)
    shape = (height, width)
    with tifffile.TiffWriter(path, bigtiff=True) as file:
        file.write(
            tiles(rng, height, width), shape=shape, dtype=np.uint16, tile=(TILE, TILE),
            compression="zlib",
        )  # fmt: skip


def tiles(rng: np.random.Generator, height: int, width: int) -> Iterator[np.ndarray]:
    """Ellipses on noise, none of which crosses the edge of its tile."""
    y, x = np.ogrid[:TILE, :TILE]
    for _ in range(-(-height // TILE) * -(-width // TILE)):
        pixels = rng.normal(300, 25, (TILE, TILE))
        for _ in range(TILE * TILE // PIXELS):
            cy, cx = rng.uniform(20, TILE - 20, 2)
            across, down = rng.uniform(9, 15, 2)
            inside = ((y - cy) / down) ** 2 + ((x - cx) / across) ** 2 < 1
            pixels[inside] = rng.uniform(900, 2500) + rng.normal(0, 60, np.count_nonzero(inside))
        yield pixels.clip(0, 65535).astype(np.uint16)


def run(path: Path) -> tuple[float, int]:
    """Seconds of CPU time, and bytes of memory at most, of the command."""
    before = time.perf_counter()
    command = [sys.executable, "-m", "imgconv", "segment", str(path), "-o", f"{path.parent}/"]
    process = subprocess.Popen(command)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = status
    print(f"{time.perf_counter() - before:.0f} s")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024


def compare(path: Path, side: int) -> None:
    model, card = load("nuclei", "segment")
    network = SegmentNetwork(model)
    with open_image(str(path)) as source:
        (image,) = source.images
        info = image.info
        plane = LargePlane(
            (info.height, info.width, 1), info.dtype,
            lambda rows, columns: image.region(rows, columns), image.rows_together(),
        )  # fmt: skip
        facts = find_facts(sample(plane), network, card)
        side = min(side, info.height, info.width)
        top, left = (n // 2 // 64 * 64 - side // 2 // 64 * 64 for n in (info.height, info.width))
        place = np.s_[max(0, top) : top + side, max(0, left) : left + side]
        part = image.region(*place)
    viewer = Viewer(part, network, card)
    alone, _ = _read(viewer.look(facts.first.levels, facts.first.scale), viewer.size, card)
    whole = tifffile.imread(path.with_name("field-labels.tif"))[place]
    inner = np.s_[SIGHT:-SIGHT, SIGHT:-SIGHT]
    one, other = keep_whole(alone[inner]), keep_whole(whole[inner])
    counts = [len(np.unique(labels)) - 1 for labels in (one, other)]
    print(
        f"scale {facts.first.scale:.3f}, objects in the part {counts[0]}, in the whole {counts[1]}"
    )
    areas = [np.sort(np.bincount(labels.ravel())[1:]) for labels in (one, other)]
    equal = np.array_equal(*[found[found > 0] for found in areas])
    print(f"areas equal: {equal}; pixels of another kind: {np.sum((one > 0) != (other > 0))}")


def keep_whole(labels: np.ndarray) -> np.ndarray:
    """Without what the edge cuts."""
    cut = np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))
    return np.where(np.isin(labels, cut), 0, labels)


if __name__ == "__main__":
    main()
