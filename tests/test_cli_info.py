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


def test_exif_that_ends_in_its_first_bytes_is_unreadable(capfd: pytest.CaptureFixture[str]) -> None:
    Image.new("L", (4, 3)).save("a.webp", lossless=True, exif=b"MM\0*\0\0\0")
    (record,) = records(capfd, "a.webp")
    assert record["exif"] == {"unreadable": "7 bytes"}


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


def schema() -> dict[str, Any]:
    return json.loads((Path(cli.__file__).parent / "info.schema.json").read_text())


def test_the_schema_knows_every_format() -> None:
    from imgconv.images.formats import READABLE

    known = schema()["$defs"]["image"]["properties"]["format"]["enum"]
    assert known == [one.name for one in READABLE]


def test_the_schema_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["info", "--schema"]) == 0
    assert json.loads(capfd.readouterr().out) == schema()


def make_one_of_each() -> dict[str, str]:
    """Files of many kinds; the words about what is odd in each."""
    rng = np.random.default_rng(3)
    grey = rng.integers(0, 256, (9, 12), dtype=np.uint8)
    colour = rng.integers(0, 256, (9, 12, 4), dtype=np.uint8)
    odd: dict[str, str] = {}

    def tiff(name: str, pixels: np.ndarray, words: str = "", **more: Any) -> None:
        odd[name] = words
        tifffile.imwrite(name, pixels, **{"photometric": "minisblack", "metadata": None} | more)

    def pillow(name: str, mode: str, words: str = "", **more: Any) -> None:
        odd[name] = words
        Image.fromarray(colour).convert(mode).save(name, **more)

    table = np.stack([np.zeros(256), np.arange(256) * 257, np.zeros(256)]).astype(np.uint16)
    tiff("lut.tif", grey, "numbers under a pseudo-colour table", photometric="palette",
         colormap=table, description="ImageJ=1.54f\n")  # fmt: skip
    tiff("white.tif", grey, "min-is-white: 0 is white", photometric="miniswhite")
    tiff("bits.tif", (grey > 99), photometric="minisblack", compression="deflate")
    tiff("four.tif", colour, "4 channels, none of which is declared to be alpha",
         photometric="rgb", extrasamples=["unspecified"])  # fmt: skip
    tiff("multiplied.tif", colour, "colours are stored multiplied by alpha", photometric="rgb",
         extrasamples=["assocalpha"])  # fmt: skip
    tiff("nan.tif", np.where(grey > 200, np.nan, grey).astype(np.float32), "are NaN or infinite")
    tiff("flat.tif", np.full((4, 4), 7, np.uint16), "every value is 7", bigtiff=True)
    tiff("long.tif", grey, "pixels are not square", resolution=(204, 98), resolutionunit="INCH")
    tiff("tiles.tif", rng.integers(0, 9, (3, 64, 64), np.uint16),
         photometric="rgb", tile=(16, 16), planarconfig=2, byteorder=">", predictor=2,
         compression="lzw", iccprofile=ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
         .tobytes(), extratags=[(65000, "s", 0, "mine", True), (65001, "d", 1, 0.5, True)],
         description="words", software="a program")  # fmt: skip
    tiff("ome.ome.tif", np.stack([grey, grey]), ome=True, metadata={"axes": "ZYX"})
    odd["pages.tif"] = "2 images of different sizes or types"
    with tifffile.TiffWriter("pages.tif") as file:
        file.write(grey, photometric="miniswhite")
        file.write(colour[..., :3], photometric="rgb", resolution=(300, 300))
    pillow("a.png", "RGBA", dpi=(72, 72))
    pillow("a.jpg", "RGB", quality=83, comment=b"caf\xe9")
    pillow("a.webp", "RGB")
    pillow("a.bmp", "L")
    pillow("a.avif", "RGBA")
    pillow("a.ppm", "RGB")
    pillow("p.png", "P")
    cmyk = bytes(16) + b"CMYK" + bytes(200)
    pillow("ink.png", "RGB", "a colour profile for CMYK, over 3", icc_profile=cmyk)
    others = [Image.fromarray(colour[::-1]).convert("P"), Image.fromarray(colour).convert("P")]
    pillow("film.gif", "P", "an animation of 3 frames", save_all=True, append_images=others,
           duration=[40, 80, 120], loop=3)  # fmt: skip
    np.save("a.npy", colour[..., :2])
    odd["a.npy"] = "2 channels, none of which is declared to be alpha"
    gamma = PngInfo()
    gamma.add(b"gAMA", (100_000).to_bytes(4, "big"))
    gamma.add(b"cICP", bytes((9, 16, 0, 1)))
    pillow("hdr.png", "RGB", "HDR (PQ)", pnginfo=gamma)
    return odd


def test_the_schema_holds_for_files_of_every_kind_and_what_is_odd_is_said(
    capfd: pytest.CaptureFixture[str],
) -> None:
    import jsonschema

    odd = make_one_of_each()
    Path("none.png").write_text("no image")
    checker = jsonschema.Draft202012Validator(schema())
    checker.check_schema(schema())
    for more in ([], ["--header"]):
        assert cli.main(["info", "--json", *odd, "none.png", *more]) == 1
        found = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
        assert [one["source"] for one in found] == [*odd, "none.png"]
        for record in found:
            assert not [error.message for error in checker.iter_errors(record)], record["source"]
    assert cli.main(["info", "--json", *odd]) == 0
    for line in capfd.readouterr().out.splitlines():
        record = json.loads(line)
        words = "; ".join(record.get("odd", ()))
        assert odd[record["source"]] in words, record["source"]
        assert bool(words) == bool(odd[record["source"]]), (record["source"], words)


def test_integers_of_any_width_are_told_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    ends = {"int32": (-7, 44_600_005), "int64": (-(2**60) - 1, 2**62 + 1), "uint64": (0, 2**64 - 1)}
    for dtype, values in ends.items():
        pixels = np.array([[*values, 3]], dtype)
        tifffile.imwrite(f"{dtype}.tif", pixels)
        np.save(f"{dtype}.npy", pixels)
        for name in (f"{dtype}.tif", f"{dtype}.npy"):
            assert cli.main(["info", "--json", name]) == 0
            told = capfd.readouterr()
            record = json.loads(told.out)
            assert (record["min"], record["max"]) == values and told.err == ""
            (odd,) = record["odd"]
            assert odd == "integers beyond 16,777,216, which float32 rounds"
            assert cli.main(["info", name]) == 0
            assert f"{values[0]} to {values[1]}" in capfd.readouterr().out


def test_the_schema_refuses_what_is_not_in_it() -> None:
    import jsonschema

    checker = jsonschema.Draft202012Validator(schema())
    good = {"source": "a", "status": "written", "seconds": 0.1, "format": "png", "width": 1,
            "height": 1, "channels": 1, "dtype": "uint8", "axes": "YX", "shape": [1, 1],
            "planes": 1}  # fmt: skip
    assert checker.is_valid(good)
    for wrong in ({"colour": 1}, {"width": 0}, {"dtype": "int8"}, {"images": [{}, {}]}):
        assert not checker.is_valid(good | wrong)
    assert not checker.is_valid({key: value for key, value in good.items() if key != "axes"})


def test_each_image_of_a_file_has_its_record(capfd: pytest.CaptureFixture[str]) -> None:
    make_one_of_each()
    capfd.readouterr()
    pages, film = records(capfd, "pages.tif", "film.gif")
    assert [one["channels"] for one in pages["images"]] == [1, 3]
    assert "dpi" not in pages["images"][0] and pages["images"][1]["dpi"] == [300, 300]
    assert [one["duration_ms"] for one in film["images"]] == [40, 80, 120]
    assert film["loops"] == 3
    assert pages["odd"][1].startswith("image 1: min-is-white")
    assert cli.main(["info", "pages.tif"]) == 0
    lines = [" ".join(line.split()) for line in capfd.readouterr().out.splitlines()]
    second = lines[lines.index("image 2") :]
    assert "channels 3" in second and "resolution 300 x 300 dpi" in second
    assert not any(line.startswith("format") for line in second)


def test_iptc_and_tables_are_shown(capfd: pytest.CaptureFixture[str]) -> None:
    entries = [(5, b"A title"), (25, b"one"), (25, b"two"), (120, "Größe".encode())]
    records_ = b"".join(b"\x1c\x02" + bytes([n]) + len(v).to_bytes(2, "big") + v
                        for n, v in entries)  # fmt: skip
    tifffile.imwrite("a.tif", np.eye(4, dtype=np.uint8), metadata=None,
                     extratags=[(33723, 7, len(records_), records_, True)])  # fmt: skip
    Image.new("RGB", (8, 8), "red").save("a.jpg", quality=77, subsampling=1)
    tiff, jpeg = records(capfd, "a.tif", "a.jpg")
    assert tiff["iptc"] == {"title": "A title", "keywords": ["one", "two"], "caption": "Größe"}
    assert jpeg["jpeg"] == {"quality": 77, "subsampling": "422"}
