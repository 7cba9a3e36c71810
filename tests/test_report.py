"""`--report`: one page that holds everything, and what a browser makes of it."""

from __future__ import annotations

import base64
import gzip
import io
import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import denoise_standin
import networks_of_tests
import numpy as np
import pytest
import standin
import tifffile
from matplotlib.path import Path as Outline
from PIL import Image

from imgconv import cli
from imgconv.report.document import document, room, write
from imgconv.report.page import pack
from imgconv.report.segment import MANY
from imgconv.tasks.csv_table import read_csv
from imgconv.tasks.denoise.sketches import sketch

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
    """The page and its data, the columns of objects back in their rows."""
    page = Path(folder, "report.html").read_text("utf-8")
    data = unpacked(page, "data")
    for number, (name, _) in enumerate(data["objects"]):
        for row, values in zip(data["rows"], unpacked(page, f"c{number}"), strict=True):
            if values is not None:
                row.setdefault("objects", {})[name] = values
    return page, data


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


def jpeg(page: str, number: int) -> np.ndarray:
    found = re.search(f'id="p{number}">([^<]*)<', page)
    assert found
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(found[1]))))


def grainy(name: str, seed: int) -> None:
    noise = np.random.default_rng(seed).normal(0, 12, (40, 60, 3))
    values = np.rint(np.indices((40, 60)).sum(0)[..., None] * 2 + 20 + noise).clip(0, 255)
    Path(name).parent.mkdir(exist_ok=True)
    Image.fromarray(values.astype(np.uint8)).save(name)


@pytest.fixture
def denoised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The words of a command line."""
    monkeypatch.chdir(tmp_path)
    model = denoise_standin.photo(tmp_path)
    for seed, name in enumerate(("in/a.png", "in/b.png", "in/c.png")):
        grainy(name, seed)
    return ["denoise", "--model", model, "--compare", "--report", "in", "-o", "out/", "-q"]


def test_before_and_after_are_the_pixels_of_the_image(denoised, capfd):
    assert cli.main(denoised) == 0
    assert capfd.readouterr().out.splitlines()[-1] == "out/report.html"
    assert cli.main(["denoise", "--model", denoised[2], "-q", "in", "-o", "clean/"]) == 0
    page, data = report("out")
    assert [row["name"] for row in data["rows"]] == ["in/a.png", "in/b.png", "in/c.png"]
    assert {"strength": 1, "sigma": None}.items() <= data["parameters"].items()
    for row in data["rows"]:
        name = Path(row["name"]).name
        before, after = (
            np.asarray(Image.open(f"{where}/{name}"), float) for where in ("in", "clean")
        )
        for number, true in ((row["picture"], before), (row["after"], after)):
            assert np.abs(jpeg(page, number) - true).mean() < 5  # of a JPEG's loss
        removed = np.sqrt(((before - after) ** 2).mean())
        assert removed > 2 and row["numbers"]["removed"] == pytest.approx(removed, rel=1e-3)
        assert (Path("out") / row["files"]["compare"]).exists()
        assert (Path("out") / row["files"]["original"]).resolve() == Path(row["name"]).resolve()


def test_five_hundred_of_the_grainiest_images_fit_into_thirty_megabytes():
    noise = np.random.default_rng(0).normal(128, 40, (700, 900, 3)).clip(0, 255).astype(np.uint8)
    found = sketch(noise, noise[::-1], room(500))
    assert 500 * sum(map(len, found[:3])) * 4 / 3 < 29e6
    assert found.box[2:] >= (96, 96)


def test_the_tables_of_five_hundred_images_fit_too():
    numbers = np.random.default_rng(0).normal(100, 20, (500, MANY // 500)).tolist()
    outline = [[[n, "M120 340l3 -7 5 -4 6 1 4 5 1 6 -3 6 -6 3 -6 -2 -4 -4z"] for n in range(150)]]
    column, outlines = len(pack(numbers)), len(pack(numbers[:1])) + len(pack(outline))
    assert 500 * room(500) * 4 / 3 + 20 * column + 500 * outlines < 29e6


def test_a_page_that_is_there_is_not_lost(denoised, capfd):
    assert cli.main(denoised) == 0
    for more, code, word in (([], 2, "exists"), (["--skip-existing"], 2, "--skip-existing")):
        assert cli.main([*denoised, *more]) == code
        assert word in capfd.readouterr().err
    assert cli.main([*denoised, "--force"]) == 0


SHARES = {"red.png": (200, 20, 20), "green.png": (20, 200, 20), "red too.png": (120, 100, 20)}


@pytest.fixture
def classified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Pictures by which of three channels is the brightest."""
    monkeypatch.chdir(tmp_path)
    rules = {"prepare": {"form": "photo", "size": 8}, "read": {"classes": ["red", "green", "blue"]}}
    model = networks_of_tests.classifier(task="classify", **rules)
    for name, colour in SHARES.items():
        Image.new("RGB", (30, 20), colour).save(name)
    return ["classify", "--model", model, "--report", "-q", *SHARES]


def test_classes_are_those_of_the_records(classified, capfd):
    assert cli.main([*classified, "--json"]) == 0
    *records, last = map(json.loads, capfd.readouterr().out.splitlines())
    assert last["written"] == ["report.html"]
    page, data = report(".")
    for row, record in zip(data["rows"], records, strict=True):
        assert row["group"] == record["class"] == row["name"].split()[0].removesuffix(".png")
        assert row["ranked"] == [
            [one["class"], pytest.approx(one["probability"], rel=1e-3)] for one in record["classes"]
        ]
        assert np.abs(jpeg(page, row["picture"])[5, 5] - np.array(SHARES[row["name"]])).max() < 8


@pytest.fixture
def evaluated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Image b lacks an object and has one too many, and half of one."""
    monkeypatch.chdir(tmp_path)
    truth = np.kron(np.arange(1, 7).reshape(2, 3), np.pad(np.ones((8, 8), int), 1))
    other = np.where(truth == 2, 0, truth)
    other[:3, 12:15] = 90_000
    other[truth == 6] = np.where(np.indices(truth.shape)[1][truth == 6] < 24, 6, 0)
    for folder in ("labels", "truth"):
        Path(folder).mkdir()
    for name in "abcde":
        tifffile.imwrite(f"truth/{name}.tif", truth.astype(np.uint16))
        tifffile.imwrite(f"labels/{name}.tif", (other if name == "b" else truth).astype(np.uint32))
    return ["evaluate", "--report", "labels", "truth", "-q"]


def test_what_was_missed_and_what_was_too_much_is_outlined(evaluated, capfd):
    assert cli.main(evaluated) == 0
    assert "report.html" in capfd.readouterr().out
    page, data = report(".")
    rows = {Path(row["name"]).stem: row for row in data["rows"]}
    assert set(rows["a"]["objects"]["result"]) == {"found"} and rows["a"]["numbers"]["f1_50"] == 1
    labels, truth = (tifffile.imread(f"{folder}/b.tif") for folder in ("labels", "truth"))
    table, seen = rows["b"]["objects"], np.zeros((2, *truth.shape), int)
    assert sorted(table["result"]) == ["extra", "extra", *["found"] * 4, "missed", "missed"]
    for row, path, kind in unpacked(page, f"o{rows['b']['picture']}"):
        side = kind in ("true", "missed")
        label = table["label_true" if side else "label_found"][row - 1]
        inside = covered(path, truth.shape)
        assert (inside == ((labels, truth)[side] == label)).all()
        seen[int(side)][inside] = label
        union = (truth == table["label_true"][row - 1]) | (labels == table["label_found"][row - 1])
        if kind in ("true", "found"):
            assert table["iou"][row - 1] == pytest.approx(inside.sum() / union.sum(), rel=0.2)
    assert (seen == (labels, truth)).all()


def test_the_image_that_was_segmented_lies_under_the_outlines(segment):
    assert segment("P_A01_s1_w1.tif", "-o", "truth/")[0] == 0
    assert segment("P_A01_s1_w1.tif")[0] == 0
    assert cli.main(["evaluate", "--report", "segmented", "truth", "-q"]) == 0
    page, data = report(".")
    shown = jpeg(page, data["rows"][0]["picture"])
    assert shown[12, 8].mean() > 200 and shown[40, 40].mean() < 50  # the bright and the dark


def browser() -> str:
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "chrome"))), "")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if not browser():
        pytest.skip("there is no Chromium here")
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser(), args=["--no-sandbox"])
        yield chromium
        chromium.close()


@contextmanager
def opened(chromium: Any, path: str | Path) -> Iterator[Any]:
    """The page in a browser, which says nothing in its console and fetches nothing."""
    said: list[str] = []
    page = chromium.new_page(viewport={"width": 1200, "height": 900})
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda one: said.append(one.url) if one.url[:4] == "http" else None)
    page.goto(Path(path).absolute().as_uri())
    page.wait_for_selector("html[data-charts]", timeout=60_000)
    yield page
    page.close()
    assert said == []


def names(page: Any) -> list[str]:
    found: list[str] = page.locator("#rows .name strong").all_inner_texts()
    return found


def nameless(page: Any) -> list[str]:
    """What can be operated and has no name that a screen reader could say."""
    script = """() => [...document.querySelectorAll('button, input, select, a, canvas')]
        .filter((e) => e.checkVisibility() && !(e.getAttribute('aria-label')
            || e.textContent.trim() || e.labels?.[0]?.textContent.trim()))
        .map((e) => e.outerHTML.slice(0, 200))"""
    found: list[str] = page.evaluate(script)
    return found


def test_a_browser_shows_sorts_filters_and_selects(segment, chromium):
    assert segment(*SIDES, "--report")[0] == 0
    with opened(chromium, "segmented/report.html") as page:
        look_around(page)


def test_of_many_objects_some_are_drawn(tmp_path, chromium):
    values = np.arange(4004.0)  # a count whose share of those drawn is no whole number
    table = {"label": list(range(1, 4005)), "area_px": values.tolist(), "width_px": values.tolist()}
    row = {"name": "a", "place": {}, "numbers": {"count": 4004}, "files": {}, "objects": table}
    write(str(tmp_path), document("Many", [row], command="", parameters={}), [])
    with opened(chromium, tmp_path / "report.html") as page:
        page.get_by_role("img", name="4,000 of 4,004 objects").wait_for()


def test_a_line_between_before_and_after_is_moved(denoised, chromium):
    assert cli.main(denoised) == 0
    with opened(chromium, "out/report.html") as page:
        assert nameless(page) == []
        page.get_by_role("button", name="Removed").press("Enter")
        numbers = page.locator("#rows tbody td:nth-child(4)").all_inner_texts()
        assert numbers == sorted(numbers, key=float, reverse=True)
        page.get_by_label("Across").select_option("brightness")
        page.get_by_role("img", name="Scatter of Removed, of 255 over Brightness").wait_for()
        page.get_by_role("button", name="Open in/a.png").press("Enter")
        line = page.get_by_role("slider", name="How much is shown as it was")
        assert nameless(page) == [] and {"before", "after"} <= {
            one.get_attribute("alt") for one in page.locator(".compare img").all()
        }
        line.press("End")
        assert page.locator(".compare .after").evaluate(CLIP) == "inset(0px 0px 0px 100%)"
        box = page.locator(".compare").bounding_box()
        page.mouse.move(box["x"] + 20, box["y"] + 200)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] / 4, box["y"] + 200)
        page.mouse.up()
        assert float(line.input_value()) == pytest.approx(25, abs=1)
        page.get_by_role("button", name="Next image").press("Enter")
        assert page.get_by_role("heading", name="in/", exact=False).inner_text() != "in/a.png"


CLIP = "e => getComputedStyle(e).clipPath"


def test_a_class_alone_is_shown(classified, chromium):
    assert cli.main(classified) == 0
    with opened(chromium, "report.html") as page:
        assert nameless(page) == []
        page.locator("select#group").select_option(label="red (2)")
        assert sorted(names(page)) == ["red too.png", "red.png"]
        page.get_by_role("button", name="Probability").press("Enter")
        assert names(page) == ["red.png", "red too.png"]
        page.get_by_role("img", name="Pictures of each class: red 2, green 0").wait_for()
        assert page.locator(".ranking li").first.inner_text().split()[0] == "red"


def test_the_worst_image_is_first_and_its_objects_say_what_they_are(evaluated, chromium):
    assert cli.main(evaluated) == 0
    with opened(chromium, "report.html") as page:
        assert names(page)[0] == "labels/b.tif" and nameless(page) == []
        page.get_by_role("button", name="Open labels/b.tif").press("Enter")
        page.get_by_role("button", name="missed, object").first.press("Enter")
        page.get_by_role("heading", name="Object").wait_for()
        assert "missed" in page.get_by_role("status").inner_text()
        assert page.locator("#v-figure path.chosen").count() == 1
        page.get_by_role("button", name="found, object").first.press("Enter")
        assert page.locator("#v-figure path.chosen").count() == 2  # with its truth


def is_whole(page: Any) -> bool:
    """Whether nothing of the large picture is cut off, also where the window is low."""
    page.set_viewport_size({"width": 1200, "height": 500})
    frame, image = (page.locator(f"#v-figure{inner}").bounding_box() for inner in ("", " img"))
    page.set_viewport_size({"width": 1200, "height": 900})
    return bool(
        image["height"] > 100 and image["y"] + image["height"] <= frame["y"] + frame["height"]
    )


def look_around(page: Any) -> None:
    assert nameless(page) == []
    page.get_by_role("button", name="Objects", exact=True).press("Enter")  # most first
    assert names(page)[0] == "P_A01_s1_w1.tif"
    head = page.get_by_role("columnheader", name="Objects", exact=True)
    assert head.get_attribute("aria-sort") == "descending"
    page.get_by_label("Name contains").fill("b02")
    assert names(page) == ["P_B02_s1_w1.tif"]
    assert page.locator("#shown").inner_text() == "1 of 3 shown"
    page.get_by_label("Name contains").fill("")
    assert page.get_by_role("img", name="Histogram of Area").count() == 1
    page.get_by_role("button", name="A01: Objects 3").wait_for()
    page.get_by_role("button", name="Open P_A01").press("Enter")
    first = page.get_by_role("button", name="object 1", exact=True)
    first.wait_for()
    assert is_whole(page)
    first.focus()
    page.keyboard.press("ArrowRight")
    page.get_by_role("heading", name="Object 2").wait_for()
    shown = page.get_by_role("status").inner_text()
    assert "Area, px" in shown and "81" in shown
    page.locator("#v-outlines").uncheck()
    path = page.locator("#v-figure path").first
    assert path.evaluate("p => getComputedStyle(p).stroke").endswith((", 0)", "transparent"))
    page.keyboard.press("Escape")
    assert page.locator("#viewer").is_hidden()
