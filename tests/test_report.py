"""`--report`: one page that holds everything, and what a browser makes of it."""

from __future__ import annotations

import base64
import gzip
import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import standin
import tifffile
from matplotlib.path import Path as Outline

from imgconv.tasks.csv_table import read_csv

SIDES = {"P_A01_s1_w1.tif": (9, 9, 9), "P_B02_s1_w1.tif": (9,), 'a<b>"&.tif': (14, 12)}


@pytest.fixture
def segment(tmp_path, monkeypatch, capfd):
    for name, sides in SIDES.items():
        pixels = np.full((48, 64), 100, np.uint16)
        for n, side in enumerate(sides):
            pixels[10 : 10 + side, 5 + 20 * n : 5 + 20 * n + side] = 1000
        sized = {"unit": "um", "axes": "YX"}
        tifffile.imwrite(tmp_path / name, pixels, imagej=True, resolution=(4, 4), metadata=sized)
    return standin.runner(tmp_path, monkeypatch, capfd)


def unpacked(page: str, name: str) -> Any:
    text = re.search(f'id="{name}">([^<]*)<', page)
    assert text
    return json.loads(gzip.decompress(base64.b64decode(text[1])))


def report(folder: str = "segmented") -> tuple[str, dict[str, Any]]:
    page = Path(folder, "report.html").read_text("utf-8")
    return page, unpacked(page, "data")


def covered(path: str, shape: tuple[int, int]) -> np.ndarray:
    """The pixels whose middles lie inside an SVG path of M, l and z."""
    inside = np.zeros(shape[0] * shape[1], bool)
    middles = np.argwhere(np.ones(shape))[:, ::-1] + 0.5
    for ring in path.split("M")[1:]:
        first, steps = ring.rstrip("z").split("l")
        numbers = np.array(f"{first} {steps}".split(), float).reshape(-1, 2)
        inside ^= Outline(numbers.cumsum(axis=0)).contains_points(middles)
    return inside.reshape(shape)


def test_the_page_holds_what_the_folder_does(segment):
    assert segment(*SIDES, "--report")[0] == 0
    page, data = report()
    assert not re.search(r"""(?:src|href)=["']?https?:""", page)
    summary = read_csv(Path("segmented/summary.csv").read_text("utf-8"))[1]
    assert [(row["name"], row["numbers"]["count"]) for row in data["rows"]] == [
        (row["image"], int(row["count"])) for row in summary
    ]
    for row in data["rows"]:
        table = read_csv(Path("segmented", row["files"]["table"]).read_text("utf-8"))[1]
        areas = [float(one["area_um2"]) for one in table]
        assert row["objects"]["area_um2"] == pytest.approx(areas, rel=1e-4)
        labels = tifffile.imread(Path("segmented", row["files"]["labels"]))
        for label, path in unpacked(page, f"o{row['picture']}"):
            assert (covered(path, labels.shape) == (labels == label)).mean() > 0.998
        jpeg = re.search(f'id="p{row["picture"]}">([^<]*)<', page)
        assert jpeg and base64.b64decode(jpeg[1])[:2] == b"\xff\xd8"
    assert {row["place"].get("well") for row in data["rows"]} == {"A01", "B02", None}
    assert data["command"].startswith("imgconv segment --model")
    assert data["command"].endswith("--report")
    assert data["model"]["name"] == "standin" and data["parameters"]["max_gap"] == 2


def test_a_report_of_a_run_that_goes_on_is_that_of_an_undisturbed_one(segment):
    names = list(SIDES)
    assert segment(*names, "--report", "-o", "whole/")[0] == 0
    assert segment(names[0])[0] == 0
    assert not Path("segmented/report.html").exists()
    assert segment(*names, "--report", "--skip-existing")[0] == 0
    assert report()[1]["rows"] == report("whole")[1]["rows"]
    Path(names[0]).unlink()  # its picture cannot be shown any more, its numbers can
    assert segment(names[1], "--report", "--force")[0] == 0
    rows = report()[1]["rows"]
    assert [("picture" in row, row["numbers"]["count"]) for row in rows] == [
        (row["name"] != names[0], row["numbers"]["count"]) for row in report("whole")[1]["rows"]
    ]


def browser() -> str:
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "chrome"))), "")


def test_a_browser_shows_sorts_filters_and_selects(segment):
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if not browser():
        pytest.skip("there is no Chromium here")
    assert segment(*SIDES, "--report")[0] == 0
    said: list[str] = []
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser(), args=["--no-sandbox"])
        page = chromium.new_page(viewport={"width": 1200, "height": 900})
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda one: said.append(one.url) if one.url[:4] == "http" else None)
        page.goto(Path("segmented/report.html").absolute().as_uri())
        page.wait_for_selector("html[data-ready]", timeout=60_000)
        look_around(page)
        chromium.close()
    assert said == []


def look_around(page: Any) -> None:
    names = page.locator("#rows .name strong")
    page.get_by_role("button", name="Objects", exact=True).press("Enter")  # most first
    assert names.all_inner_texts()[0] == "P_A01_s1_w1.tif"
    head = page.get_by_role("columnheader", name="Objects", exact=True)
    assert head.get_attribute("aria-sort") == "descending"
    page.get_by_label("Name contains").fill("b02")
    assert names.all_inner_texts() == ["P_B02_s1_w1.tif"]
    assert page.locator("#shown").inner_text() == "1 of 3 shown"
    page.get_by_label("Name contains").fill("")
    assert page.get_by_role("img", name="Histogram of Area").count() == 1
    assert page.get_by_role("button", name="A01: Objects 3").count() == 1
    page.get_by_role("button", name="Open P_A01").press("Enter")
    first = page.get_by_role("button", name="object 1", exact=True)
    first.wait_for()
    first.focus()
    page.keyboard.press("ArrowRight")
    assert page.get_by_role("heading", name="Object 2").is_visible()
    shown = page.get_by_role("status").inner_text()
    assert "Area, px" in shown and "81" in shown
    page.locator("#v-outlines").uncheck()
    path = page.locator("#v-figure path").first
    assert path.evaluate("p => getComputedStyle(p).stroke").endswith((", 0)", "transparent"))
    page.keyboard.press("Escape")
    assert page.locator("#viewer").is_hidden()
