"""`imgconv evaluate` as it is typed: folders matched by names, scores as text, JSON and CSV."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from imgconv import cli
from imgconv.tasks.labels.truth import key

TRUTH = np.kron(np.arange(1, 7).reshape(2, 3), np.pad(np.ones((8, 8), int), 1))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("labels").mkdir()
    Path("truth").mkdir()
    return tmp_path


@pytest.fixture
def evaluate(capfd: pytest.CaptureFixture[str]):
    def run(*argv: str) -> tuple[int, str, str]:
        capfd.readouterr()
        code = cli.main(["evaluate", *argv])
        return (code, *capfd.readouterr())

    return run


def save(name: str, labels: np.ndarray) -> None:
    if name.endswith(".png"):
        Image.fromarray(labels.astype(np.uint8)).save(name)
    else:
        tifffile.imwrite(name, labels.astype(np.uint16), photometric="minisblack")


def two_images() -> None:
    save("labels/a-labels.tif", np.where(TRUTH == 2, 0, TRUTH))
    save("truth/a.png", TRUTH)
    save("labels/b-labels.tif", TRUTH)
    save("truth/b_masks.tif", TRUTH)


def test_scores_of_two_folders_are_a_table_for_people(evaluate):
    two_images()
    code, out, err = evaluate("labels", "truth")
    assert code == 0 and "2 done" in err
    lines = out.splitlines()
    assert lines[0] == "2 images, 11 objects found, 12 true"
    assert lines[3].split()[:2] == ["0.50", "0.917"] and lines[3].endswith("1.000     0.917  0.957")
    assert "count error                0.083" in out


def test_json_has_every_number_and_every_image(evaluate):
    two_images()
    code, out, _ = evaluate("labels", "truth", "--json")
    found = json.loads(out)
    assert code == 0 and found["ap"]["value"][0] == pytest.approx(11 / 12, abs=1e-6)
    assert found["ap"]["low"][0] <= 11 / 12 <= found["ap"]["high"][0]
    assert found["count_error"]["value"] == pytest.approx(1 / 12, abs=1e-6)
    assert found["aji"]["value"] == pytest.approx(11 / 12, abs=1e-6)
    assert [one["image"] for one in found["each"]] == ["labels/a-labels.tif", "labels/b-labels.tif"]
    assert found["each"][0]["count_difference"] == -1 and found["each"][1]["ap_95"] == 1


def test_csv_has_a_row_for_each_image_and_is_not_overwritten(evaluate):
    two_images()
    assert evaluate("labels", "truth", "--csv", "s.csv")[0] == 0
    with Path("s.csv").open(newline="") as file:
        found = list(csv.DictReader(file))
    assert [row["found"] for row in found] == ["5", "6"]
    assert float(found[0]["ap_50"]) == pytest.approx(5 / 6)
    code, _, err = evaluate("labels", "truth", "--csv", "s.csv")
    assert code == 2 and "s.csv exists already: --force overwrites" in err
    assert evaluate("labels", "truth", "--csv", "s.csv", "-f")[0] == 0


def test_missing_images_are_named_one_a_line_and_the_others_scored(evaluate):
    two_images()
    save("labels/c-labels.tif", TRUTH)
    save("truth/d.tif", TRUTH)
    code, out, err = evaluate("labels", "truth")
    assert code == 1 and out.startswith("2 images")
    assert "labels/c-labels.tif: no truth for it: truth has no c.tif" in err
    assert "truth/d.tif: no labels for it: labels has no d-labels.tif" in err


def test_images_of_other_sizes_planes_or_kinds_are_refused_by_name(evaluate):
    save("labels/a.tif", TRUTH)
    save("truth/a.tif", TRUTH[:-1])
    code, out, err = evaluate("labels", "truth")
    assert (code, out) == (1, "") and "differ in size (30x20 and 30x19)" in err
    save("truth/a.tif", np.stack([TRUTH, TRUTH]))
    assert "have 1 and 2 planes" in evaluate("labels", "truth")[2]
    tifffile.imwrite("truth/a.tif", TRUTH.astype(np.float32) / 2)
    assert "labels are whole numbers, found fractions" in evaluate("labels", "truth")[2]
    rgb = np.random.default_rng(0).integers(0, 255, (20, 30, 3), dtype=np.uint8)
    tifffile.imwrite("truth/a.tif", rgb, photometric="rgb")
    assert "3 channels are no labels" in evaluate("labels", "truth")[2]


def test_two_files_about_the_same_image_are_not_guessed_between(evaluate):
    two_images()
    save("truth/a.tif", TRUTH)
    code, _, err = evaluate("labels", "truth")
    assert code == 1 and "are both about a: leave one" in err


def test_the_folder_that_segment_wrote_is_compared_by_its_labels_only(evaluate):
    two_images()
    Image.new("RGB", (30, 20)).save("labels/a-overlay.png")
    assert evaluate("labels", "truth")[0] == 0


def test_two_files_are_compared_whatever_their_names(evaluate):
    save("labels/x.tif", np.stack([TRUTH, TRUTH]))
    save("truth/y.tif", np.stack([TRUTH, 0 * TRUTH]))
    code, out, _ = evaluate("labels/x.tif", "truth/y.tif", "--json")
    names = [one["image"] for one in json.loads(out)["each"]]
    assert code == 0 and names == ["labels/x.tif:1", "labels/x.tif:2"]


def test_folders_below_are_compared_with_r(evaluate):
    for folder in ("labels/p", "truth/p"):
        Path(folder).mkdir()
        save(f"{folder}/a.tif", TRUTH)
    assert evaluate("labels", "truth")[0] == 2
    assert evaluate("labels", "truth", "-r")[1].startswith("1 image, 6 objects")


@pytest.mark.parametrize(
    ("name", "about"),
    [
        ("a-labels.tif", "a"), ("a.ome-labels.tif", "a"), ("a.ome.tif", "a"), ("a.png", "a"),
        ("a_cp_masks.png", "a"), ("a_mask.png", "a"), ("a-1.tif", "a-1"), ("labels.tif", "labels"),
        ("-labels.tif", "-labels"),
    ],
)  # fmt: skip
def test_what_a_file_is_about_is_in_its_name(name, about):
    assert key(name) == about


def test_a_wrong_command_line_says_what_is_wanted(evaluate):
    assert "two folders or two files" in evaluate("labels")[2]
    assert "nowhere: no such file or folder" in evaluate("labels", "nowhere")[2]
    save("truth/a.tif", TRUTH)
    assert "give two files or two folders" in evaluate("labels", "truth/a.tif")[2]


def palette_png(name: str, labels: np.ndarray, bits: int = 8) -> None:
    """With colours that repeat, so that only the numbers tell the objects apart."""
    image = Image.new("P", labels.shape[::-1])
    image.putdata(labels.astype(np.uint8).ravel().tolist())
    image.putpalette([0, 0, 0] + [200, 90, 30] * 15)
    image.save(name, bits=bits, transparency=0)


@pytest.mark.parametrize("bits", [4, 8])
def test_label_images_with_a_palette_are_its_numbers(evaluate, bits):
    palette_png("truth/a.png", TRUTH, bits)
    save("labels/a-labels.tif", TRUTH)
    code, out, err = evaluate("labels", "truth", "--json")
    assert code == 0, err
    found = json.loads(out)
    assert found["objects_true"] == 6 and found["ap"]["value"][0] == 1


@pytest.mark.parametrize("description", ["", "ImageJ=1.53t\n"])
def test_tiffs_with_a_palette_or_white_as_zero_are_their_numbers(evaluate, description):
    table = np.zeros((3, 256), np.uint16)
    table[:, 1:] = 40_000
    kinds = ({"photometric": "palette", "colormap": table}, {"photometric": "miniswhite"})
    for name, kind in zip(("palette", "white"), kinds, strict=True):
        more = {"description": description, "metadata": None, **kind}
        tifffile.imwrite(f"truth/{name}.tif", TRUTH.astype(np.uint8), **more)
        save(f"labels/{name}-labels.tif", TRUTH)
    code, out, err = evaluate("labels", "truth", "--json")
    assert code == 0, err
    assert json.loads(out)["objects_true"] == 12 and json.loads(out)["aji"]["value"] == 1


def test_a_mask_that_is_counted_as_one_object_is_said(evaluate):
    save("labels/a-labels.tif", TRUTH)
    save("truth/a.png", 255 * (TRUTH > 0))
    code, out, err = evaluate("labels", "truth")
    assert code == 0 and "6 objects found, 1 true" in out
    assert "truth/a.png: one value (255) in 6 separate parts counts as one object" in err
    assert "Count Masks" in err and "skimage.measure.label" in err


def test_one_object_in_one_piece_and_objects_with_numbers_are_no_masks(evaluate):
    save("labels/a-labels.tif", np.eye(20, dtype=int))  # touching diagonally
    save("truth/a.png", np.where(TRUTH == 2, 2, 0)[:, :20])
    save("labels/b-labels.tif", TRUTH)
    save("truth/b.png", np.where(TRUTH > 3, 1, 2 * (TRUTH > 0)))  # two values in several parts
    code, _, err = evaluate("labels", "truth")
    assert code == 0 and "one value" not in err


def test_labels_that_are_no_numbers_are_refused_in_one_line(evaluate, recwarn):
    labels = TRUTH.astype(np.float32)
    labels[0, 0] = np.nan
    tifffile.imwrite("truth/a.tif", labels)
    save("labels/a.tif", TRUTH)
    code, _, err = evaluate("labels", "truth")
    assert code == 1 and "truth/a.tif: labels are whole numbers, found NaN or infinity" in err
    assert len(err.splitlines()) == 1 and not list(recwarn)
