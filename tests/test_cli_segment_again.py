"""`imgconv segment` into a folder that has results already: nothing there may contradict."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import standin
import tifffile

from imgconv.steps import segment as segmenter
from imgconv.tasks.csv_table import read_csv

SIDE = 9


@pytest.fixture
def segment(tmp_path, monkeypatch, capfd):
    return standin.runner(tmp_path, monkeypatch, capfd)


def picture(name: str, sides: tuple[int, ...] = (SIDE, SIDE, SIDE)) -> None:
    """Bright squares of these sides on dark ground."""
    pixels = np.full((48, 64), 100, np.uint16)
    for n, side in enumerate(sides):
        pixels[10 : 10 + side, 5 + 20 * n : 5 + 20 * n + side] = 1000
    Path(name).parent.mkdir(exist_ok=True)
    tifffile.imwrite(name, pixels)


def table(name: str) -> list[dict[str, str]]:
    return read_csv(Path("segmented", name).read_text("utf-8"))[1]


def counts() -> dict[str, int]:
    return {row["labels"]: int(row["count"]) for row in table("summary.csv")}


def test_who_is_stopped_while_overwriting_is_not_left_with_tables_of_others(segment, monkeypatch):
    picture("a.tif")
    assert segment("a.tif")[0] == 0

    def stopped(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(segmenter.Results, "write_labels", stopped)
        code, err = segment("a.tif", "--force", "--max-area", "10")
    assert code == 130
    assert "--force starts again" in err
    assert segment("a.tif", "--skip-existing", "--max-area", "10")[0] == 0
    assert counts() == {"a-labels.tif": 0}
    assert not tifffile.imread("segmented/a-labels.tif").any()
    assert table("a.csv") == []


def test_what_is_not_made_anew_does_not_stay_beside_it(segment):
    picture("a.tif")
    picture("b.tif")
    assert segment("a.tif", "b.tif", "--rois", "--geojson", "--probability")[0] == 0
    assert segment("a.tif", "--force", "--max-area", "10")[0] == 0
    left = {path.name for path in Path("segmented").iterdir()}
    assert {name for name in left if name.startswith("a")} == {
        "a-labels.tif", "a-overlay.png", "a.csv",
    }  # fmt: skip
    assert {"b-rois.zip", "b.geojson", "b-probability.tif"} <= left


def test_skipped_results_of_other_images_or_parameters_are_pointed_out(segment):
    picture("one/a.tif")
    picture("two/a.tif", (SIDE,))
    assert segment("one/a.tif", "-o", "segmented/")[0] == 0
    code, err = segment("one/a.tif", "-o", "segmented/", "--skip-existing")
    assert code == 0
    assert "made in another way" not in err
    for argv in (["two/a.tif"], ["one/a.tif", "--max-area", "10"]):
        code, err = segment(*argv, "-o", "segmented/", "--skip-existing")
        assert code == 0
        assert "1 of the skipped results are of other images or were made in another way" in err


def test_an_image_whose_table_would_be_the_summary_is_refused(segment):
    picture("summary.tif")
    code, err = segment("summary.tif")
    assert code == 2
    assert "its table would be summary.csv" in err
    assert not Path("segmented").exists()
    assert segment("summary.tif", "-o", "all-{stem}-labels.tif")[0] == 0


def test_a_smallest_area_is_kept_to_at_every_scale(segment):
    picture("a.tif", (SIDE, 4))
    for diameter in ("24", "12"):  # seen as it is, and larger
        argv = ("a.tif", "--force", "--diameter", diameter)
        assert segment(*argv, "--min-area", "10")[0] == 0
        assert counts() == {"a-labels.tif": 2}, diameter
        assert segment(*argv, "--min-area", "30")[0] == 0
        assert counts() == {"a-labels.tif": 1}, diameter


def test_the_record_has_numbers_as_they_were_typed(segment):
    picture("a.tif")
    argv = ["--max-area", "1234567.5", "--diameter", "10.12345678", "--max-pixels", "1000000"]
    assert segment("a.tif", *argv)[0] == 0
    parameters = json.loads(Path("segmented/imgconv-run.json").read_text("utf-8"))["parameters"]
    assert parameters["max_area"] == "1234567.5px2"
    assert parameters["diameter"] == "10.12345678px"
    assert parameters["max_pixels"] == 1_000_000


def test_a_decimal_comma_in_the_pixel_size_is_pointed_out(segment):
    picture("a.tif")
    assert "pixels of 1 x 5 µm" in segment("a.tif", "--pixel-size", "1,5")[1]
    assert "pixels of" not in segment("a.tif", "--force", "--pixel-size", "1.5,1.6")[1]


def test_a_crafted_record_deletes_nothing_that_is_not_its_images(segment):
    picture("a.tif")
    assert segment("a.tif", "--rois")[0] == 0
    record = json.loads(Path("segmented/imgconv-run.json").read_text())
    others = ["payroll.csv", "b-overlay.png", "a.tif", "../a.tif", "a-tracks.csv"]
    record["images"][0]["outputs"] += others
    Path("segmented/imgconv-run.json").write_text(json.dumps(record))
    for name in others[:3]:
        Path("segmented", name).write_text("mine")
    assert segment("a.tif", "--force")[0] == 0
    assert all(Path("segmented", name).read_text() == "mine" for name in others[:3])
    assert Path("a.tif").is_file()
    assert not Path("segmented/a-rois.zip").exists()


def test_what_a_killed_run_had_finished_is_taken_over(segment, monkeypatch):
    """The ledger is not written, as when the process is killed before its time has come."""
    for name in ("a.tif", "b.tif", "c.tif"):
        picture(name)
    assert segment("a.tif", "b.tif", "c.tif", "-o", "whole/")[0] == 0
    with monkeypatch.context() as killed:
        killed.setattr("imgconv.steps.ledger.Ledger.write", lambda self: [])
        assert segment("a.tif", "b.tif", "-o", "segmented/")[0] == 0
    assert not Path("segmented/summary.csv").exists()
    code, err = segment("a.tif", "b.tif", "c.tif", "-o", "segmented/", "--skip-existing")
    assert code == 0
    assert "killed" not in err
    names = {path.name for path in Path("whole").iterdir()}
    assert {path.name for path in Path("segmented").iterdir()} == names
    for name in names - {"imgconv-run.json"}:
        assert Path("segmented", name).read_bytes() == Path("whole", name).read_bytes(), name
    one, other = (
        json.loads(Path(folder, "imgconv-run.json").read_text())["images"]
        for folder in ("whole", "segmented")
    )
    for image in (*one, *other):
        assert image.pop("seconds") >= 0
    assert one == other


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"image": 1, "rows": [{}], "seconds": 1}'])
def test_a_note_that_is_none_is_left_alone(segment, text):
    picture("a.tif")
    assert segment("a.tif")[0] == 0
    Path("segmented/.imgconv-a-labels.tif.json").write_text(text)
    assert segment("a.tif", "--skip-existing")[0] == 0
    assert counts() == {"a-labels.tif": 3}


def objects(folder: str) -> tuple[list[str], list[dict[str, str]]]:
    return read_csv(Path(folder, "objects.csv").read_text("utf-8"))


def test_one_table_has_the_objects_of_all_images_whatever_their_columns(segment):
    picture("one/a.tif")
    picture("one/=b.tif", (SIDE,))
    picture("one/deep/a.tif", (SIDE, SIDE))
    both = np.stack([tifffile.imread("one/a.tif")] * 2)
    names = {"axes": "CYX", "Channel": {"Name": ["DAPI", "Alexa Fluor 488"]}}
    tifffile.imwrite("one/c.ome.tif", both, metadata=names, photometric="minisblack")
    sized = {"unit": "um", "axes": "YX"}
    tifffile.imwrite("one/d.tif", both[0], imagej=True, resolution=(4, 4), metadata=sized)
    assert segment("-r", "one", "--channel", "1", "-o", "out/")[0] == 0
    columns, rows = objects("out")
    each = {name: read_csv(Path("out", name.replace("-labels.tif", ".csv")).read_text("utf-8"))
            for name in counts_in("out")}  # fmt: skip
    assert [row["labels"] for row in rows] == [n for n, (_, own) in each.items() for _ in own]
    for name, (own_columns, own) in each.items():
        mine = [row for row in rows if row["labels"] == name]
        assert [{c: row[c] for c in own_columns} for row in mine] == own
        assert all(row[c] == "" for row in mine for c in columns[:-1] if c not in own_columns)
        places = [columns.index(c) for c in own_columns]
        assert places == sorted(places)
    assert {"intensity_mean_DAPI", "intensity_mean_Alexa_Fluor_488", "area_um2"} <= set(columns)
    assert "'=b.tif" in Path("out/objects.csv").read_text("utf-8")


def counts_in(folder: str) -> dict[str, int]:
    rows = read_csv(Path(folder, "summary.csv").read_text("utf-8"))[1]
    return {row["labels"]: int(row["count"]) for row in rows}


def test_the_table_of_all_objects_follows_every_later_run(segment):
    picture("a.tif")
    picture("b.tif")
    assert segment("a.tif")[0] == 0
    assert segment("b.tif")[0] == 0
    assert [row["image"] for row in objects("segmented")[1]] == ["a.tif"] * 3 + ["b.tif"] * 3
    assert segment("a.tif", "--force", "--max-area", "10")[0] == 0
    assert [row["image"] for row in objects("segmented")[1]] == ["b.tif"] * 3
    Path("segmented/objects.csv").unlink()
    assert segment("a.tif", "b.tif", "--skip-existing", "--max-area", "10")[0] == 0
    assert len(objects("segmented")[1]) == 3
    Path("segmented/b.csv").unlink()
    assert "objects.csv lacks 1 images" in segment("a.tif", "--force")[1]


def test_a_table_of_the_users_own_is_not_overwritten(segment):
    picture("a.tif")
    Path("segmented").mkdir()
    Path("segmented/objects.csv").write_text("mine,1\n")
    code, err = segment("a.tif")
    assert code == 1
    assert "objects.csv: is no table of imgconv segment" in err
    assert segment("a.tif", "--force")[0] == 0
    assert len(objects("segmented")[1]) == 3
