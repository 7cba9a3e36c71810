"""`--preserve-times`: what is written is as old as what was read."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from imgconv import cli

ENDINGS = {
    "filter -k blur": ".png", "pool": ".png", "upsample": ".png", "convolve -k box:3": ".tif",
    "denoise --method median": ".png",
}  # fmt: skip


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("line", ENDINGS)
def test_times_are_preserved_on_demand(line: str) -> None:
    for name in "ab":
        Image.new("L", (16, 16)).save(f"{name}.png")
        os.utime(f"{name}.png", ns=(10**18, 10**18 + 123_000_000 + ord(name)))
    target = "out/{stem}" + ENDINGS[line]
    for more in ([], ["--preserve-times", "-f"]):
        assert cli.main([*line.split(), "a.png", "b.png", "-o", target, "-q", *more]) == 0
        for name in "ab":
            made = Path(f"out/{name}{ENDINGS[line]}").stat().st_mtime_ns
            assert (made == Path(f"{name}.png").stat().st_mtime_ns) == bool(more)


def test_each_page_has_the_time() -> None:
    pages = [Image.new("L", (8, 8), n) for n in (0, 9)]
    pages[0].save("a.tif", save_all=True, append_images=pages[1:])
    os.utime("a.tif", (0, 1_000_000_000))
    assert cli.main(["pool", "a.tif", "--preserve-times", "-o", "{stem}-{page}.png"]) == 0
    assert [Path(f"a-{n}.png").stat().st_mtime for n in (1, 2)] == [1_000_000_000] * 2


def test_a_pipe_has_no_time() -> None:
    Image.new("L", (8, 8)).save("a.png")
    command = [sys.executable, "-m", "imgconv", "pool", "--preserve-times"]
    data = Path("a.png").read_bytes()
    done = subprocess.run([*command, "-", "-o", "b.png"], input=data, capture_output=True)
    assert done.returncode == 0 and b"standard input has no time to preserve" in done.stderr
    done = subprocess.run([*command, "a.png", "-o", "-"], capture_output=True)
    assert done.returncode == 0 and done.stdout.startswith(b"\x89PNG")


def test_tables_labels_and_sorted_copies_have_the_time_of_their_image() -> None:
    discs = Image.new("L", (64, 64), 20)
    discs.paste(200, (10, 10, 30, 30))
    discs.save("a.png")
    discs.point(lambda n: n > 100).save("a-labels.png")
    for name in ("a.png", "a-labels.png"):
        os.utime(name, (0, 1_000_000_000))
    for line in (
        "segment a.png -o out", "measure a-labels.png a.png -o table.csv",
        "classify a.png --sort-into sorted",
    ):  # fmt: skip
        assert cli.main([*line.split(), "--preserve-times", "-q"]) == 0
    made = [
        Path("out/a-labels.tif"),
        Path("out/a.csv"),
        Path("table.csv"),
        *Path("sorted").rglob("*.png"),
    ]
    assert [path.stat().st_mtime for path in made] == [1_000_000_000] * 4
