"""`imgconv segment` measures the numbers that a file stores, and says where they lie."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
import roifile
import standin
import tifffile
from PIL import Image

from imgconv.tasks.csv_table import read_csv

BRIGHT, DARK = 120, 20
GREEN = np.zeros((3, 256), np.uint16)
GREEN[1] = np.arange(256)[::-1] * 257  # dark where the numbers are large


@pytest.fixture
def segment(tmp_path, monkeypatch, capfd):
    return standin.runner(tmp_path, monkeypatch, capfd)


def field(count: int = 3, bright: int = BRIGHT, dark: int = DARK) -> np.ndarray:
    """Bright squares of 9x9 pixels on dark ground, 8 bit."""
    pixels = np.full((32, 64), dark, np.uint8)
    for n in range(count):
        pixels[10:19, 5 + 20 * n : 14 + 20 * n] = bright
    return pixels


def rows(name: str) -> list[dict[str, str]]:
    return read_csv(Path("segmented", name).read_text("utf-8"))[1]


@pytest.mark.parametrize(
    "kind", [{"photometric": "palette", "colormap": GREEN}, {"photometric": "miniswhite"}]
)
def test_values_are_imagejs_whatever_its_colour_table(segment, kind):
    more = {"description": "ImageJ=1.53t\n", "metadata": None}
    tifffile.imwrite("a.tif", field(), **kind, **more)
    code, err = segment("a.tif", "--channel", "1")
    assert code == 0, err
    found = rows("a.csv")
    assert [row["intensity_mean"] for row in found] == [str(BRIGHT)] * 3
    assert "a.tif: numbers " in err and "are read" in err


def test_the_palette_of_a_picture_is_its_colours(segment):
    Image.fromarray(np.dstack([field()] * 3)).quantize(8).save("a.png")
    assert segment("a.png")[0] == 0
    assert "intensity_mean_green" in rows("a.csv")[0]


def test_values_up_to_1023_are_not_scaled(segment):
    pixels = np.where(field() == BRIGHT, 1000, 100)
    Path("a.pgm").write_bytes(b"P5 64 32 1023\n" + pixels.astype(">u2").tobytes())
    assert segment("a.pgm")[0] == 0
    assert {row["intensity_mean"] for row in rows("a.csv")} == {"1000"}


def test_pixels_that_a_tag_turns_are_said_to_be_turned(segment):
    Image.fromarray(field()).save("a.tif", tiffinfo={0x0112: 6})
    code, err = segment("a.tif")
    assert code == 0 and "a.tif: its pixels are turned upright" in err
    assert tifffile.imread("segmented/a-labels.tif").shape == (64, 32)


def test_a_number_that_names_another_channel_is_refused_in_one_line(segment):
    names = {"Channel": {"Name": ["0", "1", "2"]}}
    planes = np.stack([field(n) for n in (1, 2, 3)])
    tifffile.imwrite(
        "a.ome.tif", planes, metadata={"axes": "CYX", **names}, photometric="minisblack"
    )
    code, err = segment("a.ome.tif", "--channel", "2")
    assert code == 1 and "give c2 (named 1) or c3 (named 2)" in err and len(err.splitlines()) == 1
    assert segment("a.ome.tif", "--channel", "c2")[0] == 0
    assert len(rows("a.ome.csv")) == 2


def test_the_step_in_z_is_converted_with_the_pixel_size(segment):
    known = {"axes": "ZYX", "unit": "nm", "spacing": 300.0}
    stack = np.stack([field()] * 2)
    tifffile.imwrite("a.tif", stack, imagej=True, resolution=(0.01, 0.01), metadata=known)
    assert segment("a.tif")[0] == 0
    with tifffile.TiffFile("segmented/a-labels.tif") as file:
        found = file.imagej_metadata
        assert (found["unit"], found["spacing"]) == ("micron", pytest.approx(0.3))
        assert file.pages.first.tags["XResolution"].value == (10, 1)


@pytest.mark.parametrize("axes", ["ZYX", "TYX"])
def test_rois_of_a_stack_have_the_number_of_their_plane(segment, axes):
    calibrated = {"axes": axes, "unit": "um"}
    tifffile.imwrite("a.tif", np.stack([field(1), field(2)]), imagej=True, metadata=calibrated)
    assert segment("a.tif", "--rois")[0] == 0
    assert places() == [(1, 0, 0), (2, 0, 0), (2, 0, 0)]


def test_rois_of_a_hyperstack_have_a_place_on_each_axis(segment):
    planes = np.stack([[field(0), field(0)], [field(1), field(2)]])
    tifffile.imwrite("a.tif", planes, imagej=True, metadata={"axes": "TZYX"})
    assert segment("a.tif", "--rois")[0] == 0
    assert places() == [(0, 1, 2), (0, 2, 2), (0, 2, 2)]


def places() -> list[tuple[int, int, int]]:
    """Position, z and t of each ROI."""
    with zipfile.ZipFile("segmented/a-rois.zip") as file:
        found = [roifile.ImagejRoi.frombytes(file.read(name)) for name in file.namelist()]
    return [(one.position, one.z_position, one.t_position) for one in found]
