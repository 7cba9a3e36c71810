"""Plates: names of files, channels joined, tables of wells."""

from __future__ import annotations

import csv
import json
import statistics
from pathlib import Path

import numpy as np
import pytest
import standin
import tifffile

import imgconv
from imgconv import cli
from imgconv.errors import InputError, UsageError
from imgconv.tasks.plate.names import PRESETS, groups, name_pattern, well_named

GUID = "0A1B2C3D-1234-4321-ABCD-00112233AABB"


@pytest.mark.parametrize(
    ("preset", "name", "found"),
    [
        ("imagexpress", f"Screen-1_B07_s3_w2{GUID}.tif", ("Screen-1", "B07", "3", "2", "", "")),
        ("imagexpress", "p/TimePoint_4/ZStep_2/S_n_A01_w1.tif", ("S_n", "A01", "", "1", "4", "2")),
        ("imagexpress", "A01_s1_w1_z3.tif", ("", "A01", "1", "1", "", "3")),
        ("opera", "Images/r03c12f05p02-ch3sk7fk1fl1.tiff", ("", "C12", "5", "3", "7", "2")),
        ("opera", "r16c24f10p01-ch1sk1fk1fl1.tiff", ("", "P24", "10", "1", "1", "1")),
        ("cellvoyager", "P_x_B03_T0002F013L01A01Z05C04.tif", ("P_x", "B03", "13", "4", "2", "5")),
        ("scanr", "C5--W00029--P00003--Z00000--T00011--DAPI.tif",
         ("", "C05", "3", "DAPI", "11", "0")),
        ("scanr", "data--W00029--P00003--Z00001--T00000--GFP 2.tif",
         ("", "W29", "3", "GFP 2", "0", "1")),
        ("incucyte", "A549-Phase_A2_1_03d06h30m.tif", ("", "A02", "1", "A549-Phase", "78.5", "")),
        ("micromanager", "x/run_1_MMStack_B2-Site_14.ome.tif", ("", "B02", "14", "", "", "")),
        ("micromanager", "run_1_MMStack_2-Pos_001_000.ome.tif",
         ("", "", "2-Pos_001_000", "", "", "")),
        ("micromanager", "img_channel001_position004_time000000002_z003.tif",
         ("", "", "4", "1", "2", "3")),
    ],
)  # fmt: skip
def test_names_of_every_maker_are_read(preset, name, found):
    for pattern in (preset, "auto"):
        place = name_pattern(pattern)(name)
        assert (place.plate, place.well, place.site, place.channel, place.t, place.z) == found, (
            pattern
        )


def test_a_name_of_one_maker_is_not_another_makers():
    names = {
        "imagexpress": "A01_s1_w1.tif", "opera": "r03c12f05p02-ch3sk7fk1fl1.tiff",
        "cellvoyager": "B03_T0002F013L01A01Z05C04.tif",
        "scanr": "C5--W00029--P00003--Z00000--T00011--DAPI.tif",
        "incucyte": "Phase_A2_1_03d06h30m.tif", "micromanager": "r_MMStack_B2-Site_1.ome.tif",
    }  # fmt: skip
    for preset in PRESETS:
        for other, name in names.items():
            if preset == other:
                assert name_pattern(preset)(name)
            else:
                with pytest.raises(InputError, match="its name is none of"):
                    name_pattern(preset)(name)
    with pytest.raises(InputError):
        name_pattern("imagexpress")(f"Screen_B07_s3_w2_thumb{GUID}.tif")


def test_patterns_of_ones_own():
    place = name_pattern("day1-{well}-f{site}-{channel}*.tif")("x/day1-b3-f02-gfp_corrected.tif")
    assert (place.well, place.site, place.channel) == ("B03", "2", "gfp")
    place = name_pattern(r"(?P<row>\d)-(?P<column>\d+)\.png")("2-11.png")
    assert place.well == "B11"
    for wrong, said in (
        ("a.tif", "has no group"),
        ("{where}.tif", "there is no where"),
        ("(?P<well>", "unterminated"),
    ):
        with pytest.raises(UsageError, match=said):
            name_pattern(wrong)


@pytest.mark.parametrize(
    ("typed", "well"),
    [("a1", "A01"), ("A001", "A01"), (" H12 ", "H12"), ("aa3", "AA03"), ("DMSO", "DMSO")],
)
def test_wells_have_one_spelling(typed, well):
    assert well_named(typed) == well


def test_files_of_one_place_belong_together():
    pattern = name_pattern("imagexpress")
    names = [
        f"p_{well}_s{site}_w{w}.tif"
        for well in ("A01", "A02")
        for site in (1, 2)
        for w in (2, 10, 1)
        if w < 10
    ]
    found = groups(names, pattern)
    assert found["p_A01_s1_w1.tif"] == ("p_A01_s1_w1.tif", "p_A01_s1_w2.tif") and len(found) == 4
    with pytest.raises(InputError, match="same place and channel"):
        groups(["p_A01_s1_w1.tif", f"p_A01_s1_w1{GUID}.tif"], pattern)


@pytest.fixture
def segment(tmp_path, monkeypatch, capfd):
    return standin.runner(tmp_path, monkeypatch, capfd)


def rows(name: str) -> list[dict[str, str]]:
    with Path(name).open(newline="") as file:
        return list(csv.DictReader(file))


def plate() -> dict[str, int]:
    """Files of two channels; how many objects each well has."""
    Path("plate").mkdir()
    counts = {"A01": 2, "A02": 3, "B01": 0}
    for well, count in counts.items():
        for site in (1, 2):
            dapi = np.full((48, 64), 100, np.uint16)
            dapi[0, 0] = 1000  # the stand-in looks for what is bright; this is too small for it
            for n in range(count):
                dapi[10:20, 5 + 20 * n : 13 + n + 20 * n] = 1000
            gfp = np.where(dapi == 1000, 40 * (count + site), 7).astype(np.uint16)
            for w, pixels in ((1, dapi), (2, gfp)):
                tifffile.imwrite(f"plate/p1_{well}_s{site}_w{w}{GUID}.tif", pixels)
    return counts


def test_a_plate_goes_from_files_to_a_table_of_wells(segment, capfd):
    counts = plate()
    code, err = segment("plate", "--channels-from-names", "--channel", "1", "-o", "out")
    assert code == 0, err
    table = rows("out/summary.csv")
    assert [(r["plate"], r["well"], r["site"], int(r["count"])) for r in table] == [
        ("p1", well, str(site), count) for well, count in counts.items() for site in (1, 2)
    ]
    each = rows(f"out/p1_A02_s2_w1{GUID}.csv")
    assert [r["well"] for r in each] == ["A02"] * 3
    assert {(r["intensity_mean_c1"], r["intensity_mean_c2"]) for r in each} == {("1000", "200")}
    record = json.loads(Path("out/imgconv-run.json").read_text())
    assert len(record["images"]) == 6 and all(
        len(i["channels_from"]) == 2 for i in record["images"]
    )

    Path("map.csv").write_text("Well,compound,dose\nA1,DMSO,0\nA2,taxol,5\nB2,taxol,10\n")
    capfd.readouterr()
    argv = ["plate", "out", "--map", "map.csv", "-o", "wells.csv", "--objects", "all.csv"]
    assert cli.main(argv) == 0
    assert "10 objects in 3 wells" in (said := capfd.readouterr().err)
    assert "not in the map: B01 (0 objects)" in said
    found = {row["well"]: row for row in rows("wells.csv")}
    assert list(found) == ["A01", "A02", "B01", "B02"]
    assert [(r["images"], r["count"]) for r in found.values()] == [
        ("2", "4"),
        ("2", "6"),
        ("2", "0"),
        ("0", "0"),
    ]
    assert (found["A02"]["compound"], found["A02"]["dose"], found["B02"]["compound"]) == (
        "taxol",
        "5",
        "taxol",
    )
    mine = [
        float(r["area_px"]) for name in (1, 2) for r in rows(f"out/p1_A02_s{name}_w1{GUID}.csv")
    ]
    assert float(found["A02"]["area_px_mean"]) == pytest.approx(statistics.mean(mine))
    assert float(found["A02"]["area_px_median"]) == statistics.median(mine)
    assert float(found["A02"]["area_px_sd"]) == pytest.approx(statistics.stdev(mine))
    assert found["B01"]["area_px_mean"] == "" and "label_mean" not in found["A01"]
    assert {r["compound"] for r in rows("all.csv")} == {"DMSO", "taxol"}

    assert cli.main(argv) == 2 and "exists already" in capfd.readouterr().err
    assert cli.main(["plate", "out", "--json"]) == 0
    assert json.loads(capfd.readouterr().out.splitlines()[1])["count"] == 6


def test_channels_have_names_and_have_to_fit(segment, capfd):
    for channel, value in (("DAPI", 1000), ("GFP", 500)):
        pixels = np.full((48, 64), 100, np.uint16)
        pixels[10:20, 10:20] = value
        tifffile.imwrite(f"A1--W00001--P00001--Z00000--T00000--{channel}.tif", pixels)
    code, err = segment(".", "--channels-from-names", "--channel", "dapi", "-o", "out")
    assert code == 0 and "1 object" in err
    code, err = segment(".", "--channels-from-names", "-o", "two")
    assert code == 1 and "--channel N (1 DAPI, 2 GFP)" in err
    tifffile.imwrite("A1--W00001--P00001--Z00000--T00000--RFP.tif", np.zeros((9, 9), np.uint16))
    code, err = segment(".", "--channels-from-names", "--channel", "1", "-o", "three")
    assert code == 1 and "are no channels of one image" in err
    tifffile.imwrite("other.tif", np.zeros((9, 9), np.uint16))
    code, err = segment("other.tif", "--name-pattern", "scanr", "-o", "four")
    assert code == 1 and "its name is none of --name-pattern scanr" in err


def test_mistakes_in_maps_and_tables_are_named(segment, capfd):
    Path("t.csv").write_text("image,label,area_px\np_A01_s1_w1.tif,1,4\n")
    for text, said in (
        ("x,y\n1,2\n", "has a column well"),
        ("well\nA1\na01\n", "names well A01 twice"),
    ):
        Path("map.csv").write_text(text)
        assert cli.main(["plate", "t.csv", "--map", "map.csv"]) == 1
        assert said in capfd.readouterr().err
    Path("u.csv").write_text("a,b\n1,2\n")
    for argv, said in (
        (["u.csv"], "is no table of objects"),
        (["none.csv"], "cannot be opened"),
        ([], "needs tables"),
    ):
        assert cli.main(["plate", *argv]) in (1, 2)
        assert said in capfd.readouterr().err


def test_labels_are_measured_on_all_channels_that_names_tell(segment, capfd):
    counts = plate()
    assert segment("plate", "--channels-from-names", "--channel", "1", "-o", "out")[0] == 0
    argv = ["measure", "out", "plate", "--channels-from-names", "-o", "tables"]
    assert cli.main(argv) == 0, capfd.readouterr().err
    for mine, theirs in zip(
        sorted(Path("tables").iterdir()), sorted(Path("out").glob("p1*.csv")), strict=True
    ):
        assert mine.read_text() == theirs.read_text().replace("-labels", "")
    name = f"p1_A01_s1_w1{GUID}"
    assert cli.main(["measure", f"out/{name}-labels.tif", f"plate/{name}.tif", "-o", "one.csv",
                     "--name-pattern", "auto"]) == 0  # fmt: skip
    (first, _) = rows("one.csv")
    assert first["well"] == "A01" and first["intensity_mean"] == "1000"
    assert cli.main(["measure", "out", "plate", "--name-pattern", "opera", "-o", "no"]) == 1
    assert "its name is none of --name-pattern opera" in capfd.readouterr().err

    Path("map.csv").write_text("well,dose,compound\nA1,0,DMSO\nA2,5,taxol\n")
    found = imgconv.plate("tables", plate_map="map.csv")
    assert found.wells["well"].tolist() == ["A01", "A02", "B01"]
    assert found.wells["count"].tolist() == [2 * n for n in counts.values()]
    assert found.wells["dose"].tolist()[:2] == [0, 5] and np.isnan(found.wells["dose"][2])
    assert found.objects["compound"].tolist() == ["DMSO"] * 4 + ["taxol"] * 6
    assert (found.wells["intensity_mean_c2_mean"][1], found.wells["intensity_mean_c2_sd"][1]) == (
        pytest.approx(180), pytest.approx(statistics.stdev([160] * 3 + [200] * 3)),
    )  # fmt: skip
    each = {f"x_{well}_s1_w1.tif": imgconv.measure(np.eye(4, dtype=int), np.ones((4, 4)) * n)
            for n, well in enumerate(("C05", "C06"))}  # fmt: skip
    assert imgconv.plate(each).wells["intensity_mean_mean"].tolist() == [0, 1]
