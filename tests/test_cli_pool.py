"""The command `pool`: files, stacks, pipes, and what it refuses."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from imgconv import cli
from imgconv.images import open_image

SAMPLES = Path(__file__).parent.parent / "samples"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_photo_is_halved_beside_itself(capfd):
    pixels = np.asarray(Image.open(SAMPLES / "lake.png"))
    Image.fromarray(pixels).save("lake.png", dpi=(300, 300))
    assert cli.main(["pool", "lake.png"]) == 0
    assert capfd.readouterr().out == "lake-pool.png\n"
    found = Image.open("lake-pool.png")
    height, width = (n // 2 for n in pixels.shape[:2])
    windows = pixels[: height * 2, : width * 2].reshape(height, 2, width, 2, -1)
    assert np.array_equal(np.asarray(found), windows.max(axis=(1, 3)))
    assert found.info["dpi"] == pytest.approx((150, 150), abs=0.02)


def test_a_stack_keeps_its_axes_and_its_pixels_grow():
    source = SAMPLES / "cells" / "timelapse.ome.tif"
    words = ["-m", "average", "--size", "4x2", "-o", "t.ome.tif"]
    assert cli.main(["pool", str(source), *words]) == 0
    with tifffile.TiffFile("t.ome.tif") as found, tifffile.TiffFile(source) as before:
        assert found.series[0].axes == before.series[0].axes
        wide = before.asarray().astype(np.float64)
        expected = wide.reshape(*wide.shape[:-2], 32, 4, 64, 2).mean(axis=(-3, -1))
        assert np.array_equal(found.asarray(), np.rint(expected).astype(np.uint16))
    with open_image("t.ome.tif") as after, open_image(source) as source_:
        x, y, unit = source_.info.pixel_size
        assert after.info.pixel_size == (pytest.approx(2 * x), pytest.approx(4 * y), unit)


def test_a_pipe_in_and_out():
    np.save("map.npy", np.arange(36, dtype=np.float32).reshape(6, 6))
    command = [sys.executable, "-m", "imgconv", "pool", "-", "--size", "3", "-m", "min"]
    done = subprocess.run(command, input=Path("map.npy").read_bytes(), capture_output=True)
    Path("out.npy").write_bytes(done.stdout)
    assert np.load("out.npy").squeeze().tolist() == [[0, 3], [18, 21]]


def test_global_pooling_scales_the_pixel_to_the_image():
    image = np.full((20, 10), 7, np.uint16)
    tifffile.imwrite("a.tif", image, resolution=(100, 100), resolutionunit="CENTIMETER")
    assert cli.main(["pool", "a.tif", "--global", "-m", "median"]) == 0
    with open_image("a-pool.tif") as found:
        assert next(found.planes()).tolist() == [[[7]]]
        assert found.info.pixel_size[:2] == (pytest.approx(0.1), pytest.approx(0.2))


@pytest.mark.parametrize(
    ("words", "code", "line"),
    [
        (["--size", "two"], 2, "--size two: write a whole number, or height x width"),
        (["--size", "0"], 2, "--size 0x0: must be 1 or more"),
        (["--stride", "0"], 2, "--stride 0x0: must be 1 or more"),
        (["--padding", "2"], 2, "--padding 2x2 is more than half of the window, 2x2"),
        (["--global", "--size", "3"], 2, "--global takes the whole image: leave out --size"),
        (["--method", "mean"], 2, "'mean' is not one of"),
        (["--norm"], 2, "--norm is for --method l2"),
        (["--size", "9"], 1, "a.png: a window of 9x9 is larger than the image of 4x6"),
    ],
)
def test_what_does_not_fit_is_one_line(capfd, words, code, line):
    Image.fromarray(np.zeros((4, 6), np.uint8)).save("a.png")
    assert cli.main(["pool", "a.png", *words]) == code
    err = capfd.readouterr().err.splitlines()
    assert len(err) == 1 and line in err[0]
    assert not Path("a-pool.png").exists()
