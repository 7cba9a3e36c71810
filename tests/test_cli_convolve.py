"""`imgconv convolve` as it is typed: files, stacks, sheets, pipes, and what is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from imgconv import cli
from imgconv.ops.bank import bank
from imgconv.ops.convolve import Layer
from imgconv.ops.sheet import map_sheet, thumbnail
from imgconv.ops.tones import SIGNED, brief, tones_for

SAMPLES = Path(__file__).parent.parent / "samples"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def photo(name: str, *shape: int, dtype: type = np.uint8) -> np.ndarray:
    pixels = np.random.default_rng(0).integers(0, 256, shape).astype(dtype)
    if name.endswith(".png"):
        Image.fromarray(pixels).save(name)
    else:
        tifffile.imwrite(name, pixels, photometric="minisblack")
    return pixels


def run(capfd: pytest.CaptureFixture[str], *argv: str) -> tuple[int, list[str], str]:
    capfd.readouterr()
    code = cli.main(["convolve", *argv])
    out, err = capfd.readouterr()
    return code, out.splitlines(), err


def expected(pixels: np.ndarray, *kernels: str, **options: object) -> np.ndarray:
    deep = pixels if pixels.ndim == 3 else pixels[..., None]
    return Layer(bank(kernels), **options)(np.ascontiguousarray(deep))  # type: ignore[arg-type]


def test_maps_are_the_pages_of_a_tiff_with_their_names(capfd):
    pixels = photo("a.png", 30, 40, 3)
    code, out, err = run(capfd, "-k", "sobel-x", "-k", "box", "a.png")
    assert (code, out) == (0, ["a-convolve.tif"])
    assert "a.png: 2 maps of 28x38; 2 x (3x3x3 weights + 1 bias) = 56 parameters" in err
    with tifffile.TiffFile("a-convolve.tif") as file:
        assert file.is_imagej and file.series[0].axes == "CYX"
        assert file.imagej_metadata["Labels"] == ["sobel-x", "box"]
        found = file.asarray()
    assert found.dtype == np.float32
    assert np.array_equal(found, expected(pixels, "sobel-x", "box"))


def test_the_number_of_parameters_is_the_lectures(capfd):
    photo("digit.png", 28, 28)
    kernels = ["-k", "box:5"] * 20
    code, _, err = run(capfd, *kernels, "digit.png")
    assert code == 0
    assert "20 maps of 24x24; 20 x (5x5x1 weights + 1 bias) = 520 parameters" in err


def test_an_array_has_the_shape_maps_rows_columns(capfd):
    pixels = photo("a.png", 7, 7)
    assert run(capfd, "-k", "box", "--stride", "2", "a.png", "-o", "a.npy")[0] == 0
    found = np.load("a.npy")
    assert found.shape == (1, 3, 3)
    assert np.array_equal(found, expected(pixels, "box", stride=(2, 2)))


def test_a_map_of_one_column_keeps_its_axes(capfd):
    photo("a.png", 9, 3)
    assert run(capfd, "-k", "box", "-k", "outline", "a.png", "-o", "a.npy")[0] == 0
    assert np.load("a.npy").shape == (2, 7, 1)


def test_a_stack_gives_maps_of_every_plane_and_keeps_its_pixel_size(capfd):
    source = SAMPLES / "cells" / "timelapse.ome.tif"
    argv = ("-k", "sobel-x", "-k", "box", "-k", "outline", "--stride", "2", str(source))
    assert run(capfd, *argv, "-o", "maps.tif")[0] == 0
    assert run(capfd, *argv, "-o", "maps.npy")[0] == 0
    planes = tifffile.imread(source).reshape(8, 128, 128)
    wanted = [expected(p, "sobel-x", "box", "outline", stride=(2, 2)) for p in planes]
    with tifffile.TiffFile("maps.tif") as file:
        assert file.series[0].axes == "TCYX" and file.series[0].shape == (4, 6, 63, 63)
        assert np.array_equal(file.asarray().reshape(8, 3, 63, 63), wanted)
        x = file.pages.first.tags["XResolution"].value
        assert x[1] / x[0] == pytest.approx(0.65, rel=1e-6)  # µm: twice the source's 0.325
    assert np.array_equal(np.load("maps.npy"), wanted)


def test_planes_along_axes_that_imagej_has_no_order_for_follow_each_other(capfd):
    pixels = np.random.default_rng(1).random((2, 3, 12, 14), np.float32)
    tifffile.imwrite("czyx.ome.tif", pixels, metadata={"axes": "CZYX"})
    assert run(capfd, "-k", "box", "-k", "outline", "czyx.ome.tif", "-o", "m.tif")[0] == 0
    with tifffile.TiffFile("m.tif") as file:
        assert len(file.pages) == 12 and file.is_imagej
        found = file.asarray().reshape(6, 2, 10, 12)
    planes = pixels.reshape(6, 12, 14)
    assert np.array_equal(found, [expected(p, "box", "outline") for p in planes])


def test_alpha_is_left_out_and_said(capfd):
    pixels = photo("a.png", 20, 20, 4)
    code, _, err = run(capfd, "-k", "sharpen", "a.png", "-o", "a.npy")
    assert code == 0 and "alpha is left out" in err
    assert np.array_equal(np.load("a.npy"), expected(pixels[..., :3], "sharpen"))


def test_a_bank_with_weights_for_alpha_sees_it(capfd):
    pixels = photo("a.png", 20, 20, 4)
    weights = np.random.default_rng(2).random((2, 4, 3, 3), np.float32)
    np.save("bank.npy", weights)
    code, _, err = run(capfd, "-k", "bank.npy", "a.png", "-o", "out.npy")
    assert code == 0 and "alpha" not in err
    assert np.array_equal(np.load("out.npy"), expected(pixels, "bank.npy"))


def test_options_reach_the_layer(capfd):
    pixels = photo("a.png", 21, 23, 3)
    argv = ["-k", "1 2; 3 4", "-k", "0 1; -1 0", "--padding", "same", "--stride", "2x1"]
    argv += ["--dilation", "1x2", "--flip", "--per-channel", "--activation", "tanh"]
    argv += ["--scale", "1/255", "--bias", "1 -1/2", "a.png", "-o", "o.npy"]
    assert run(capfd, *argv)[0] == 0
    stencils = bank(["1 2; 3 4", "0 1; -1 0"], ["1", "-1/2"], 1 / 255)
    layer = Layer(stencils, (2, 1), "same", (1, 2), "tanh", per_channel=True, flip=True)
    found = np.load("o.npy")
    assert found.shape == (6, 11, 23)
    assert np.allclose(found, layer(pixels), atol=1e-6)


def test_a_picture_is_a_sheet_of_the_image_and_its_maps(capfd):
    for suffix in ("png", "jpg", "webp"):
        name = f"sheet.{suffix}"
        code, out, _ = run(
            capfd, "-k", "sobel-x", "-k", "box", str(SAMPLES / "fruit.jpg"), "-o", name
        )
        assert (code, out) == (0, [name])
        with Image.open(name) as picture:
            assert picture.mode == "RGB" and picture.width > 3 * 300


def test_pages_of_a_stack_become_sheets_of_their_own(capfd):
    source = str(SAMPLES / "cells" / "timelapse.ome.tif")
    code, _, err = run(capfd, "-k", "sobel-x", source, "-o", "sheet.png")
    assert code == 1 and "{page}" in err and not Path("sheet.png").exists()
    code, out, _ = run(capfd, "-k", "sobel-x", source, "-o", "sheet-{page:02}.png")
    assert code == 0 and out == [f"sheet-{n:02}.png" for n in range(1, 9)]


def test_maps_go_through_pipes():
    pixels = photo("a.png", 16, 18, 3)
    command = [sys.executable, "-m", "imgconv", "convolve", "-k", "box", "-", "--format"]
    data = Path("a.png").read_bytes()
    for format, read in (("npy", np.load), ("tiff", tifffile.imread)):
        done = subprocess.run([*command, format], input=data, capture_output=True, check=True)
        Path("out").write_bytes(done.stdout)
        assert np.array_equal(read("out").reshape(1, 14, 16), expected(pixels, "box"))


def test_json_says_how_many_maps_and_parameters(capfd):
    photo("a.png", 10, 10, 3)
    code, out, _ = run(capfd, "--json", "-k", "box", "--per-channel", "a.png")
    record = json.loads(out[0])
    assert code == 0 and (record["maps"], record["parameters"]) == (3, 10)


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        ([], "convolve needs --kernel"),
        (["-k", "box", "--stride", "0"], "--stride 0: must be 1 or more"),
        (["-k", "box", "--stride", "-1"], "--stride -1"),
        (["-k", "box", "--dilation", "two"], "--dilation two"),
        (["-k", "box", "--padding", "some"], "--padding some: allowed are valid, same, full"),
        (["-k", "box", "-k", "box:5"], "'box' is 3x3, 'box:5' is 5x5"),
        (["-k", "box", "--bias", "1 2"], "--bias gives 2 numbers, the layer has 1 stencil"),
        (["-k", "sharpn"], "did you mean 'sharpen'?"),
        (["-k", "sobel"], "--kernel sobel-x --kernel sobel-y"),
    ],
)
def test_a_wrong_command_line_is_one_line_and_writes_nothing(capfd, argv, words):
    photo("a.png", 10, 10)
    code, out, err = run(capfd, *argv, "a.png")
    assert (code, out) == (2, []) and words in err and len(err.splitlines()) == 1
    assert [p.name for p in Path().iterdir()] == ["a.png"]


def test_a_file_that_does_not_fit_fails_and_the_others_are_done(capfd):
    photo("a.png", 2, 9)
    photo("b.png", 9, 9)
    code, out, err = run(capfd, "-k", "box", "a.png", "b.png")
    assert (code, out) == (1, ["b-convolve.tif"])
    assert "a.png: a window of 3x3 is larger than the image, 2x9" in err
    assert not Path("a-convolve.tif").exists()


def test_signed_maps_have_a_neutral_zero_and_others_are_grey():
    values = np.linspace(-3, 7, 101, dtype=np.float32).reshape(1, 101)
    tones = tones_for(values)
    assert tones.signed and tones.low == -tones.high
    assert tuple(tones.colours(np.zeros((1, 1), np.float32))[0, 0]) == SIGNED[2]
    left, right = tones.colours(np.array([[-7, 7]], np.float32))[0].astype(int)
    assert left[2] > left[0] and right[0] > right[2]
    grey = tones_for(values + 3)
    assert not grey.signed
    colours = grey.colours(values + 3)
    assert (colours == colours[..., :1]).all()
    assert (np.diff(colours[0, :, 0].astype(int)) >= 0).all()


def test_flat_empty_and_infinite_maps_have_tones():
    for value in (0, 5, -5, np.nan, np.inf):
        flat = np.full((4, 4), value, np.float32)
        assert tones_for(flat).colours(flat).shape == (4, 4, 3)
    assert brief(-0.0) == "0" and brief(1020) == "1020" and brief(-0.5234) == "-0.523"


def test_dark_16_bit_images_are_shown_stretched():
    dark = np.linspace(100, 3000, 400).astype(np.uint16).reshape(20, 20, 1)
    found = thumbnail(dark, 20)
    assert found.min() == 0 and found.max() == 255
    bright = thumbnail(dark * 20, 20)
    assert bright.min() == 2000 >> 8 and bright.max() == 60000 >> 8


@pytest.mark.parametrize("size", [(1, 1), (14, 14), (600, 20), (20, 600), (900, 1200)])
@pytest.mark.parametrize("count", [1, 7, 40])
def test_a_sheet_of_any_size_fits_a_screen_or_scrolls(size, count):
    maps = np.random.default_rng(0).standard_normal((count, *size)).astype(np.float32)
    found = map_sheet(np.zeros((*size, 3), np.uint8), maps, "input", ["x" * 80] * count)
    assert found.dtype == np.uint8 and found.shape[2] == 3
    assert max(found.shape) <= 6000


def test_pages_that_differ_give_maps_of_their_own(capfd):
    rng = np.random.default_rng(1)
    pages = [rng.integers(0, 256, shape, np.uint8) for shape in ((9, 8), (6, 7, 3), (6, 7, 4))]
    with tifffile.TiffWriter("mixed.tif") as tiff:
        for page in pages:
            extra = {"extrasamples": ["unassalpha"]} if page.shape[2:] == (4,) else {}
            tiff.write(page, metadata=None, photometric="rgb" if page.ndim > 2 else None, **extra)
    assert run(capfd, "-k", "sobel-x", "-k", "box:3", "mixed.tif", "-o", "maps.tif")[0] == 0
    with tifffile.TiffFile("maps.tif") as tiff:
        found = [page.asarray() for page in tiff.pages]
    alone = []
    for page in pages:
        page = page[..., :3] if page.ndim > 2 else page
        tifffile.imwrite("one.tif", page, photometric="rgb" if page.ndim > 2 else None)
        run(capfd, "-k", "sobel-x", "-k", "box:3", "one.tif", "-o", "one-maps.tif", "--force")
        alone += list(tifffile.imread("one-maps.tif"))
    assert len(found) == len(alone) == 6
    for one, other in zip(found, alone, strict=True):
        np.testing.assert_array_equal(one, other)
