"""imgconv classify: digits of scans, any network whose classes are named, tables, copies."""

from __future__ import annotations

import csv
import json
import shutil
import string
from pathlib import Path

import numpy as np
import pytest
from networks_of_tests import classifier
from PIL import Image, ImageDraw, ImageFont, ImageOps

from imgconv import cli

SAMPLES = Path(__file__).parent.parent / "samples"
ALIKE = set("OoQDIl|iJSsZzBbqgGyAT")  # letters that hands write as digits


def said(capfd, *words: object) -> list[dict]:
    assert cli.main(["classify", "--json", "-q", *map(str, words)]) == 0
    return [json.loads(line) for line in capfd.readouterr().out.splitlines()]


def drawn(text: str, size: int = 60, ink: int = 20, paper: int = 235) -> Image.Image:
    font = ImageFont.load_default(size)
    page = Image.new("L", (size * (len(text) + 1), 3 * size), paper)
    ImageDraw.Draw(page).text((size // 3, size // 2), text, ink, font)
    return page


@pytest.fixture
def here(tmp_path: Path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_samples_are_read(capfd):
    digit, number = said(capfd, SAMPLES / "digit.png", SAMPLES / "number.png")
    assert (digit["class"], number["class"]) == ("3", "1998")
    assert len(number["marks"]) == 4 and number["probability"] > 0.5
    left, top, width, height = digit["marks"][0]["box"]
    assert (left, top) == pytest.approx((34, 14), abs=16) and height == pytest.approx(70, abs=14)
    assert 30 < width < 70


@pytest.mark.parametrize("change", ["dark", "light", "large", "small", "16 bit", "colour", "alpha"])
def test_a_number_reads_the_same_however_it_was_scanned(here, capfd, change):
    page = drawn("407")
    if change == "light":
        page = ImageOps.invert(page)
    if change in ("large", "small"):
        factor = 6 if change == "large" else 0.3
        page = page.resize((int(page.width * factor), int(page.height * factor)))
    if change == "16 bit":
        page = Image.fromarray(np.asarray(page).astype(np.uint16) * 200)
    if change == "colour":
        page = ImageOps.colorize(page, "darkblue", "lightyellow")
    if change == "alpha":
        page = Image.merge("LA", (Image.new("L", page.size, 0), ImageOps.invert(page)))
    page.save("page.png")
    assert said(capfd, "page.png")[0]["class"] == "407"


def test_no_digit_is_said_of_paper_noise_photos_and_letters(here, capfd):
    rng = np.random.default_rng(0)
    for n in range(4):
        paper = rng.uniform(60, 220) + rng.normal(0, 6, (90, 120)) + np.linspace(0, 20, 120)
        Image.fromarray(paper.clip(0, 255).astype(np.uint8)).save(f"paper-{n}.png")
    shutil.copy(SAMPLES / "lake.png", "lake.png")
    shutil.copy(SAMPLES / "fruit.jpg", "fruit.jpg")
    assert all(one["class"] == "no digit" for one in said(capfd, "."))
    (here / "letters").mkdir()
    letters = [c for c in string.ascii_letters if c not in ALIKE]
    for n, letter in enumerate(letters):
        drawn(letter).save(f"letters/{n:02}.png")
    found = [one["class"] == "no digit" for one in said(capfd, "letters")]
    assert np.mean(found) >= 0.7


def test_a_chart_and_its_parts_are_no_number(here, capfd):
    """A wheel of wedges, rings in rings, bars of many heights, a thin curve."""
    page = Image.new("L", (300, 300), 255)
    draw = ImageDraw.Draw(page)
    for radius in range(20, 140, 24):
        draw.ellipse((150 - radius, 150 - radius, 150 + radius, 150 + radius), outline=0, width=4)
    page.save("rings.png")
    page = Image.new("L", (300, 200), 255)
    draw = ImageDraw.Draw(page)
    for n, height in enumerate((20, 150, 60, 110, 30, 170, 90, 15, 130)):
        draw.rectangle((20 + 30 * n, 190 - height, 30 + 30 * n, 190), fill=0)
    page.save("bars.png")
    page = Image.new("L", (600, 400), 255)
    points = [(20 + 10 * n, 200 + int(150 * np.sin(n / 7))) for n in range(56)]
    ImageDraw.Draw(page).line(points, fill=0, width=2)
    page.save("curve.png")
    names = ("rings.png", "bars.png", "curve.png", SAMPLES / "chart.png")
    assert [one["class"] for one in said(capfd, *names)] == ["no digit"] * 4


def test_a_file_reads_the_same_alone_and_among_others(here, capfd):
    """Several files go through the network at once; a bad one among them harms none."""
    texts = ("20", "35", "46", "58", "69")
    for n, text in enumerate(texts):
        drawn(text, size=40 + 10 * n).save(f"{n}.png")
    Path("3.png").write_bytes(b"no image")
    assert cli.main(["classify", "--json", "-q", *(f"{n}.png" for n in range(5))]) == 1
    records = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert [r["status"] for r in records] == ["written"] * 3 + ["failed", "written"]
    for n in (0, 1, 2, 4):
        (alone,) = said(capfd, f"{n}.png")
        assert alone["class"] == records[n]["class"] == texts[n]
        assert alone["probability"] == pytest.approx(records[n]["probability"], abs=1e-5)


def test_printed_digits_are_read(here, capfd):
    for digit in range(10):
        drawn(str(digit)).save(f"{digit}.png")
    found = said(capfd, *(f"{n}.png" for n in range(10)))
    assert sum(one["class"] == str(n) for n, one in enumerate(found)) >= 9


def test_a_network_of_ones_own_with_named_classes(here, capfd):
    """Means of three channels through a softmax: the colour that there is most of."""
    classifier("colours.safetensors")
    Path("names.txt").write_text("red\ngreen\nblue\n")
    for name, colour in (("a", (200, 10, 10)), ("b", (0, 50, 220))):
        Image.new("RGB", (40, 30), colour).save(f"{name}.png")
    words = ["--model", "colours.safetensors", "--classes", "names.txt"]
    first, second = said(capfd, "a.png", "b.png", *words)
    assert (first["class"], second["class"]) == ("red", "blue")
    means = np.array([200, 10, 10]) / 255
    expected = np.exp(means) / np.exp(means).sum()
    assert [c["probability"] for c in first["classes"]] == pytest.approx(
        sorted(expected)[::-1], abs=1e-6
    )


def test_the_table_and_the_lines_say_the_same_as_json(here, capfd):
    shutil.copy(SAMPLES / "digit.png", "digit.png")
    record = said(capfd, "digit.png", "--csv", "all.csv")[0]
    (row,) = csv.DictReader(Path("all.csv").read_text().splitlines())
    assert row["image"] == "digit.png" and row["class"] == record["class"]
    assert float(row["probability_2"]) == pytest.approx(record["classes"][1]["probability"], 1e-3)
    percent = f"{100 * record['probability']:.1f}"
    assert cli.main(["classify", "digit.png", "--top", "1"]) == 0
    assert capfd.readouterr().out.split() == ["digit.png", "3", percent, "%"]
    assert cli.main(["classify", "digit.png", "--csv", "all.csv"]) == 2
    assert "--force" in capfd.readouterr().err


def test_files_are_copied_by_class_and_nothing_is_moved_or_overwritten(here, capfd):
    (here / "scans").mkdir()
    drawn("5").save("scans/five.png")
    drawn("47").save("scans/number.png")
    before = {p: p.read_bytes() for p in Path("scans").iterdir()}
    assert len(said(capfd, "scans", "--sort-into", "sorted")) == 2
    assert Path("sorted/5/five.png").read_bytes() == before[Path("scans/five.png")]
    assert Path("sorted/47/number.png").exists()
    assert before == {p: p.read_bytes() for p in Path("scans").iterdir()}
    assert len(said(capfd, "scans", "--sort-into", "sorted")) == 2  # again: they are there
    drawn("5", size=80).save("five.png")  # another file of the same name and class
    assert cli.main(["classify", "five.png", "--sort-into", "sorted"]) == 1
    assert "exists" in capfd.readouterr().err
    assert Path("sorted/5/five.png").read_bytes() == before[Path("scans/five.png")]


def test_a_bad_file_is_one_line_and_the_rest_goes_on(here, capfd):
    shutil.copy(SAMPLES / "digit.png", "a.png")
    Path("b.png").write_bytes(b"no image")
    assert cli.main(["classify", "a.png", "b.png"]) == 1
    out, err = capfd.readouterr()
    assert out.startswith("a.png") and "b.png" in err


WRONG = {
    "a model for another task": ("--model nuclei x.png", 2, "made to segment"),
    "a network without classes": ("--model none.safetensors x.png", 1, "--classes"),
    "no such names": ("--classes nowhere.txt x.png", 1, "cannot be read"),
    "names for another network": ("--classes two.txt x.png", 1, "2 classes are named"),
    "standard input to copy": ("--sort-into s -", 2, "no name"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_said_in_one_line(here, capfd, name):
    words, code, line = WRONG[name]
    classifier("none.safetensors")
    Path("two.txt").write_text("a\nb\n")
    drawn("1").save("x.png")
    assert cli.main(["classify", *words.split()]) == code
    err = capfd.readouterr().err
    assert line in err.splitlines()[0]
