"""The command `upsample`: files, stacks, pipes, the figure, and what it refuses."""

from __future__ import annotations

import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from imgconv import cli
from imgconv.images import Info, open_image
from imgconv.ops.catalogue import box
from imgconv.ops.comparison import Comparison, busiest, ones
from imgconv.ops.pool import Pool
from imgconv.ops.transposed import correlate_transposed
from imgconv.ops.upsample import Interpolation, Transposed
from imgconv.steps.pool import PoolPlane
from imgconv.steps.upsample import UpsamplePlane

SAMPLES = Path(__file__).parent.parent / "samples"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def grey(name: str = "a.png", size: tuple[int, int] = (4, 6)) -> np.ndarray:
    pixels = np.random.default_rng(0).integers(0, 256, size, dtype=np.uint8)
    Image.fromarray(pixels).save(name, dpi=(100, 100))
    return pixels


def shape_of(name: str) -> tuple[int, ...]:
    return np.asarray(Image.open(name)).shape


def test_the_default_doubles_pixels_beside_the_input(capfd):
    pixels = grey()
    assert cli.main(["upsample", "a.png"]) == 0
    assert capfd.readouterr().out == "a-upsample.png\n"
    found = Image.open("a-upsample.png")
    assert np.array_equal(np.asarray(found), pixels.repeat(2, 0).repeat(2, 1))
    assert found.info["dpi"] == pytest.approx((200, 200), abs=0.02)


def test_factors_differ_along_the_axes_and_may_be_fractions():
    grey()
    assert cli.main(["upsample", "a.png", "-s", "2x1.5", "-m", "bicubic"]) == 0
    assert shape_of("a-upsample.png") == (8, 9)
    assert cli.main(["upsample", "a.png", "-s", "4/3", "-m", "bilinear", "-f"]) == 0
    assert shape_of("a-upsample.png") == (5, 8)


def test_a_stencil_means_a_transposed_convolution():
    pixels = grey()
    assert cli.main(["upsample", "a.png", "-k", "1 1; 1 1", "--gain", "1/2"]) == 0
    expected = np.rint(pixels.repeat(2, 0).repeat(2, 1) / 2)
    assert np.array_equal(np.asarray(Image.open("a-upsample.png")), expected)
    words = ["-k", "box:3", "--stride", "3x1", "--padding", "0x1", "-f"]
    assert cli.main(["upsample", "a.png", *words]) == 0
    assert shape_of("a-upsample.png") == (12, 6)


def test_a_stack_keeps_its_axes_and_its_pixels_shrink():
    source = SAMPLES / "cells" / "timelapse.ome.tif"
    assert cli.main(["upsample", str(source), "-s", "2", "-o", "t.ome.tif"]) == 0
    with tifffile.TiffFile("t.ome.tif") as found, tifffile.TiffFile(source) as before:
        assert found.series[0].axes == before.series[0].axes
        assert np.array_equal(found.asarray()[..., ::2, 1::2], before.asarray())
    with open_image("t.ome.tif") as after, open_image(source) as opened:
        x, y, unit = opened.info.pixel_size
        assert after.info.pixel_size == (pytest.approx(x / 2), pytest.approx(y / 2), unit)


def test_a_pipe_in_and_out():
    np.save("map.npy", np.array([[0, 4]], np.float32))
    command = [sys.executable, "-m", "imgconv", "upsample", "-", "-m", "bilinear", "-s", "1x2"]
    done = subprocess.run(command, input=Path("map.npy").read_bytes(), capture_output=True)
    Path("out.npy").write_bytes(done.stdout)
    assert np.load("out.npy").squeeze().tolist() == [0, 1, 3, 4]


@pytest.mark.parametrize(
    ("words", "code", "line"),
    [
        (["-s", "1/2"], 2, "--scale 0.5: must be 1 or more; to make images smaller"),
        (["-s", "two"], 2, "--scale: 'two' is not a number"),
        (["-s", "2x2x2"], 2, "--scale 2x2x2: write one number, or height x width"),
        (["-m", "transposed"], 2, "--method transposed needs --stencil"),
        (["-m", "bilinear", "-k", "box:4"], 2, "--stencil does not go with --method bilinear"),
        (["-k", "box:4", "-s", "2"], 2, "--scale does not go with --method transposed"),
        (["-k", "box:4", "--stride", "0"], 2, "--stride 0x0: must be 1 or more"),
        (["-k", "sobel"], 2, "--stencil sobel is two stencils"),
        (["--gain", "2"], 2, "--gain does not go with --method nearest"),
        (["--compare", "-m", "nearest"], 2, "--method does not go with --compare"),
        (["--compare", "--stride", "1"], 2, "--compare --stride 1x1: must be 2 to 4"),
        (["-k", "1", "--padding", "9"], 1, "a.png: nothing is left: an image of 4x6"),
        (["-s", "10", "--max-pixels", "1000"], 1, "would be 60x40, 2,400 pixels, and the limit"),
    ],
)
def test_what_does_not_fit_is_one_line(capfd, words, code, line):
    grey()
    assert cli.main(["upsample", "a.png", *words]) == code
    err = capfd.readouterr().err.splitlines()
    assert len(err) == 1 and line in err[0]
    assert not Path("a-upsample.png").exists()


@pytest.mark.parametrize(
    "words",
    [
        ["upsample", "-s", "6000"],
        ["upsample", "-m", "transposed", "-k", "box:3", "--stride", "6000"],
        ["upsample", "-s", "6000", "-o", "{stem}-{page}.webp"],
    ],
)
def test_what_the_format_cannot_hold_is_not_computed(words, capfd, monkeypatch):
    monkeypatch.setattr(UpsamplePlane, "__call__", lambda *_: pytest.fail("computed"))
    grey()
    given = ["-o", "b.webp"] if "-o" not in words else []
    assert cli.main([*words, "a.png", *given]) == 1
    assert "WEBP holds at most 16383 rows and columns, the image has 3" in capfd.readouterr().err


@pytest.mark.parametrize(
    "operation",
    [
        UpsamplePlane(Interpolation("bilinear", (Fraction(3, 2), Fraction(7, 3)))),
        UpsamplePlane(Transposed(box(3, 5), (2, 3), (1, 0))),
        PoolPlane(Pool("average", (3, 2), (2, 2), (1, 0), ceil=True)),
        PoolPlane(Pool("max", None)),
    ],
)
@pytest.mark.parametrize("shape", [(9, 14, 1), (12, 7, 3)])
def test_the_size_that_is_told_ahead_is_that_of_the_result(operation, shape):
    plane = np.zeros(shape, np.uint8)
    info = Info("png", plane.dtype, *shape)
    assert operation(plane, info).pixels.shape[:2] == operation.size(info)


@pytest.mark.parametrize("stride", ["2", "3", "3x4"])
def test_the_figure_compares_all_methods(capfd, stride):
    words = [str(SAMPLES / "leaf.png"), "--compare", "--stride", stride, "-o", "figure.png"]
    assert cli.main(["upsample", *words]) == 0
    assert capfd.readouterr().out == "figure.png\n"
    height, width, channels = shape_of("figure.png")
    assert 900 < height < 1200 and 1000 < width < 1400 and channels == 3


@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 200, 2), (90, 7, 4)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_any_image_has_a_figure(shape, dtype):
    pixels = np.random.default_rng(0).random(shape) * 200
    alpha = "straight" if shape[2] in (2, 4) else "none"
    assert Comparison()(pixels.astype(dtype), alpha).dtype == np.uint8


def test_the_figure_states_the_overlaps_that_a_field_of_ones_shows():
    for stride in ((2, 2), (3, 3), (4, 3)):
        work = Comparison(stride)
        for size in work.stencils:
            field = np.ones((15, 15, 1), np.float32)
            inside = correlate_transposed(field, ones(size), stride)[12:20, 12:20, 0]
            numbers = ", ".join(f"{n:.0f}" for n in np.unique(inside))
            assert work._inside(size).startswith(numbers + (":" if "," in numbers else " "))


def test_the_figure_shows_the_part_with_the_strongest_edges():
    pixels = np.random.default_rng(0).integers(100, 140, (200, 300, 3), dtype=np.uint8)
    pixels[120:150, 210:230] = 255
    y, x = busiest(pixels, 36, 36)
    assert y <= 120 and y + 36 >= 150 and x <= 210 and x + 36 >= 230


def test_transposed_stencils_that_the_stride_divides_keep_a_flat_field_flat():
    flat = np.full((9, 9, 1), 90, np.uint8)
    for size, even in zip(Comparison().stencils, (True, False, True, False), strict=True):
        gain = Fraction(4, size[0] * size[1])
        inside = correlate_transposed(flat, ones(size), (2, 2), gain=gain)[6:-6, 6:-6]
        assert (np.unique(inside).tolist() == [90]) == even
