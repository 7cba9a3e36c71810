"""`imgconv segment` as it is typed, with a network that finds bright things on dark ground."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import standin
import tifffile
from PIL import Image

from imgconv import cli

HERE = Path(__file__).parent
SIDE = 9  # pixels of the squares
PLACES = ((5, 6), (5, 40), (30, 20))  # upper left corners of three, (y, x)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return standin.model(tmp_path_factory.mktemp("model") / "standin.safetensors")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def segment(model: str, capfd: pytest.CaptureFixture[str]):
    def run(*argv: str) -> tuple[int, list[str], str]:
        capfd.readouterr()
        code = cli.main(["segment", "--model", model, *argv])
        out, err = capfd.readouterr()
        return code, out.splitlines(), err

    return run


def field(places=PLACES, shape=(48, 64), bright=1000, dark=100, dtype=np.uint16) -> np.ndarray:
    pixels = np.full(shape, dark, dtype)
    for y, x in places:
        pixels[y : y + SIDE, x : x + SIDE] = bright
    return pixels


def squares(places=PLACES, shape=(48, 64)) -> np.ndarray:
    labels = np.zeros(shape, int)
    for n, (y, x) in enumerate(places, 1):
        labels[y : y + SIDE, x : x + SIDE] = n
    return labels


def same_objects(found: np.ndarray, expected: np.ndarray) -> bool:
    """Equal up to numbering."""
    pairs = set(zip(found.ravel().tolist(), expected.ravel().tolist(), strict=True))
    return len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs})


def rows(path: str) -> list[dict[str, str]]:
    with Path(path).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def record(folder: str = "segmented") -> dict:
    return json.loads(Path(folder, "imgconv-run.json").read_text("utf-8"))


def calibrated(name: str, pixels: np.ndarray, axes: str = "YX", **more: object) -> None:
    tifffile.imwrite(
        name, pixels, imagej=True, resolution=(4, 4), metadata={"axes": axes, "unit": "um", **more}
    )


def test_an_image_becomes_labels_a_picture_tables_and_a_record(segment):
    calibrated("a.tif", field())
    code, out, err = segment("a.tif")
    names = ["a-labels.tif", "a-overlay.png", "a.csv"]
    names += ["summary.csv", "imgconv-run.json", "objects.csv"]
    assert (code, out) == (0, [f"segmented/{name}" for name in names])
    assert "a.tif: 3 objects, 15,62" in err or "a.tif: 3 objects, 1.562e+04 per mm²" in err
    assert "median area 81 px (5.062 µm²), diameter 24 px found" in err
    labels = tifffile.imread("segmented/a-labels.tif")
    assert labels.dtype == np.uint16 and same_objects(labels, squares())
    assert len(list(Path("segmented").iterdir())) == 6  # nothing hidden is left


def test_measurements_are_in_pixels_and_micrometres(segment):
    calibrated("a.tif", field())
    assert segment("a.tif")[0] == 0
    found = rows("segmented/a.csv")
    assert [row["label"] for row in found] == ["1", "2", "3"]
    corners = {(int(row["bbox_y_px"]), int(row["bbox_x_px"])) for row in found}
    assert corners == set(PLACES)
    for row in found:
        assert (row["image"], row["plane"], row["area_px"]) == ("a.tif", "1", "81")
        assert float(row["area_um2"]) == 81 / 16
        assert float(row["centroid_x_um"]) == float(row["centroid_x_px"]) / 4
        assert row["intensity_integrated"] == "81000" and row["intensity_min"] == "1000"


def test_the_labels_open_in_imagej_with_their_pixel_size(segment):
    calibrated("a.tif", field())
    segment("a.tif")
    with tifffile.TiffFile("segmented/a-labels.tif") as file:
        assert file.is_imagej and file.imagej_metadata["unit"] == "micron"
        assert file.pages.first.tags["XResolution"].value == (4, 1)
        assert file.imagej_metadata["max"] == 3  # so that they are not black


def test_the_overlay_shows_the_outlines_on_the_stretched_image(segment):
    calibrated("a.tif", field(bright=130, dark=100))
    segment("a.tif")
    with Image.open("segmented/a-overlay.png") as file:
        picture = np.asarray(file).astype(int)
    factor = picture.shape[1] // 64
    assert picture.shape[1:] == (64 * factor, 3) and factor > 5
    caption = picture[48 * factor :]  # file, count and, as the pixel size is known, a scale bar
    assert 20 < len(caption) < 60 and caption.min() < 60
    inside = picture[(5 + 2) * factor, (6 + 4) * factor]  # off the number in the middle
    edge = picture[(5 + 4) * factor, 6 * factor]
    assert inside.min() > 200 and picture[2, 2].max() < 30
    assert np.ptp(edge) > 60  # coloured


def test_pixels_that_are_not_square_give_areas_only(segment):
    calibrated("a.tif", field())
    assert segment("a.tif", "--pixel-size", "0.5,0.25")[0] == 0
    row = rows("segmented/a.csv")[0]
    assert float(row["area_um2"]) == 81 * 0.125
    assert not [name for name in row if name.endswith("_um")]
    assert record()["images"][0]["pixel_size_from"] == "pixel_size"


def test_dpi_is_no_pixel_size(segment):
    tifffile.imwrite("a.tif", field(), resolution=(300, 300), resolutionunit=2)
    code, _, err = segment("a.tif")
    assert code == 0 and "per megapixel" in err and "µm" not in err
    assert "area_um2" not in rows("segmented/a.csv")[0]


def test_planes_of_a_time_lapse_are_segmented_each_on_its_own(segment):
    frames = np.stack([field(), field(PLACES[:1]), field(())])
    calibrated("a.tif", frames, "TYX", finterval=30.0)
    code, _, err = segment("a.tif", "--rois", "--geojson", "--probability")
    assert code == 0 and "4 objects in 3 planes" in err
    with tifffile.TiffFile("segmented/a-labels.tif") as file:
        assert file.series[0].axes == "TYX" and file.imagej_metadata["finterval"] == 30
        labels = file.asarray()
    assert [plane.max() for plane in labels] == [3, 1, 0]
    assert [(row["plane"], row["t"]) for row in rows("segmented/a.csv")] == [
        ("1", "1"), ("1", "1"), ("1", "1"), ("2", "2")
    ]  # fmt: skip
    summary = rows("segmented/summary.csv")
    assert [(row["t"], row["count"]) for row in summary] == [("1", "3"), ("2", "1"), ("3", "0")]
    assert summary[2]["median_area_px"] == "" and summary[1]["diameter_px"] != ""
    with zipfile.ZipFile("segmented/a-rois.zip") as file:
        assert file.namelist()[-1] == "0002-0001-0000.roi" and len(file.namelist()) == 4
    features = json.loads(Path("segmented/a.geojson").read_text())["features"]
    assert [f["geometry"].get("plane", {"t": 0})["t"] for f in features] == [0, 0, 0, 1]
    assert tifffile.imread("segmented/a-probability.tif").shape == frames.shape


def test_the_picture_of_a_long_stack_shows_planes_from_first_to_last(segment):
    calibrated("a.tif", np.stack([field(PLACES[:2])] * 20), "TYX")
    code, _, err = segment("a.tif")
    assert code == 0 and "a.tif: the picture shows 16 of 20 planes" in err
    with Image.open("segmented/a-overlay.png") as sheet:
        assert sheet.mode == "RGB" and 1000 < sheet.width < 8 * 400


def test_channels_that_are_no_colours_have_to_be_chosen(segment):
    channels = np.stack([field(()), field(dtype=np.uint16) // 2])
    calibrated("a.tif", channels, "CYX")
    code, out, err = segment("a.tif")
    assert (code, out) == (1, [])
    assert (
        "a.tif: 2 channels (CYX (2, 48, 64)): say which one shows the cells with --channel" in err
    )
    assert segment("a.tif", "--channel", "2")[0] == 0
    row = rows("segmented/a.csv")[0]
    assert row["intensity_mean_c2"] == "500" and row["intensity_mean_c1"] == "100"
    assert tifffile.imread("segmented/a-labels.tif").shape == (48, 64)
    code, _, err = segment("a.tif", "--channel", "3", "-o", "other/")
    assert code == 1 and "no channel 3; allowed are 1 to 2" in err


@pytest.mark.parametrize("axes", ["ZCYX", "CZYX"])
def test_channels_before_or_after_the_slices_belong_together(segment, axes):
    planes = np.zeros((2, 2, 48, 64), np.uint16)  # ZCYX
    for z in (0, 1):
        planes[z, 0] = field(PLACES[: z + 1])
        planes[z, 1] = 7 + z
    data = planes if axes == "ZCYX" else planes.swapaxes(0, 1)
    names = {"Channel": {"Name": ["DAPI", "GFP"]}}
    tifffile.imwrite("a.ome.tif", data, metadata={"axes": axes, **names}, photometric="minisblack")
    code, _, err = segment("a.ome.tif", "--channel", "dapi")
    assert code == 0, err
    found = rows("segmented/a.ome.csv")
    assert [(row["z"], row["intensity_mean_GFP"]) for row in found] == [
        ("1", "7"), ("2", "8"), ("2", "8")
    ]  # fmt: skip


def test_pages_of_unknown_meaning_are_refused_with_the_flag_to_type(segment):
    pages = np.stack([field(), field(PLACES[:1])])
    tifffile.imwrite("a.tif", pages, photometric="minisblack")
    code, _, err = segment("a.tif")
    assert code == 1 and "--axes ZYX (depth), --axes TYX (time) or --axes CYX --channel N" in err
    assert segment("a.tif", "--axes", "TYX")[0] == 0
    with tifffile.TiffFile("segmented/a-labels.tif") as file:
        assert file.series[0].axes == "TYX"
    code, _, err = segment("a.tif", "--axes", "TZYX", "-f")
    assert code == 1 and "--axes TZYX names 2 axes for 2 pages: say how long each is" in err
    code, _, err = segment("a.tif", "--axes", "TZCXY", "-f")
    assert code == 1 and "--axes TZCXY" in err


def test_pages_that_imagej_gives_no_name_are_slices(segment):
    pages = np.stack([field(), field(PLACES[:1])])
    text = "ImageJ=1.53t\nimages=2\nunit=micron\n"
    tifffile.imwrite("a.tif", pages, resolution=(4, 4), description=text, metadata=None)
    assert segment("a.tif")[0] == 0
    with tifffile.TiffFile("segmented/a-labels.tif") as file:
        assert file.is_imagej and file.series[0].axes == "ZYX"
    assert [row["z"] for row in rows("segmented/summary.csv")] == ["1", "2"]


def test_transparency_is_no_channel(segment):
    grey = field(dtype=np.uint8, bright=200, dark=20)
    Image.fromarray(np.dstack([grey, grey, grey, grey // 2])).save("a.png")
    Image.fromarray(np.dstack([grey, grey // 2])).save("b.png")
    assert segment("a.png", "b.png")[0] == 0
    assert [row["count"] for row in rows("segmented/summary.csv")] == ["3", "3"]
    assert "intensity_mean_blue" in rows("segmented/a.csv")[0]
    assert rows("segmented/b.csv")[0]["intensity_mean"] == "200"


def test_more_objects_than_sixteen_bits_can_number_are_all_there(segment, monkeypatch):
    from imgconv.tasks.segment.run import Segmentation

    labels = np.zeros((600, 600), np.int32)
    labels[::2, ::2] = np.arange(1, 90_001).reshape(300, 300)
    result = Segmentation(labels, np.zeros(labels.shape, np.float32), 1.0, 1.0)
    monkeypatch.setattr("imgconv.steps.segment.segment", lambda *_: result)
    monkeypatch.setattr("imgconv.tasks.segment.results.measure", lambda *_: iter([{"area_px": 1}]))
    tifffile.imwrite("a.tif", np.zeros((600, 600), np.uint8))
    assert segment("a.tif")[0] == 0
    found = tifffile.imread("segmented/a-labels.tif")
    assert found.dtype == np.uint32 and np.array_equal(found, labels)


def test_colours_are_looked_at_together_and_measured_each(segment):
    pixels = np.dstack([field(dtype=np.uint8, bright=200, dark=20 * n) for n in (1, 2, 3)])
    Image.fromarray(pixels).save("a.png")
    assert segment("a.png")[0] == 0
    assert {"intensity_mean_red", "intensity_mean_green", "intensity_mean_blue"} <= set(
        rows("segmented/a.csv")[0]
    )
    assert record()["images"][0]["channels_seen"] == [1, 2, 3]
    assert segment("a.png", "--channel", "green", "-f")[0] == 0
    assert record()["images"][0]["channels_seen"] == [2]


def test_imagejs_composite_of_three_channels_is_not_rgb(segment):
    pixels = np.dstack([field()] * 3)
    tifffile.imwrite(
        "a.tif", pixels, photometric="rgb", metadata=None,
        description="ImageJ=1.53c\nchannels=3\nmode=composite\n",
    )  # fmt: skip
    code, _, err = segment("a.tif")
    assert code == 1 and "--channel N (1 to 3), or --channel rgb if they are colours" in err
    assert segment("a.tif", "--channel", "rgb")[0] == 0


def test_an_image_without_any_object_is_a_normal_result(segment):
    tifffile.imwrite("a.tif", np.full((70, 64), 7, np.uint8))
    code, _, err = segment("a.tif", "--rois", "--geojson")
    assert code == 0 and "a.tif: 0 objects, 0 per megapixel" in err
    assert tifffile.imread("segmented/a-labels.tif").max() == 0
    assert rows("segmented/a.csv") == [] and rows("segmented/summary.csv")[0]["count"] == "0"
    assert Path("segmented/a-overlay.png").exists()


def test_doubt_is_one_note_and_a_column_of_the_summary(segment):
    frames = np.stack([field() + np.arange(64, dtype=np.uint16), np.full((48, 64), 7, np.uint16)])
    calibrated("a.tif", frames, "TYX")
    code, _, err = segment("a.tif")
    assert code == 0 and err.count("doubt") == 1
    assert "doubt in 2 of 2 planes: sizes (objects are" in err and "one value (every pixel" in err
    said = [row["doubt"] for row in rows("segmented/summary.csv")]
    assert said == ["sizes", "one value"]  # the stand-in takes 9 px for 24


def test_objects_are_dropped_by_area_and_at_the_border(segment):
    pixels = field(((0, 25), *PLACES))
    pixels[40:44, 50:54] = 1000
    tifffile.imwrite("a.tif", pixels)
    kept = ("--min-area", "20", "--exclude-border")
    assert segment("a.tif", *kept)[0] == 0
    assert same_objects(tifffile.imread("segmented/a-labels.tif"), squares())
    code, _, err = segment("a.tif", "--max-area", "5um2", "-f")
    assert code == 1 and "--max-area 5um2 needs the pixel size" in err
    assert segment("a.tif", "--max-area", "5um2", "--pixel-size", "0.5", "-f")[0] == 0
    assert {row["area_px"] for row in rows("segmented/a.csv")} == {"16"}
    assert record()["images"][0]["max_area_px"] == 20


def test_the_record_says_exactly_what_was_run(segment, model):
    import hashlib

    calibrated("a.tif", field())
    segment("a.tif", "--diameter", "3um", "--threshold", "0.4", "--exclude-border")
    found = record()
    assert found["model"]["sha256"] == hashlib.sha256(Path(model).read_bytes()).hexdigest()
    assert found["parameters"]["diameter"] == "3um" and found["parameters"]["threshold"] == 0.4
    assert found["parameters"]["read"]["lowest"] == 0.15 and found["parameters"]["exclude_border"]
    (image,) = found["images"]
    assert image["sha256"] == hashlib.sha256(Path("a.tif").read_bytes()).hexdigest()
    assert image["source"] == str(Path("a.tif").resolve()) and image["count"] == [3]
    assert image["diameter_px"] == [12] and image["pixel_size_um"] == [0.25, 0.25]
    assert image["outputs"] == ["a-labels.tif", "a-overlay.png", "a.csv"]


def test_a_second_run_over_the_same_files_is_refused_or_leaves_them(segment):
    calibrated("a.tif", field())
    segment("a.tif")
    before = Path("segmented/a-labels.tif").stat().st_mtime_ns
    code, _, err = segment("a.tif")
    assert code == 2 and "segmented/a-labels.tif exists already" in err
    calibrated("b.tif", field(PLACES[:2]))
    code, out, err = segment("a.tif", "b.tif", "--skip-existing")
    assert code == 0 and "a.tif: skipped" in err and "segmented/b-labels.tif" in out
    assert Path("segmented/a-labels.tif").stat().st_mtime_ns == before
    summary = {row["image"]: row["count"] for row in rows("segmented/summary.csv")}
    assert summary == {"a.tif": "3", "b.tif": "2"}
    found = record()
    assert [i["labels"] for i in found["images"]] == ["a-labels.tif", "b-labels.tif"]
    assert "earlier" not in found  # the same settings: one run in two parts
    calibrated("c.tif", field(PLACES[:1]))
    assert segment("c.tif", "--min-area", "3")[0] == 0
    assert [i["labels"] for i in record()["images"]] == ["c-labels.tif"]
    (first,) = record()["earlier"]
    assert [i["labels"] for i in first["images"]] == ["a-labels.tif", "b-labels.tif"]
    Path("c.tif").unlink()
    assert segment("a.tif", "b.tif", "-f")[0] == 0
    assert len(record()["images"]) == 2 and len(record()["earlier"]) == 1


def test_new_files_are_added_to_the_summary_of_the_folder(segment):
    calibrated("a.tif", field())
    segment("a.tif")
    calibrated("b.tif", field(()))
    assert segment("b.tif")[0] == 0
    assert [row["image"] for row in rows("segmented/summary.csv")] == ["a.tif", "b.tif"]


@pytest.mark.parametrize("name", ["summary.csv", "imgconv-run.json"])
def test_a_summary_or_record_of_someone_else_is_not_overwritten(segment, name):
    calibrated("a.tif", field())
    Path("segmented").mkdir()
    Path("segmented", name).write_text("mine,own\n1,2\n")
    code, _, err = segment("a.tif")
    assert code == 1 and f"segmented/{name}: is no" in err
    assert not Path("segmented/a-labels.tif").exists()  # said before the work, not after it
    assert segment("a.tif", "--force")[0] == 0


def test_images_that_a_killed_run_left_out_of_the_summary_are_said(segment):
    calibrated("a.tif", field())
    segment("a.tif")
    Path("segmented/summary.csv").unlink()
    Path("segmented/imgconv-run.json").unlink()
    calibrated("b.tif", field())
    code, _, err = segment("a.tif", "b.tif", "--skip-existing")
    assert code == 0 and "segmented: 1 of the skipped results are not in the summary" in err


def test_summary_and_record_are_saved_while_a_long_batch_runs(segment, monkeypatch):
    from imgconv.steps import ledger

    saved = []
    monkeypatch.setattr(ledger, "OFTEN", -1)
    write = ledger.Ledger._write
    monkeypatch.setattr(
        ledger.Ledger, "_write",
        lambda self, folder: [saved.append(len(self._images[folder])), *write(self, folder)][1:],
    )  # fmt: skip
    for name in "abc":
        calibrated(f"{name}.tif", field())
    assert segment("a.tif", "b.tif", "c.tif")[0] == 0
    assert saved == [1, 2, 3, 3]
    assert "earlier" not in record() and len(rows("segmented/summary.csv")) == 3


def test_processes_side_by_side_write_one_summary(model):
    for n in range(4):
        calibrated(f"{n}.tif", field(PLACES[:n]))
    command = [sys.executable, "-m", "imgconv", "segment", "--model", model, "-q"]
    running = [subprocess.Popen([*command, f"{n}.tif"]) for n in range(4)]
    assert [process.wait(120) for process in running] == [0] * 4
    assert [row["count"] for row in rows("segmented/summary.csv")] == ["0", "1", "2", "3"]


def test_names_that_are_no_utf8_are_kept(segment):
    import os

    name = os.fsdecode(b"a\xff.tif")
    calibrated("plain.tif", field())
    Path("plain.tif").rename(name)
    for _ in range(2):
        code, _, err = segment(name, "-f")
        assert code == 0, err
    assert record()["images"][0]["labels"] == os.fsdecode(b"a\xff-labels.tif")


def test_values_that_are_no_numbers_do_not_stop_the_measurement(segment):
    pixels = field().astype(np.float32)
    pixels[7, 8], pixels[0, 0] = np.nan, np.inf
    tifffile.imwrite("a.tif", pixels)
    assert segment("a.tif", "--geojson")[0] == 0
    found = rows("segmented/a.csv")
    assert [row["area_px"] for row in found] == ["81"] * 3  # objects are solid
    means = [value for row in found for name, value in row.items() if name.endswith("_mean")]
    assert len(means) == 3 and means.count("") == 1
    json.loads(Path("segmented/a.geojson").read_text())


def test_its_own_outputs_are_no_inputs(segment):
    calibrated("a.tif", field())
    segment(".", "-r")
    code, out, err = segment(".", "-r", "--force")
    assert code == 0 and out[0] == "./segmented/a-labels.tif"
    assert err.count("written by imgconv itself") == 2
    assert not Path("segmented/segmented").exists()


def test_one_bad_file_does_not_stop_the_others(segment):
    calibrated("a.tif", field())
    Path("b.tif").write_bytes(b"II*\0junk")
    code, out, err = segment("a.tif", "b.tif", "missing.tif")
    assert code == 1 and "segmented/a.csv" in out
    assert "b.tif: " in err and "missing.tif: no such file" in err and "1 done, 2 failed" in err
    assert {one["source"] for one in record()["failed"]} == {"b.tif", "missing.tif"}


def test_files_at_once_give_the_same_as_one_after_the_other(segment):
    for n in range(6):
        calibrated(f"{n}.tif", field(PLACES[: n % 4], shape=(48 + n, 64)))
    files = [f"{n}.tif" for n in range(6)]
    assert segment(*files, "-o", "one/", "-j", "1")[0] == 0
    assert segment(*files, "-o", "many/", "-j", "4")[0] == 0
    for path in Path("one").glob("*.csv"):
        assert path.read_text() == Path("many", path.name).read_text()
    counts = [row["count"] for row in rows("many/summary.csv")]
    assert counts == ["0", "1", "2", "3", "0", "1"]


def test_an_output_folder_has_one_summary_and_mirrors_the_inputs(segment):
    Path("plate/b").mkdir(parents=True)
    calibrated("plate/a.tif", field())
    calibrated("plate/b/a.tif", field(()))
    code, out, _ = segment("plate", "-r", "-o", "out")
    assert code == 0 and {"out/a-labels.tif", "out/b/a-labels.tif", "out/summary.csv"} <= set(out)
    found = rows("out/summary.csv")
    assert [row["labels"] for row in found] == ["a-labels.tif", "b/a-labels.tif"]
    assert not Path("out/b/summary.csv").exists()


def test_one_output_file_has_the_others_beside_it(segment):
    calibrated("a.tif", field())
    code, out, _ = segment("a.tif", "-o", "x.tif")
    assert code == 0 and out[:3] == ["x.tif", "x-overlay.png", "x.csv"]
    for wrong in ("x.png", "{stem}-{page}.tif"):
        code, _, err = segment("a.tif", "-o", wrong)
        assert code == 2 and "-o" in err


def test_a_dry_run_shows_every_file_and_writes_none(segment):
    calibrated("a.tif", field())
    code, out, _ = segment("a.tif", "-n", "--rois")
    assert code == 0 and out == [
        "a.tif -> segmented/a-labels.tif, segmented/a-overlay.png, segmented/a.csv, "
        "segmented/a-rois.zip",
        "all of them -> segmented/summary.csv, segmented/imgconv-run.json, segmented/objects.csv",
    ]
    assert not Path("segmented").exists()


def test_json_has_the_numbers_of_each_image(segment):
    calibrated("a.tif", field())
    code, out, _ = segment("a.tif", "--json")
    found, last = map(json.loads, out)
    names = [f"segmented/{name}" for name in ("summary.csv", "imgconv-run.json", "objects.csv")]
    assert last == {"status": "summary", "written": names}
    assert code == 0 and found["count"] == 3 and found["median_area_um2"] == 81 / 16
    assert found["written"][0] == "segmented/a-labels.tif"


def test_a_pipe_takes_an_image_and_gives_labels(model):
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, field())
    command = [sys.executable, "-m", "imgconv", "segment", "--model", model, "-"]
    done = subprocess.run(command, input=buffer.getvalue(), capture_output=True, check=True)
    assert same_objects(tifffile.imread(io.BytesIO(done.stdout)), squares())
    assert b"3 objects" in done.stderr and not list(Path().iterdir())
    into = subprocess.run(
        [*command, "-o", "out/"], input=buffer.getvalue(), capture_output=True, check=True
    )
    assert into.stdout.splitlines()[0] == b"out/stdin-labels.tif"
    assert record("out")["images"][0]["sha256"] is None


def test_a_model_for_something_else_is_refused(segment, tmp_path, capfd):
    other = standin.model(tmp_path / "other.safetensors", task="denoise")
    code = cli.main(["segment", "--model", other, "a.tif"])
    assert code in (1, 2) and "denoise" in capfd.readouterr().err
    assert cli.main(["segment", "--model", "nucleii", "a.tif"]) == 2
    assert "no model 'nucleii'" in capfd.readouterr().err


def test_the_bundled_nuclei_are_found_in_the_samples(capfd):
    fields = [str(HERE.parent / "samples" / "cells" / f"field-{n}.tif") for n in (1, 2)]
    assert cli.main(["segment", *fields, "-o", "out/"]) == 0
    capfd.readouterr()
    truth = HERE.parent / "samples" / "cells" / "truth"
    assert cli.main(["evaluate", "out", str(truth), "--json"]) == 0
    found = json.loads(capfd.readouterr().out)
    assert found["f1"]["value"][0] > 0.7 and found["count_error"]["value"] < 0.3


@pytest.mark.parametrize(
    "argv",
    [
        ("--min-area", "x"), ("--diameter", "0"), ("--pixel-size", "1,2,3"), ("--threshold", "2"),
        ("--json", "-o", "-"), ("--rois", "-o", "-"),
    ],
)  # fmt: skip
def test_a_wrong_command_line_is_said_before_anything_is_read(segment, argv):
    code, out, err = segment("a.tif", *argv)
    assert (code, out) == (2, []) and argv[0] in err and len(err.splitlines()) == 1
