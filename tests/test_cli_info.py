"""`imgconv info`: compared with what was put into the files by others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo
from PIL.TiffImagePlugin import IFDRational

from imgconv import cli


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def records(capfd: pytest.CaptureFixture[str], *argv: str) -> list[dict[str, Any]]:
    assert cli.main(["info", "--json", *argv]) == 0
    return [json.loads(line) for line in capfd.readouterr().out.splitlines()]


def test_a_png_with_colour_profile_text_and_resolution(capfd: pytest.CaptureFixture[str]) -> None:
    pixels = np.arange(5 * 7 * 4, dtype=np.uint8).reshape(5, 7, 4)
    text = PngInfo()
    text.add_text("Author", "someone")
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.fromarray(pixels).save("a.png", dpi=(300, 300), icc_profile=profile, pnginfo=text)
    (record,) = records(capfd, "a.png")
    expected = {
        "source": "a.png", "format": "png", "width": 7, "height": 5, "channels": 4,
        "alpha": "straight", "dtype": "uint8", "axes": "YXS", "shape": [5, 7, 4],
        "min": 0, "max": 139, "text": {"Author": "someone"}, "icc": "sRGB built-in",
    }  # fmt: skip
    assert expected.items() <= record.items()
    assert record["dpi"] == pytest.approx([300, 300], rel=1e-4)


def test_an_imagej_stack_with_its_pixel_size(capfd: pytest.CaptureFixture[str]) -> None:
    stack = np.random.default_rng(0).integers(0, 60000, (3, 2, 8, 9), dtype=np.uint16)
    tifffile.imwrite(
        "s.tif", stack, imagej=True, resolution=(4, 4), metadata={"axes": "ZCYX", "unit": "um"}
    )
    (record,) = records(capfd, "s.tif")
    assert (record["axes"], record["shape"], record["planes"]) == ("ZCYX", [3, 2, 8, 9], 6)
    assert (record["min"], record["max"]) == (stack.min(), stack.max())
    assert record["pixel_size"]["x"] == pytest.approx(0.25)
    assert record["tiff"]["kind"] == "imagej"


def test_exif_is_told_by_the_names_of_its_tags(capfd: pytest.CaptureFixture[str]) -> None:
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    exif.get_ifd(0x8769)[0x829A] = IFDRational(1, 50)
    Image.new("RGB", (4, 4)).save("e.jpg", exif=exif)
    (record,) = records(capfd, "e.jpg")
    assert record["exif"]["Make"] == "Maker"
    assert record["exif"]["ExposureTime"] == pytest.approx(0.02)


def test_floats_are_told_with_what_is_not_finite(capfd: pytest.CaptureFixture[str]) -> None:
    tifffile.imwrite("f.tif", np.array([[-1.5, np.nan], [np.inf, 2]], np.float32))
    (record,) = records(capfd, "f.tif")
    assert (record["min"], record["max"], record["not_finite"]) == (-1.5, 2.0, 2)


def test_header_only_skips_the_pixels(capfd: pytest.CaptureFixture[str]) -> None:
    Image.new("L", (4, 4)).save("a.png")
    (record,) = records(capfd, "a.png", "--header")
    assert "min" not in record


def test_people_get_an_indented_paragraph_per_file(capfd: pytest.CaptureFixture[str]) -> None:
    Image.new("RGB", (4, 3)).save("a.png")
    Image.new("L", (5, 6)).save("b.jpg")
    assert cli.main(["info", "a.png", "b.jpg"]) == 0
    out, err = capfd.readouterr()
    lines = out.splitlines()
    assert lines[0] == "a.png"
    assert "  size          4 x 3 pixels" in lines
    assert "  axes          YXS (3, 4, 3)" in lines
    assert lines[lines.index("b.jpg") + 1].startswith("  format        JPEG")
    assert err.startswith("2 done")


def test_a_bad_file_is_named_and_the_others_are_shown(capfd: pytest.CaptureFixture[str]) -> None:
    Image.new("L", (4, 4)).save("a.png")
    Path("b.png").write_text("no image")
    assert cli.main(["info", "a.png", "b.png"]) == 1
    out, err = capfd.readouterr()
    assert out.startswith("a.png\n")
    assert err.startswith("error: b.png: not an image")
