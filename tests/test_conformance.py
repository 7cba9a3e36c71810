"""The command that compares imgconv with other readers says what is the case."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import conformance
import numpy as np
import pytest
import tifffile
from PIL import Image

from imgconv.errors import InputError

RNG = np.random.default_rng(5)
GREY = RNG.integers(0, 256, (16, 20), dtype=np.uint8)
COLOUR = RNG.integers(0, 256, (16, 20, 3), dtype=np.uint8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Sound images of several formats, one that ends early, and files that are none."""
    Image.fromarray(COLOUR).save(tmp_path / "a.png")
    Image.fromarray(COLOUR).save(tmp_path / "a.jpg")
    Image.fromarray(GREY).save(tmp_path / "a.gif", save_all=True, append_images=[
        Image.fromarray(GREY[::-1])])  # fmt: skip
    tifffile.imwrite(tmp_path / "a.tif", np.stack([GREY, GREY]), photometric="miniswhite")
    np.save(tmp_path / "a.npy", GREY.astype(np.float32))
    whole = (tmp_path / "a.jpg").read_bytes()
    (tmp_path / "early.jpg").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.txt").write_text("no image")
    return tmp_path


def test_a_folder_of_sound_images_is_all_right(folder: Path) -> None:
    command = [sys.executable, str(Path(conformance.__file__)), str(folder), "-j", "1"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = [line.strip() for line in done.stdout.splitlines()]
    assert "5 same to the bit" in lines and "1 no image for anybody" in lines
    assert "1 refused in plain words, as nobody reads it" in lines
    assert "100.0% of 6 images are right" in lines


def found(monkeypatch: pytest.MonkeyPatch, path: Path, own: object) -> conformance.Verdict:
    """What is said of a file as which imgconv gives `own`."""
    monkeypatch.setattr(conformance, "own_planes", lambda _: (own, ""))
    return conformance.judge(path)


@pytest.mark.parametrize("name", ["a.png", "a.jpg"])
def test_wrong_pixels_are_found(monkeypatch: pytest.MonkeyPatch, folder: Path, name: str) -> None:
    wrong = found(monkeypatch, folder / name, [255 - COLOUR])
    assert wrong.kind == conformance.DIFFERS and "believed is Pillow, as imagecodecs" in wrong.words
    assert found(monkeypatch, folder / name, [COLOUR[:, ::-1]]).kind == conformance.DIFFERS
    assert "20 x 15 pixels" in found(monkeypatch, folder / name, [COLOUR[:-1]]).words


def test_a_missing_page_and_a_wrong_one_are_found(
    monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    light = (255 - GREY)[..., None]
    assert found(monkeypatch, folder / "a.tif", [light, light]).kind == conformance.SAME
    assert "1 planes, there 2" in found(monkeypatch, folder / "a.tif", [light]).words
    wrong = found(monkeypatch, folder / "a.tif", [light, GREY[..., None]])
    assert wrong.words.startswith("plane 2: up to ") and "believed is tifffile" in wrong.words


def test_refusals_and_accidents_are_told_apart(
    monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    cases = {
        InputError("damaged PNG (x)"): conformance.DAMAGED,
        InputError("a PNG of 5 inks"): conformance.LEFT,
        KeyError("duration"): conformance.BUG,
    }
    for error, kind in cases.items():
        assert found(monkeypatch, folder / "a.png", error).kind == kind


def test_a_format_that_is_not_read_is_counted_apart(folder: Path) -> None:
    Image.fromarray(COLOUR).save(folder / "a.jp2")
    Image.fromarray(COLOUR).save(folder / "a.tga")
    for name in ("a.jp2", "a.tga"):
        assert conformance.judge(folder / name).kind == conformance.FOREIGN
    assert conformance.judge(folder / "text.txt").kind == conformance.NONE


def test_what_is_not_seen_is_no_difference() -> None:
    a = np.dstack([COLOUR, np.zeros_like(GREY)])
    assert not conformance.compare_planes(a, np.zeros_like(a))
    assert not conformance.compare_planes(COLOUR, COLOUR.astype(np.uint16) * 257)
    grey = GREY[..., None]
    assert not conformance.compare_planes(grey, np.repeat(grey, 3, axis=2))
    assert conformance.compare_planes(grey, np.repeat(grey, 3, axis=2) // 2)
    high = np.array([[[1e6]]], np.float32)
    assert not conformance.compare_planes(high, high.astype(np.int32))
    assert conformance.compare_planes(high, high.astype(np.int32) + 20)
