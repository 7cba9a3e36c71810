"""Whole commands on files as laboratories have them: the right numbers, or words that help."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import standin
import tifffile
from PIL import Image

from imgconv import cli


@pytest.fixture
def segment(tmp_path, monkeypatch, capfd):
    return standin.runner(tmp_path, monkeypatch, capfd)


def squares(count: int, side: int = 8) -> np.ndarray:
    """(64, 64) uint16: so many bright squares."""
    image = np.full((64, 64), 100, np.uint16)
    for n in range(count):
        y, x = 4 + 14 * (n // 4), 4 + 14 * (n % 4)
        image[y : y + side, x : x + side] = 1000
    return image


def rows(name: str) -> list[dict[str, str]]:
    with Path(name).open(newline="") as file:
        return list(csv.DictReader(file))


def test_positions_of_micromanager_are_counted_once_each(segment):
    """Three files of one acquisition, whose OME text tells of all: each has its own nuclei."""
    names = [f"scan_MMStack_2-Pos_{n:03}_000.ome.tif" for n in range(3)]
    blocks = [
        f'<Image ID="Image:{n}" Name="Pos{n}"><Pixels DimensionOrder="XYCZT" Type="uint16" '
        f'SizeX="64" SizeY="64" SizeC="1" SizeZ="1" SizeT="1"><TiffData IFD="0" PlaneCount="1">'
        f'<UUID FileName="{name}">urn:uuid:{n}</UUID></TiffData></Pixels></Image>'
        for n, name in enumerate(names)
    ]
    text = '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">' + "".join(blocks)
    Path("scan").mkdir()
    for name, count in zip(names, (4, 7, 10), strict=True):
        tifffile.imwrite(
            f"scan/{name}", squares(count), description=text + "</OME>", metadata=None,
            photometric="minisblack",
        )  # fmt: skip
    code, said = segment("scan", "-o", "out")
    assert code == 0, said
    assert [row["count"] for row in rows("out/summary.csv")] == ["4", "7", "10"]


@pytest.mark.parametrize("unit", ["nanometer", "nm", "nanometre"])
def test_units_are_understood_in_full(segment, unit):
    size = {"PhysicalSizeX": 250, "PhysicalSizeXUnit": unit, "PhysicalSizeY": 250,
            "PhysicalSizeYUnit": unit}  # fmt: skip
    tifffile.imwrite("a.ome.tif", squares(2), metadata={"axes": "YX", **size})
    tifffile.imwrite(
        "b.tif", squares(2), imagej=True, resolution=(1 / 250, 1 / 250), metadata={"unit": unit}
    )
    assert segment("a.ome.tif", "b.tif", "-o", "out")[0] == 0
    for table in ("out/a.ome.csv", "out/b.csv"):
        assert [float(row["area_um2"]) for row in rows(table)] == [pytest.approx(4)] * 2


def test_merged_fluorescence_is_asked_for_its_channel(segment):
    nuclei = squares(4).astype(np.float32) / 1000 * 255
    wide = np.roll(squares(5, 12), 2, (0, 1)).astype(np.float32) / 1000 * 200
    merged = np.stack([wide * 0, wide, nuclei], 2).clip(9, 255).astype(np.uint8)
    Image.fromarray(merged).save("merged.png")
    code, said = segment("merged.png", "-o", "out")
    assert code == 1 and "merged into colours" in said and "--channel blue" in said
    code, said = segment("merged.png", "--channel", "blue", "-o", "out")
    assert code == 0 and {row["area_px"] for row in rows("out/merged.csv")} == {"64"}


@pytest.mark.parametrize(
    ("pixels", "word"),
    [
        (np.full((32, 32), np.nan, np.float32), "every pixel is NaN"),
        (np.full((32, 32), 700, np.uint16), "every pixel has the same"),
        (np.full((32, 32), 255, np.uint8), "saturated"),
    ],
)
def test_an_image_without_anything_gets_a_remark(segment, pixels, word):
    tifffile.imwrite("a.tif", pixels)
    code, said = segment("a.tif", "-o", "out")
    assert code == 0 and word in said
    (row,) = rows("out/summary.csv")
    assert row["count"] == "0" and row["doubt"] in ("no numbers", "one value")


def test_labels_that_lost_their_numbers_are_not_scored_in_silence(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    truth = np.kron(np.arange(1, 401).reshape(20, 20), np.pad(np.ones((8, 8), int), 1))
    tifffile.imwrite("truth.tif", truth.astype(np.uint16))
    tifffile.imwrite("clipped.tif", truth.clip(0, 255).astype(np.uint8))
    Image.fromarray((truth % 251).astype(np.uint8)).save("lossy.jpg", quality=90)
    for given, word in (
        (("clipped.tif", "truth.tif"), "a conversion to 8 bit"),
        (("truth.tif", "clipped.tif"), "a conversion to 8 bit"),
        (("lossy.jpg", "truth.tif"), "labels from a JPEG"),
    ):
        assert cli.main(["evaluate", *given]) == 0
        assert word in capfd.readouterr().err
