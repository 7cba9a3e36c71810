"""HEIC and HEIF, compared with what pillow-heif put in; and what is said without the extra."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

import imgconv
from imgconv import cli
from imgconv.images import open_image

pillow_heif = pytest.importorskip("pillow_heif")
RNG = np.random.default_rng(4)
SMOOTH = np.add.outer(np.arange(64), np.arange(48))[..., None] * np.array([1, 2, 0.5, 1.5])


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def made(name: str, channels: int, bits: int, **more: Any) -> np.ndarray:
    """A file of smooth colours, and these from 0 to 1."""
    share = SMOOTH[..., :channels] / SMOOTH.max()
    mode = {1: "L", 3: "RGB", 4: "RGBA"}[channels]
    if bits > 8:
        mode = "I;16" if channels == 1 else f"{mode};16"
    pixels = (share * (255 if bits == 8 else 65535)).astype(np.uint8 if bits == 8 else np.uint16)
    image = pillow_heif.from_bytes(mode=mode, size=(48, 64), data=pixels.tobytes())
    before = pillow_heif.options.SAVE_HDR_TO_12_BIT
    pillow_heif.options.SAVE_HDR_TO_12_BIT = bits == 12
    try:
        image.save(name, quality=95, chroma=444, **more)
    finally:
        pillow_heif.options.SAVE_HDR_TO_12_BIT = before
    return share


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("bits", [8, 10, 12])
def test_every_depth_and_kind_is_read(channels: int, bits: int) -> None:
    share = made("a.heic", channels, bits)
    found = imgconv.open("a.heic")
    top = 255 if bits == 8 else 65535
    assert found.dtype == (np.uint8 if bits == 8 else np.uint16)
    pixels = found.pixels.reshape(share.shape)
    assert np.abs(pixels / top - share).mean() < 0.01
    assert found.info.alpha == ("straight" if channels == 4 else "none")
    if bits > 8:
        assert f"{bits}-bit samples scaled to 16 bit" in found.notes


def test_white_of_ten_bits_is_white() -> None:
    white = np.full((16, 16, 3), 65535, np.uint16)
    image = pillow_heif.from_bytes(mode="RGB;16", size=(16, 16), data=white.tobytes())
    image.save("a.heic", quality=95)
    assert imgconv.open("a.heic").pixels.max() == 65535


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_pixels_are_upright_and_exif_says_so(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = orientation, "a lake"
    picture = Image.fromarray(SMOOTH[..., :3].astype(np.uint8))
    pillow_heif.from_pillow(picture).save("a.heic", quality=95, exif=exif.tobytes())
    found = imgconv.open("a.heic")
    assert found.shape[:2] == pillow_heif.open_heif("a.heic").size[::-1]
    block = Image.Exif()
    block.load(found.info.exif)
    assert block.get(0x0112, 1) == 1 and block[0x010E] == "a lake"


def test_what_is_said_of_the_image_goes_in_and_out() -> None:
    exif, xmp = Image.Exif(), b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>"
    exif[0x010E] = "a lake"
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.fromarray(SMOOTH[..., :3].astype(np.uint8)).save(
        "a.png", exif=exif.tobytes(), icc_profile=icc
    )
    assert cli.main(["filter", "-k", "identity", "a.png", "-o", "b.heic"]) == 0
    assert cli.main(["filter", "-k", "identity", "b.heic"]) == 0
    again = imgconv.open("b-filter.heic")
    assert again.info.icc == icc and b"a lake" in again.info.exif
    apart = np.abs(again.pixels.astype(int) - imgconv.open("a.png").pixels)
    assert apart.mean() < 3
    made("c.heic", 3, 8, xmp=xmp)
    assert imgconv.open("c.heic").info.xmp is not None


def test_several_images_are_several() -> None:
    file = pillow_heif.HeifFile()
    for size in ((32, 16), (24, 40)):
        file.add_from_pillow(Image.new("RGB", size, "red"))
    file.save("a.heic")
    with open_image("a.heic") as source:
        assert [plane.shape[:2] for plane in source.planes()] == [(16, 32), (40, 24)]
    assert cli.main(["filter", "-k", "identity", "a.heic", "-o", "b.heic"]) == 0
    assert len(pillow_heif.open_heif("b.heic")) == 2


def test_sixteen_bits_are_written_with_ten_and_that_is_said(capfd: Any) -> None:
    steps = (SMOOTH[..., :3] / SMOOTH.max() * 65535).astype(np.uint16)
    np.save("a.npy", steps)
    assert cli.main(["filter", "-k", "identity", "a.npy", "-o", "b.heic"]) == 0
    assert "written with 10 of 16 bits" in capfd.readouterr().err
    assert np.abs(imgconv.open("b.heic").pixels.astype(int) - steps).mean() < 600


def test_without_the_extra_it_is_said_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capfd: Any
) -> None:
    made("a.heic", 3, 8)
    Image.new("L", (4, 4)).save("a.png")
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    for argv in (["info", "a.heic"], ["pool", "a.png", "-o", "b.heic"]):
        assert cli.main(argv) == 1
        err = capfd.readouterr().err
        assert "pip install 'imgconv[heif]'" in err and len(err.splitlines()) == 1


def test_a_damaged_one_is_one_line(capfd: Any) -> None:
    made("a.heic", 3, 8)
    whole = Path("a.heic").read_bytes()
    for content in (whole[: len(whole) // 2], whole[:40] + bytes(400)):
        Path("b.heic").write_bytes(content)
        assert cli.main(["info", "b.heic"]) == 1
        assert len(capfd.readouterr().err.splitlines()) == 1
    with pytest.raises(imgconv.InputError, match="the limit is 100"):
        imgconv.open("a.heic", max_pixels=100)


def test_what_the_encoder_refuses_is_one_line(capfd: Any) -> None:
    Image.new("L", (9000, 4)).save("a.png")
    assert cli.main(["filter", "-k", "blur", "a.png", "-o", "a.heic"]) == 1
    err = capfd.readouterr().err
    err = err.splitlines()[-1]  # kernels may have been compiled before
    assert "HEIF's encoder refuses it" in err and "unexpected" not in err
