"""`imgconv measure`: every family against scikit-image, mahotas or naive code; whole commands."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
from scipy import ndimage
from skimage.measure import regionprops
from skimage.segmentation import expand_labels

import imgconv
from imgconv import cli
from imgconv.tasks.measure.objects import objects_of
from imgconv.tasks.measure.texture import NAMES, grey_levels, haralick

RNG = np.random.default_rng(5)
Y, X = np.mgrid[:90, :110]


def blobs() -> np.ndarray:
    """Objects of odd numbers, two of which touch, one at the border."""
    labels = np.zeros((90, 110), np.uint32)
    for number, (y, x, r) in {
        7: (20, 20, 9), 3: (20, 38, 9.5), 20_000_001: (60, 70, 14), 11: (0, 90, 8), 12: (80, 15, 6),
        40: (50, 20, 5), 41: (70, 40, 4),
    }.items():  # fmt: skip
        labels[(Y - y) ** 2 + (X - x) ** 2 < r * r] = number
    return labels


LABELS = blobs()
NUMBERS = np.unique(LABELS)[1:]
IMAGE = (RNG.poisson(40, LABELS.shape) + (LABELS > 0) * (200 + 3 * X)).astype(np.uint16)
OTHER = RNG.integers(0, 255, LABELS.shape, np.uint8)


def test_the_table_is_that_of_segment_with_the_numbers_of_the_labels():
    found = imgconv.measure(LABELS, IMAGE, pixel_size=0.5)
    assert found["label"].tolist() == NUMBERS.tolist()
    for n, region in enumerate(
        regionprops(objects_of(LABELS, IMAGE[..., None], ("",)).labels, IMAGE)
    ):
        assert found["area_px"][n] == region.area and found["area_um2"][n] == region.area / 4
        assert found["centroid_x_px"][n] == pytest.approx(region.centroid[1] + 0.5)
        assert found["intensity_mean"][n] == pytest.approx(region.intensity_mean)
        assert found["intensity_integrated"][n] == IMAGE[found["label"][n] == LABELS].sum()


def test_form_is_scikit_images():
    found = imgconv.measure(LABELS, IMAGE, features="form")
    for n, region in enumerate(regionprops(objects_of(LABELS, IMAGE[..., None], ("",)).labels)):
        assert found["axis_major_px"][n] == pytest.approx(region.axis_major_length)
        assert found["axis_minor_px"][n] == pytest.approx(region.axis_minor_length)
        assert found["feret_px"][n] == pytest.approx(region.feret_diameter_max)
        assert found["extent"][n] == region.extent and found["euler_number"][n] == 1
        assert found["form_factor"][n] == pytest.approx(
            4 * np.pi * region.area / region.perimeter**2
        )
    assert found["inscribed_radius_px"][NUMBERS.tolist().index(20_000_001)] == pytest.approx(
        14, abs=1
    )


def test_growing_is_scikit_images_and_rings_do_not_overlap():
    found = imgconv.measure(LABELS, IMAGE, OTHER, expand=4, ring=(2, 6), names=["a", "b"])
    small = np.searchsorted(np.append(0, NUMBERS), LABELS)  # scikit-image makes room for each
    grown = expand_labels(small, 4)
    distance = ndimage.distance_transform_edt(LABELS == 0)
    for n in range(len(NUMBERS)):
        inside = grown == n + 1
        assert found["expanded_area_px"][n] == inside.sum()
        assert found["expanded_intensity_integrated_b"][n] == OTHER[inside].sum()
    ring = (distance > 2) & (distance <= 6)
    assert found["ring_area_px"].sum() == ring.sum()  # each pixel is of one object
    assert found["ring_intensity_integrated_a"].sum() == IMAGE[ring].sum()


def test_spread_and_background_by_hand():
    found = imgconv.measure(LABELS, IMAGE, features=["spread", "background"])
    distance = ndimage.distance_transform_edt(LABELS == 0)
    for n, number in enumerate(NUMBERS):
        values = IMAGE[number == LABELS].astype(float)
        assert found["intensity_sd"][n] == pytest.approx(values.std())
        assert found["intensity_median"][n] == np.median(values)
        gap = [ndimage.distance_transform_edt(other != LABELS) for other in NUMBERS]
        own = (distance > 5) & (distance <= 15) & (gap[n] == np.min(gap, axis=0))
        assert found["background"][n] == pytest.approx(np.median(IMAGE[own]), abs=1)
        assert found["intensity_integrated_corrected"][n] == pytest.approx(
            values.sum() - len(values) * found["background"][n]
        )


@pytest.mark.parametrize("place", [7, 20_000_001, 11])
def test_texture_is_mahotas_haralick(place):
    mahotas = pytest.importorskip("mahotas")
    rows, columns = (slice(v.min(), v.max() + 1) for v in np.nonzero(place == LABELS))
    mask = LABELS[rows, columns] == place
    found = haralick(IMAGE[rows, columns], mask)
    levels = (grey_levels(IMAGE[rows, columns], mask) + 1).astype(np.uint8)
    expected = mahotas.features.haralick(levels, ignore_zeros=True, return_mean=True)
    expected[5] -= 2  # its levels count from 1
    known = [
        n for n, name in enumerate(NAMES) if name != "difference_variance"
    ]  # not a variance there
    assert found[known] == pytest.approx(expected[known])


def test_textures_of_a_pattern_by_hand():
    stripes = np.tile([0.0, 1.0], (8, 8))
    table = dict(zip(NAMES, haralick(stripes, np.ones(stripes.shape, bool)), strict=True))
    # Along a row neighbours differ (31 levels), along a column they are equal; diagonals differ.
    assert table["contrast"] == pytest.approx(0.75 * 31**2)
    assert table["correlation"] == pytest.approx((-1 - 1 + 1 - 1) / 4)
    assert table["difference_variance"] == pytest.approx(0)
    assert table["asm"] == pytest.approx(0.5, abs=0.01)


def test_granularity_finds_the_size_of_grains():
    labels = np.ones((60, 60), int)
    for radius in (1, 3, 5):
        image = np.zeros((60, 60))
        for y in range(10, 60, 16):
            for x in range(10, 60, 16):
                image[(Y[:60, :60] - y) ** 2 + (X[:60, :60] - x) ** 2 <= radius**2] = 1
        found = imgconv.measure(labels, image, features="granularity")
        spectrum = [found[f"granularity_{n}"][0] for n in range(1, 9)]
        assert np.argmax(spectrum) == radius  # an opening with the next disc takes them away
        assert sum(spectrum) == pytest.approx(100)


def test_neighbours_by_hand():
    found = imgconv.measure(LABELS, IMAGE, features="neighbours", pixel_size=0.5)
    row = dict(zip(found["label"].tolist(), range(len(NUMBERS)), strict=True))
    assert found["touching"][row[7]] == found["touching"][row[3]] == 1
    assert found["touching"].sum() == 2 and found["nearest_label"][row[7]] == 3
    at = imgconv.measure(LABELS, IMAGE)
    points = np.stack([at["centroid_x_px"], at["centroid_y_px"]], axis=1)
    apart = np.linalg.norm(points[:, None] - points, axis=2)
    assert found["nearest_distance_um"] == pytest.approx(np.sort(apart, axis=1)[:, 1] / 2)
    fifth = np.sort(apart, axis=1)[:, 5]
    assert found["local_density_per_megapixel"] == pytest.approx(5e6 / (np.pi * fifth**2))
    assert 0 < found["touching_fraction"][row[7]] < 0.5


def test_nuclei_belong_to_the_cells_they_lie_in():
    nuclei, cells = np.zeros((40, 60), int), np.zeros((40, 60), int)
    cells[5:35, 2:20], cells[5:35, 25:50] = 8, 5
    nuclei[10:16, 5:11] = 1  # in 8
    nuclei[10:16, 30:36] = 2  # in 5, as is 3
    nuclei[22:28, 46:52] = 3  # a third of it outside
    nuclei[36:39, 55:58] = 4  # in none
    image = np.arange(2400.0).reshape(40, 60)
    found = imgconv.measure(nuclei, image, cells=cells)
    assert found["cell"].tolist() == [8, 5, 5, 0]
    assert found["nuclei_in_cell"].tolist() == [1, 2, 2, 0]
    assert found["nucleus_in_cell"] == pytest.approx([1, 1, 4 / 6, 0])
    bare = (cells == 5) & (nuclei == 0)
    assert found["cytoplasm_area_px"][1] == bare.sum() == 30 * 25 - 36 - 24
    assert found["cytoplasm_intensity_mean"][2] == pytest.approx(image[bare].mean())
    assert np.isnan(found["cell_intensity_mean"][3])


@pytest.mark.parametrize("labels", [np.zeros((20, 30), int), np.ones((20, 30), int)])
def test_no_object_and_nothing_but_an_object(labels):
    image = RNG.random((20, 30))
    found = imgconv.measure(labels, image, features="all", ring="0-3", expand=2, cells=labels)
    assert found.rows == labels.max()
    full = imgconv.measure(
        LABELS, np.asarray(IMAGE), features="all", ring=(0, 3), expand=2, cells=LABELS
    )
    assert list(found) == list(full)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("labels", "images", "more"):
        Path(name).mkdir()
    for name in "ab":
        tifffile.imwrite(f"labels/{name}-labels.tif", LABELS)
        tifffile.imwrite(f"images/{name}.tif", IMAGE)
        tifffile.imwrite(f"more/{name}.tif", OTHER)
    return tmp_path


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_folders_belong_together_by_names(folder, capfd):
    assert cli.main(["measure", "labels", "images", "more", "--names", "x,y"]) == 0
    assert capfd.readouterr().out.split() == [
        "labels/measured/a-labels.csv",
        "labels/measured/b-labels.csv",
    ]
    table = rows(Path("labels/measured/b-labels.csv").read_text())
    assert table[0]["image"] == "b.tif" and int(table[-1]["label"]) == 20_000_001
    assert float(table[2]["intensity_mean_y"]) == pytest.approx(OTHER[LABELS == 11].mean())
    Path("images/b.tif").unlink()
    assert cli.main(["measure", "labels", "images", "-o", "out/"]) == 1
    assert "no image for it: images has no b.tif or .png" in capfd.readouterr().err
    assert Path("out/a-labels.csv").exists()


def test_pipes_json_and_mistakes(folder, capfd):
    pair = ["labels/a-labels.tif", "images/a.tif"]
    assert cli.main(["measure", *pair, "-o", "-", "-q"]) == 0
    assert len(rows(capfd.readouterr().out)) == len(NUMBERS)
    assert cli.main(["measure", *pair, "-o", "a.csv", "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["count"] == len(NUMBERS)
    for argv, code, said in (
        ([*pair, "-o", "a.csv"], 2, "a.csv exists already"),
        ([pair[0]], 2, "labels and at least one image"),
        ([*pair, "--features", "colour"], 2, "allowed are shape, intensity, form"),
        ([*pair, "--ring", "5-2"], 2, "from where to where outside the object"),
        ([*pair, "--ring", "1-3um", "-f"], 1, "needs the pixel size"),
        ([*pair, "--names", "a,b", "-f"], 1, "have 1 channels, --names gives 2"),
        (["labels", "images/a.tif"], 2, "give files or folders, labels first"),
        (["labels/a-labels.tif", "nothing.tif"], 2, "no such file"),
    ):
        assert cli.main(["measure", *argv]) == code, argv
        assert said in capfd.readouterr().err


def test_labels_that_are_none_are_said(folder, capfd):
    assert cli.main(["measure", "images/a.tif", "images/a.tif", "-o", "a.csv"]) == 0
    assert "as after lossy compression" in capfd.readouterr().err
    tifffile.imwrite("mask.tif", (LABELS > 0).astype(np.uint8))
    assert cli.main(["measure", "mask.tif", "images/a.tif", "-o", "b.csv"]) == 0
    assert "one value (1) in" in capfd.readouterr().err


def test_a_file_whose_name_begins_with_dashes(folder, capfd):
    Path("labels/a-labels.tif").rename("--W1.tif")
    assert cli.main(["measure", "--W1.tif", "images/a.tif"]) == 2
    assert "the file of this name is ./--W1.tif; see" in capfd.readouterr().err
    assert cli.main(["measure", "./--W1.tif", "images/a.tif", "-o", "a.csv"]) == 0


def test_stacks_go_plane_by_plane_and_have_to_fit(folder, capfd):
    planes = np.stack([LABELS, np.roll(LABELS, 5, 0)])
    tifffile.imwrite("l.tif", planes, metadata={"axes": "TYX"}, photometric="minisblack")
    pixels = np.stack([np.stack([IMAGE, IMAGE + n]) for n in (0, 7)]).astype(np.uint16)
    tifffile.imwrite("i.tif", pixels, metadata={"axes": "TCYX"}, imagej=True)
    assert cli.main(["measure", "l.tif", "i.tif", "-o", "-", "-q"]) == 0
    table = rows(capfd.readouterr().out)
    assert [row["t"] for row in table] == ["1"] * len(NUMBERS) + ["2"] * len(NUMBERS)
    assert float(table[-1]["intensity_mean_c2"]) - float(table[-1]["intensity_mean_c1"]) == 7
    by_array = imgconv.measure(planes, pixels, axes="TCYX")
    assert by_array["intensity_mean_c2"][-1] == pytest.approx(float(table[-1]["intensity_mean_c2"]))
    assert cli.main(["measure", "l.tif", "images/a.tif", "-o", "-"]) == 1
    assert (
        "l.tif: has 2 planes, images/a.tif 1: they do not belong together" in capfd.readouterr().err
    )
    tifffile.imwrite("s.tif", IMAGE[:50])
    assert cli.main(["measure", "labels/a-labels.tif", "s.tif", "-o", "-"]) == 1
    assert "is 110x90 pixels, s.tif 110x50" in capfd.readouterr().err
