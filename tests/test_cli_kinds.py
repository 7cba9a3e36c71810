"""Files as users of other programs have them (`kinds/`), each through a whole command: the right
pixels, or the right word. The right values were worked out by hand, or with other readers."""

# ruff: noqa: E501 (a row is a line)
from __future__ import annotations

import io
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image

from imgconv import cli

KINDS = Path(__file__).parent / "kinds"
KEEP, SHARPEN, POOL = "filter -k identity", "filter -k sharpen", "pool --size 2"
RED_BLUE = [[250, 40, 10]] * 4 + [[10, 90, 240]] * 4
Check = Callable[[Path], object]


def picture(path: Path) -> Image.Image:
    return Image.open(io.BytesIO(path.read_bytes()))


def tiff(path: Path) -> tifffile.TiffFile:
    return tifffile.TiffFile(io.BytesIO(path.read_bytes()))


def first(path: Path, count: int = 8, page: int = 0) -> list[Any]:
    """The first pixels of a page, as other readers have them."""
    if path.suffix == ".npy":
        plane = np.load(path)
    elif path.suffix == ".tif":
        plane = tiff(path).pages[page].asarray()
        plane = 255 - plane if tag(path, 262, page) == 0 else plane
    else:
        plane = np.asarray(picture(path))
    return plane.reshape(-1, *plane.shape[2:])[:count].tolist()


def tag(path: Path, code: int, page: int = 0) -> Any:
    return tiff(path).pages[page].tags.valueof(code)


def frames(path: Path) -> list[tuple[int, list[int]]]:
    """How long each frame is shown, and its first pixel."""
    image, found = picture(path), []
    for number in range(getattr(image, "n_frames", 1)):
        image.seek(number)
        pixel = np.asarray(image.convert("RGBA"))[0, 0].tolist()
        found.append((round(image.info["duration"]), pixel))
    return found


def stays(source: str) -> Check:
    """The planes, axes and colour table of a stack are those of the source."""

    def check(path: Path) -> bool:
        old, new = tiff(KINDS / source), tiff(path)
        same = np.array_equal(old.asarray(), new.asarray())
        return same and old.series[0].axes == new.series[0].axes and np.array_equal(
            old.pages.first.colormap, new.pages.first.colormap)  # fmt: skip

    return check


SHADES = [[200, 0, 0, n] for n in (0, 85, 170, 255)]
ANIMATION = [(100, [0, 20, 200, 255]), (100, [80, 20, 150, 195]), (100, [160, 20, 100, 135])]
PIXELS: dict[str, tuple[str, str, str, Check, object]] = {  # row: command, file, output, found, right
    "a fax, then colour": (KEEP, "scan-fax-then-colour.tif", "o.tif", lambda p: first(p, 8, 1), RED_BLUE),
    "a palette, then another": (KEEP, "scan-palette-then-palette.tif", "o.tif",
                                lambda p: (first(p), first(p, 1, 1)), (RED_BLUE, [[9, 200, 90]])),
    "two ways of black": (KEEP, "pages-bilevel-white0_bilevel-black0.tif", "o.tif",
                          lambda p: (first(p, 5), first(p, 5, 1)),
                          ([0, 0, 0, 0, 255], [255, 255, 255, 255, 0])),
    "white is 0, then black is": (KEEP, "pages-white0_black0.tif", "o.tif",
                                  lambda p: (first(p, 3), first(p, 3, 1)),
                                  ([255, 254, 253], [0, 1, 2])),
    "fax, colour, palette": (KEEP, "pages-bilevel-white0_rgb_palette.tif", "o.tif",
                             lambda p: (first(p, 5), first(p, 5, 1), first(p, 2, 2)),
                             ([0, 0, 0, 0, 255], RED_BLUE[:5], [[0, 0, 0], [37, 91, 53]])),
    "with alpha, then without": (KEEP, "pages-rgba_rgb.tif", "o.tif",
                                 lambda p: (first(p, 4), first(p, 2, 1)),
                                 (SHADES, [[200, 0, 0]] * 2)),
    "light, then inks": (KEEP, "pages-rgb_cmyk.tif", "o.tif",
                         lambda p: (first(p), first(p, 1, 1)), (RED_BLUE, [[255, 0, 0]])),
    "each page its resolution": (KEEP, "pages-dpi-300x300_204x98.tif", "o.tif",
                                 lambda p: [tag(p, n, page) for n in (282, 283, 270) for page in (0, 1)],
                                 [(300, 1), (204, 1), (300, 1), (98, 1), "first page", "second page"]),
    "each page turned by its tag": (KEEP, "pages-orientation-1_6_3.tif", "o.tif",
                                    lambda p: [first(p, 3, n) for n in range(3)],
                                    [[0, 20, 40], [160, 80, 0], [220, 200, 180]]),
    "a profile of one page": (KEEP, "pages-rgb-a98_rgb-noicc.tif", "o.tif",
                              lambda p: [bool(tag(p, 34675, n)) for n in (0, 1)], [True, False]),
    "a grey first frame": (KEEP, "grey-first-frame.gif", "o.gif",
                           lambda p: [one for _, one in frames(p)],
                           [[0, 0, 0, 255], [255, 0, 0, 255], [0, 200, 40, 255]]),
    "numbers under a table": (KEEP, "imagej-fire-lut.tif", "o.tif", stays("imagej-fire-lut.tif"), True),
    "channels under a table": (KEEP, "imagej-green-lut-2channels.tif", "o.tif",
                               stays("imagej-green-lut-2channels.tif"), True),
    "slices under a table": (KEEP, "imagej-green-lut-5slices.tif", "o.tif",
                             stays("imagej-green-lut-5slices.tif"), True),
    "numbers are pooled": (POOL, "imagej-fire-lut.tif", "o.tif",
                           lambda p: (tifffile.imread(p).shape, tag(p, 262)), ((32, 32), 3)),
    "2 bit": (KEEP, "grey-2bit.tif", "o.tif", first, [0, 85, 170, 255]),
    "4 bit": (KEEP, "rgb-4bit.tif", "o.tif", first, [[0, 255, 136], [68, 255, 0]]),
    "12 bit": (KEEP, "grey-12bit.tif", "o.tif", first, [0, 65535, 32776, 16]),
    "12 bit, white is 0": (KEEP, "grey-12bit-miniswhite.tif", "o.png", first, [65535, 0, 32759, 65519]),
    "floats, white is 0": (KEEP, "grey-float-miniswhite.tif", "o.npy", first, [0, 0.25, 0.5, 1]),
    "a palette of two": (KEEP, "palette-1bit.tif", "o.png", lambda p: (first(p)[0], first(p)[7]),
                         ([200, 30, 60], [20, 120, 240])),
    "a palette of 8 bit": (KEEP, "palette-8bit-8bitmap.tif", "o.png", lambda p: first(p, 3),
                           [[0, 0, 0], [37, 91, 53], [74, 182, 106]]),
    "YCbCr without JPEG": (KEEP, "ycbcr-raw-1x1.tif", "o.png", lambda p: first(p, 8),
                           [[254, 0, 0], [0, 255, 1], [0, 0, 254], [255, 255, 255], [0, 0, 0],
                            [201, 120, 41], [10, 200, 190], [128, 128, 128]]),
    "YCbCr of blocks": (KEEP, "ycbcr-raw-2x2.tif", "o.png", lambda p: first(p, 4),
                        [[254, 0, 0]] * 2 + [[0, 0, 254]] * 2),
    "inks in a PAM": (KEEP, "cmyk.pam", "o.png", first,
                      [[255, 0, 0], [0, 255, 255], [0, 0, 0], [255, 255, 255]]),
    "inks and alpha": (KEEP, "cmyk-alpha.tif", "o.png", lambda p: first(p, 2),
                       [[255, 0, 0, 255], [0, 255, 255, 255]]),
    "a fourth sample without a name": (KEEP, "rgba-extrasample0.tif", "o.png", lambda p: first(p, 4), SHADES),
    "a second sample without a name": (KEEP, "greya-extrasample0.tif", "o.png", lambda p: first(p, 2),
                                       [[200, 0], [200, 85]]),
    "BMP of 1555": (KEEP, "bmp-16-1555.bmp", "o.png", first, [[255, 0, 0, 0], [0, 255, 0, 255]]),
    "BMP of 4444": (KEEP, "bmp-16-4444.bmp", "o.png", first, [[255, 0, 0, 136], [0, 255, 0, 255]]),
    "two channels of an array": ("filter -k box:3", "two-channel-field.npy", "o.npy",
                                 lambda p: bool(np.allclose(
                                     np.load(p), cv2.blur(np.load(KINDS / "two-channel-field.npy"), (3, 3),
                                                          borderType=cv2.BORDER_REFLECT_101), atol=1e-5)), True),
    "premultiplied": (KEEP, "rgba-premultiplied.tif", "o.png", lambda p: first(p, 5)[4], pytest.approx([200, 100, 50, 64], abs=2)),
    "premultiplied and sharpened": (SHARPEN, "rgba-premultiplied.tif", "o.png",
                                    lambda p: bool(np.ptp(np.asarray(picture(p))[..., :3], (0, 1)).max() <= 10),
                                    True),
    "XMP and EXIF turned": (KEEP, "orientation6-exif-and-xmp.jpg", "o.jpg",
                            lambda p: (picture(p).size, picture(p).getexif().get(274),
                                       b'Orientation="1"' in p.read_bytes() or b"tiff:Orientation>1" in p.read_bytes()),
                            ((48, 64), 1, True)),
    "orientation as a byte": (KEEP, "orientation6-byte.jpg", "o.png", lambda p: picture(p).size, (48, 64)),
    "orientation as a long": (KEEP, "orientation6-long.jpg", "o.png", lambda p: picture(p).size, (48, 64)),
    "cells on earth": (POOL, "geo-float-nodata.tif", "o.tif", lambda p: tag(p, 33550), (20, 20, 0)),
    "cells without data": (POOL, "geo-float-nodata.tif", "o.tif", lambda p: first(p, 6)[5], 26),
    "a cell without data stays": ("filter -k box:3", "geo-float-nodata.tif", "o.tif",
                                  lambda p: (first(p, 28)[27], first(p, 27)[26]),
                                  (-9999, pytest.approx((17 + 18 + 19 + 25 + 26 + 33 + 34 + 35) / 8))),
    "layers": (KEEP, "photoshop-layers.tif", "o.tif", lambda p: (first(p), tag(p, 37724), tag(p, 34377)),
               (RED_BLUE, None, None)),
    "IPTC": (KEEP, "iptc-caption-copyright.jpg", "o.tif", lambda p: b"Lake at dawn" in tag(p, 33723), True),
    "a comment in Latin-1": (KEEP, "comment-latin1.jpg", "o.jpg",
                             lambda p: "Été à Zürich".encode("latin-1") in p.read_bytes(), True),
    "a GIF's comment": (KEEP, "comment.gif", "o.png", lambda p: picture(p).info.get("Comment"), "taken by me"),
    "resolution in EXIF alone": (KEEP, "dpi300-exif-only.jpg", "o.png",
                                 lambda p: [round(n) for n in picture(p).info["dpi"]], [300, 300]),
    "a BMP's profile": (KEEP, "bmp-v5-icc.bmp", "o.png", lambda p: "icc_profile" in picture(p).info, True),
    "light that is linear": (KEEP + " --to-srgb", "gama-linear.png", "o.png", lambda p: first(p, 16)[8], 188),
    "Adobe RGB of a camera": (KEEP + " --to-srgb", "adobergb-dcf-no-icc.jpg", "o.png",
                              lambda p: (b"R03" in p.read_bytes(), first(p, 1)[0][0] - picture(
                                  KINDS / "adobergb-dcf-no-icc.jpg").getpixel((0, 0))[0] > 100), (False, False)),
    "a profile of inks in RGB": (KEEP, "cmyk-icc.tif", "o.tif", lambda p: (first(p, 2), tag(p, 34675)),
                                 ([[255, 0, 0], [0, 255, 255]], None)),
    "lossless WebP": (KEEP, "lossless.webp", "o.webp",
                      lambda p: np.array_equal(np.asarray(picture(p)), np.asarray(picture(KINDS / "lossless.webp"))),
                      True),
    "WebP's frames": (KEEP, "anim.webp", "o.png", frames, ANIMATION),
    "APNG's frames": (KEEP, "anim.png", "o.webp", frames, ANIMATION),
    "GIF's times": (KEEP, "grey-first-frame.gif", "o.webp", lambda p: [time for time, _ in frames(p)], [100] * 3),
    "0 to 1, NaN apart": (KEEP + " --range rescale", "float-100-200-nan.npy", "o.npy",
                          lambda p: (float(np.nanmin(np.load(p))), float(np.nanmax(np.load(p))),
                                     int(np.isnan(np.load(p)).sum())), (0, 1, 1)),
    "brightness alone": ("filter -k gaussian:1 --luma", "colour-alpha.png", "o.png",
                         lambda p: bool((np.asarray(picture(p))[..., 3]
                                         == np.asarray(picture(KINDS / "colour-alpha.png"))[..., 3]).all()),
                         True),
    "lines that come later": (KEEP, "dnl.jpg", "o.png", lambda p: picture(p).size, (64, 48)),
    "no end marker": (KEEP, "no-eoi.jpg", "o.png", lambda p: picture(p).size, (64, 48)),
}  # fmt: skip


def run(line: str, file: Path, out: Path, capfd: pytest.CaptureFixture[str]) -> tuple[int, str]:
    status = cli.main([*shlex.split(line), str(file), "-o", str(out)])
    return status, capfd.readouterr().err


@pytest.mark.parametrize("row", PIXELS)
def test_the_pixels_are_right(row: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    line, name, target, found, right = PIXELS[row]
    status, said = run(line, KINDS / name, tmp_path / target, capfd)
    assert status == 0, said
    assert found(tmp_path / target) == right


def test_a_page_is_sharpened_as_if_it_were_alone(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    source = KINDS / "pages-rgba-rgb-noise.tif"
    tifffile.imwrite(tmp_path / "alone.tif", tiff(source).pages[1].asarray())
    for file, out in ((source, "both.tif"), (tmp_path / "alone.tif", "one.tif")):
        assert run(SHARPEN, file, tmp_path / out, capfd)[0] == 0
    assert first(tmp_path / "both.tif", 64, 1) == first(tmp_path / "one.tif", 64)


NOTES = {  # row: command, file, output, what is said
    "a numbers' table": (KEEP, "imagej-fire-lut.tif", "o.tif", "the table is kept"),
    "fax": (KEEP, "scan-fax-then-colour.tif", "o.tif", "2 pages of different sizes or types"),
    "floats, white is 0": (KEEP, "grey-float-miniswhite.tif", "o.tif", "the file shows 0 as white"),
    "a sample without a name": (KEEP, "rgba-extrasample0.tif", "o.png", "alpha"),
    "layers": (KEEP, "photoshop-layers.tif", "o.tif", "Photoshop's layers are left out"),
    "a gain map": (KEEP, "ultra-hdr-gainmap.jpg", "o.jpg", "its gain map"),
    "stereo": (KEEP, "stereo.mpo.jpg", "o.jpg", "only the first of its pictures"),
    "two JPEGs": (KEEP, "two-jpegs-concatenated.jpg", "o.jpg", "only the first of the several"),
    "two PNGs": (KEEP, "two-pngs-concatenated.png", "o.png", "only the first of the several"),
    "chunks": (KEEP, "sbit-bkgd-time.png", "o.png", "sBIT, tIME are left out"),
    "gamma into JPEG": (KEEP, "gama-linear.png", "o.jpg", "gAMA"),
    "cICP into JPEG": (KEEP, "cicp-pq.png", "o.jpg", "cICP"),
    "a comment into BMP": (KEEP, "comment.gif", "o.bmp", "comment"),
    "IPTC into WebP": (KEEP, "iptc-caption-copyright.jpg", "o.webp", "IPTC"),
    "inks": (KEEP, "cmyk-icc.tif", "o.tif", "its profile is none of inks and is left out"),
    "frames into JPEG": (KEEP, "anim.png", "o-{page}.jpg", "the times of the frames"),
    "no end marker": (KEEP, "no-eoi.jpg", "o.png", "the picture is whole"),
}


@pytest.mark.parametrize("row", NOTES)
def test_what_is_lost_or_taken_for_granted_is_said(
    row: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    line, name, target, words = NOTES[row]
    status, said = run(line + " --background white", KINDS / name, tmp_path / target, capfd)
    assert status == 0 and words in said, said
    assert not any(said.count(one) > 1 for one in said.splitlines()), "said twice"


REFUSED = {  # row: first bytes of a file, its name, what is said
    "a raw TIFF": ((KINDS / "camera-like.dng").read_bytes(), "a.dng", "camera raw file"),
    "Fujifilm": (b"FUJIFILMCCD-RAW 0201", "a.raf", "camera raw file (Fujifilm's RAF): develop it first"),
    "Panasonic": (b"IIU\0" + bytes(60), "a.rw2", "camera raw file (Panasonic's RW2)"),
    "JPEG XR": (b"II\xbc\x01" + bytes(60), "a.jxr", "a JPEG XR image"),
    "JPEG 2000": (b"\xff\x4f\xff\x51" + bytes(60), "a.j2k", "a JPEG 2000 codestream"),
    "HEIC in motion": (b"\0\0\0\x18ftyphevc" + bytes(60), "a.heics", "a HEIC sequence"),
    "an iPhone's PNG": ((KINDS / "cgbi-iphone.png").read_bytes(), "a.png", "Apple's own form"),
    "a drawing": (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "a.svg", "an SVG drawing"),
}  # fmt: skip


@pytest.mark.parametrize("row", REFUSED)
def test_it_is_refused_by_its_name(
    row: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    data, name, words = REFUSED[row]
    (tmp_path / name).write_bytes(data)
    status, said = run(KEEP, tmp_path / name, tmp_path / "o.png", capfd)
    assert status == 1 and words in said and said.count("\n") == 1
    assert not (tmp_path / "o.png").exists()


WRONG = {  # row: command, file, output, status, what is said
    "HDR to sRGB": (KEEP + " --to-srgb", "cicp-pq.png", "o.png", 1, "HDR (cICP: PQ)"),
    "too wide for WebP": (
        "upsample --scale 2x16384",
        "orientation6-byte.jpg",
        "o.webp",
        1,
        "16383",
    ),
    "colour as PGM": (KEEP, "colour-alpha.png", "o.pgm", 1, "PGM"),
    "a decimal comma": ("filter -k '0,5 1 0,5'", "no-eoi.jpg", "o.png", 2, "decimal point"),
}


@pytest.mark.parametrize("row", WRONG)
def test_what_cannot_be_is_refused(
    row: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    line, name, target, right, words = WRONG[row]
    status, said = run(line, KINDS / name, tmp_path / target, capfd)
    assert (status, words in said) == (right, True), said
    assert not (tmp_path / target).exists()


@pytest.mark.parametrize("coding", ["utf-16", "utf-16-be", "utf-8-sig"])
def test_a_list_may_begin_with_a_byte_order_mark(tmp_path: Path, coding: str) -> None:
    Image.new("L", (4, 4)).save(tmp_path / "a.png")
    mark = "\ufeff" if coding == "utf-16-be" else ""
    (tmp_path / "list.txt").write_bytes(f"{mark}{tmp_path / 'a.png'}\r\n".encode(coding))
    target = str(tmp_path / "{stem}.tif")
    assert cli.main([*KEEP.split(), "--files-from", str(tmp_path / "list.txt"), "-o", target]) == 0
    assert (tmp_path / "a.tif").exists()


def test_long_xmp_goes_into_a_jpeg(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    words = "x" * 100_000
    packet = f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/" dc:source="{words}"/></rdf:RDF></x:xmpmeta>'  # fmt: skip
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_itxt("XML:com.adobe.xmp", packet)
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png", pnginfo=info)
    assert run(KEEP, tmp_path / "a.png", tmp_path / "b.jpg", capfd)[0] == 0
    assert run(KEEP, tmp_path / "b.jpg", tmp_path / "c.png", capfd)[0] == 0
    assert words in picture(tmp_path / "c.png").info["XML:com.adobe.xmp"]
