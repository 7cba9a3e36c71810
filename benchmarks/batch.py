"""A folder of 200 photos (481x321, JPEG) sharpened, against vips once a file and mogrify."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from commands import LAKE, MATRIX
from PIL import Image
from timing import Row, pair

PHOTOS = 200
VIPS = 'for f in "$1"/in/*.jpg; do vips conv "$f" "$1/vips/${f##*/}" "$1/sharpen.mat" || exit; done'


def rows() -> list[Row]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_photos(folder / "in")
        (folder / "sharpen.mat").write_text(MATRIX)
        (folder / "vips").mkdir()
        found = [pair("200 photos, two jobs (goal: 1/1.7)", "one job",
                      ours(folder, 2), ours(folder, 1), 0.59, 5)]  # fmt: skip
        if shutil.which("vips"):
            vips = call("sh", "-c", VIPS, "sh", folder)
            found.append(pair("200 photos", "vips conv, 200 calls", ours(folder), vips, 0.5, 3))
        if shutil.which("mogrify"):
            magick = call(
                "mogrify", "-path", folder / "vips", "-morphology", "Convolve",
                "3: 0,-1,0 -1,5,-1 0,-1,0", *sorted((folder / "in").glob("*.jpg")),
            )  # fmt: skip
            found.append(pair("200 photos", "mogrify", ours(folder), magick, 0.3, 3))
    return found


def make_photos(folder: Path) -> None:
    """Crops of the sample photos, each another one."""
    folder.mkdir()
    pictures = [Image.open(LAKE).convert("RGB"), Image.open(LAKE.with_name("fruit.jpg"))]
    for n in range(PHOTOS):
        x, y = 7 * n % (768 - 481), 11 * n % (512 - 321)
        crop = pictures[n % 2].crop((x, y, x + 481, y + 321))
        crop.save(folder / f"{n:03}.jpg", quality=92)


def ours(folder: Path, jobs: int | None = None) -> Callable[[], object]:
    words = [sys.executable, "-m", "imgconv", "filter", "-qf", "-k", "sharpen", folder / "in", "-o"]
    more = [] if jobs is None else ["--jobs", jobs, "--threads", 1]
    return call(*words, f"{folder}/out/", *more)


def call(*words: object) -> Callable[[], object]:
    return lambda: subprocess.run([*map(str, words)], check=True, capture_output=True)
