"""`--linear`: compared with NumPy and the exact formula of sRGB in float64, and with LittleCMS."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms
from scipy import ndimage

import imgconv
from imgconv import cli

RNG = np.random.default_rng(8)
TOP = {np.uint8: 255.0, np.uint16: 65535.0, np.float32: 1.0}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def decoded(stored: np.ndarray) -> np.ndarray:
    return np.where(stored <= 0.04045, stored / 12.92, ((stored + 0.055) / 1.055) ** 2.4)


def encoded(light: np.ndarray) -> np.ndarray:
    low, high = light * 12.92, 1.055 * np.maximum(light, 0) ** (1 / 2.4) - 0.055
    return np.where(light <= 0.0031308, low, high)


def picture(dtype: Any, *shape: int) -> np.ndarray:
    """Of every brightness, the darks most."""
    return (RNG.random(shape) ** 3 * TOP[dtype]).astype(dtype)


def close(found: np.ndarray, expected: np.ndarray, off: float = 0.01) -> None:
    """Rounded once: equal but where float32 falls on the other side of a half."""
    if found.dtype.kind == "f":
        np.testing.assert_allclose(found, expected, atol=2e-6)
        return
    apart = np.abs(found.astype(int) - np.rint(expected.clip(0, np.iinfo(found.dtype).max)))
    assert apart.max() <= 1 and (apart > 0).mean() < off


@pytest.mark.parametrize("dtype", TOP)
@pytest.mark.parametrize("channels", [1, 3])
def test_blurs_and_resizes_are_those_of_light(dtype: Any, channels: int) -> None:
    pixels, top = picture(dtype, 24, 20, channels), TOP[dtype]
    light = decoded(pixels / top)
    blurred = ndimage.uniform_filter(light, (3, 3, 0), mode="mirror")
    close(imgconv.filter(pixels, "box:3", linear=True), encoded(blurred) * top)
    half = light.reshape(12, 2, 10, 2, channels).mean((1, 3))
    close(imgconv.pool(pixels, method="average", linear=True), encoded(half) * top)
    found = imgconv.upsample(pixels, method="bilinear", linear=True)
    padded = np.pad(light, ((1, 1), (1, 1), (0, 0)), mode="edge")
    rows = np.stack([padded[:-1] * 0.25 + padded[1:] * 0.75,
                     padded[:-1] * 0.75 + padded[1:] * 0.25], 1)  # fmt: skip
    high = np.empty((48, 22, channels))
    high[0::2], high[1::2] = rows[:-1, 0], rows[1:, 1]
    wide = np.empty((48, 40, channels))
    wide[:, 0::2] = high[:, :-2] * 0.25 + high[:, 1:-1] * 0.75
    wide[:, 1::2] = high[:, 1:-1] * 0.75 + high[:, 2:] * 0.25
    close(found, encoded(wide) * top)


@pytest.mark.parametrize("dtype", TOP)
def test_nothing_is_lost_between_the_curves(dtype: Any) -> None:
    every = np.arange(TOP[dtype] + 1).reshape(-1, 1) if dtype is not np.float32 else (
        RNG.normal(size=(64, 8)) * 2)  # fmt: skip
    every = every.astype(dtype)
    found = imgconv.filter(every, "identity", linear=True)
    if dtype is np.float32:
        np.testing.assert_allclose(found, every, rtol=1e-5, atol=1e-7)  # also beyond 0 and 1
    else:
        np.testing.assert_array_equal(found, every)


def test_alpha_has_no_curve() -> None:
    pixels = picture(np.uint8, 9, 9, 4)
    kept = imgconv.filter(pixels, "sharpen", linear=True, channels="rgba")
    np.testing.assert_array_equal(kept[..., 3], pixels[..., 3])
    blurred = imgconv.filter(pixels, "box:3", linear=True, channels="rgba")
    plain = imgconv.filter(pixels, "box:3", channels="rgba")
    np.testing.assert_array_equal(blurred[..., 3], plain[..., 3])
    light, cover = decoded(pixels[..., :3] / 255), pixels[..., 3:] / 255
    sums = ndimage.uniform_filter(light * cover, (3, 3, 0), mode="mirror")
    mean = sums / ndimage.uniform_filter(cover, (3, 3, 0), mode="mirror")
    close(blurred[..., :3], encoded(mean) * 255)


def profile(gammas: tuple[float, ...]) -> bytes:
    """An RGB or grey profile whose channels have these curves."""
    import imagecodecs

    if len(gammas) == 1:
        return imagecodecs.cms_profile("gray", gamma=gammas[0])
    return imagecodecs.cms_profile(
        "rgb", whitepoint=[0.3127, 0.329, 1], gamma=gammas[0],
        primaries=[0.64, 0.33, 1, 0.21, 0.71, 1, 0.15, 0.06, 1],
    )  # fmt: skip


@pytest.mark.parametrize("gammas", [(1.8,), (2.2, 2.2, 2.2), (1.0, 1.0, 1.0)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_the_profile_says_what_light_is(gammas: tuple[float, ...], dtype: Any) -> None:
    pixels, top = picture(dtype, 16, 18, len(gammas)), TOP[dtype]
    more = {"photometric": "rgb"} if len(gammas) == 3 else {"photometric": "minisblack"}
    tifffile.imwrite("a.tif", pixels.squeeze(), iccprofile=profile(gammas), **more)
    assert cli.main(["filter", "-q", "-k", "box:3", "--linear", "a.tif", "-o", "out.tif"]) == 0
    found = tifffile.imread("out.tif").reshape(pixels.shape)
    light = (pixels / top) ** np.array(gammas)
    blurred = ndimage.uniform_filter(light, (3, 3, 0), mode="mirror")
    close(found, blurred ** (1 / np.array(gammas)) * top, off=0.03)  # a profile rounds its gamma


def test_what_littlecms_mixes_in_xyz_is_the_same_colour() -> None:
    """An even mixture of two colours, of which one half of the pixels is: linear in every space."""
    import imagecodecs

    icc = profile((1.8, 1.8, 1.8))
    board = np.empty((16, 16, 3), np.uint16)
    board[::2], board[1::2] = (60000, 3000, 20000), (2000, 50000, 30000)
    Image.new("RGB", (16, 16)).save("a.png")
    tifffile.imwrite("a.tif", board, photometric="rgb", iccprofile=icc)
    found = imgconv.pool("a.tif", method="average", linear=True)

    def xyz(pixels: np.ndarray) -> np.ndarray:
        return imagecodecs.cms_transform(
            pixels, icc, imagecodecs.cms_profile("xyz"), colorspace="rgb", outcolorspace="xyz",
            outdtype=np.float32, flags=imagecodecs.CMS.FLAGS.NOOPTIMIZE,
        )  # fmt: skip

    mean = xyz(board)[:2].mean((0, 1))
    np.testing.assert_allclose(xyz(found)[3, 3], mean, rtol=1e-4)


def test_the_bias_and_the_range_are_in_the_images_levels() -> None:
    pixels = picture(np.uint8, 12, 12, 1)
    light = decoded(pixels / 255)
    lighter = imgconv.filter(pixels, "identity", bias=51, linear=True)
    close(lighter, encoded(light + 0.2) * 255)
    floats = imgconv.filter(pixels, "identity", range="float", linear=True)
    assert floats.dtype == np.float32
    np.testing.assert_allclose(floats, pixels, atol=1e-3)


@pytest.mark.parametrize(
    ("make", "line", "words"),
    [
        ("grey", "filter -k blur --luma --linear a.tif", "--luma is the brightness"),
        ("many", "pool --linear a.tif", "5 channels are neither grey nor RGB"),
        ("lut", "pool --linear a.tif", "numbers under a pseudo-colour table are a measurement"),
        ("other", "pool --linear a.tif", "profile is for GRAY, the image has 3 colours"),
        ("bad", "pool --linear a.tif", "profile cannot be used"),
        ("grey", "upsample --compare --linear a.tif", "does not go with --compare"),
    ],
)
def test_what_has_no_light_is_refused_in_one_line(
    make: str, line: str, words: str, capfd: pytest.CaptureFixture[str]
) -> None:
    grey, colour = np.zeros((8, 8), np.uint8), {"photometric": "rgb"}
    table = np.stack([np.arange(256) * 257, np.zeros(256), np.zeros(256)]).astype(np.uint16)
    made: dict[str, Any] = {
        "grey": (grey, {}),
        "many": (np.zeros((8, 8, 5), np.uint8), {"photometric": "minisblack", "planarconfig": 1}),
        "lut": (grey, {"photometric": "palette", "colormap": table}),
        "other": (np.zeros((8, 8, 3), np.uint8), colour | {"iccprofile": profile((2.2,))}),
        "bad": (np.zeros((8, 8, 3), np.uint8), colour | {"iccprofile": b"\0" * 16 + b"RGB " * 9}),
    }
    pixels, more = made[make]
    tifffile.imwrite("a.tif", pixels, metadata=None, **more)
    assert cli.main([*line.split(), "-o", "out.tif"]) in (1, 2)
    err = capfd.readouterr().err
    assert words in err and len(err.splitlines()) == 1


def test_a_profile_of_tables_is_refused() -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    Image.new("RGB", (4, 4)).save("a.png", icc_profile=lab)
    with pytest.raises(imgconv.InputError, match="profile is for Lab"):
        imgconv.pool("a.png", linear=True)


def test_it_works_in_a_batch_of_threads() -> None:
    for name in "abc":
        pixels = picture(np.uint16, 16, 16, 3)
        tifffile.imwrite(f"{name}.tif", pixels, photometric="rgb", iccprofile=profile((2.2,) * 3))
    line = "upsample -q -m bicubic --linear a.tif b.tif c.tif -o out/ --jobs 2"
    done = subprocess.run([sys.executable, "-m", "imgconv", *line.split()], capture_output=True)
    assert done.returncode == 0, done.stderr
    alone = imgconv.upsample("b.tif", method="bicubic", linear=True)
    np.testing.assert_array_equal(tifffile.imread("out/b.tif"), alone)
