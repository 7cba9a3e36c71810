"""Large images pass in bands: files are those of whole planes, to the bit; memory is flat."""

from __future__ import annotations

import io
import resource
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import denoise_standin
import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image as Pillow

from imgconv import cli
from imgconv.cli.console import Console
from imgconv.engine import rows, streaming
from imgconv.images import Image, bands, open_image
from imgconv.images.pyramid import level_sizes, shrink
from imgconv.steps import bands as step_bands
from imgconv.tasks.denoise import crosshair, large_micro, large_photo
from imgconv.tasks.denoise.read import percentile
from imgconv.tasks.large_plane import LargePlane

SHAPE = (301, 270)
COMMANDS = (
    "filter -k gaussian:1.5 -k sharpen",
    "filter -k sobel --border wrap --range float",
    "pool --size 3 --stride 2 --padding 1 -m average",
    "upsample -m bicubic --scale 1.5",
)


def pixels(dtype: Any = np.uint8, channels: int = 1) -> np.ndarray:
    rng = np.random.default_rng(5)
    shape = SHAPE if channels == 1 else (*SHAPE, channels)
    if np.dtype(dtype).kind == "f":
        return rng.normal(0.5, 0.2, shape).astype(dtype)
    return rng.integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


TIFFS: dict[str, dict[str, Any]] = {
    "tiled": {"tile": (32, 48), "compression": "zlib", "predictor": True},
    "jpeg": {"tile": (64, 64), "compression": "jpeg"},
    "strips": {"rowsperstrip": 7, "compression": "lzw", "predictor": True},
    "packbits": {"rowsperstrip": 16, "compression": "packbits"},
    "plain": {"rowsperstrip": 5},
    "big": {"rowsperstrip": 11, "compression": "zstd", "bigtiff": True},
    "white": {"photometric": "miniswhite", "tile": (16, 16)},
    "big-endian": {"byteorder": ">", "rowsperstrip": 9, "compression": "lzw", "predictor": True},
}


@pytest.fixture
def small_bands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bands, "BAND", 9000)
    monkeypatch.setattr(bands, "LARGE", 0)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(line: str) -> str:
    console = Console(io.StringIO(), io.StringIO(), io.StringIO())
    assert cli.main(line.split(), console) == 0, console.stderr.getvalue()
    return str(console.stderr.getvalue())


def in_both_ways(
    line: str, name: str, monkeypatch: pytest.MonkeyPatch, *, streams: bool = True
) -> tuple[Path, Path]:
    """What a command makes of a file as a whole, and in bands; both say the same."""
    suffix = Path(name).suffix
    seen: list[int] = []
    rows = bands.RowReader.rows

    def watched(self: Any, top: int, bottom: int) -> np.ndarray:
        seen.append(bottom - top)
        return rows(self, top, bottom)

    monkeypatch.setattr(bands.RowReader, "rows", watched)
    large = step_bands.large_plane

    def looked_at(image: Image, plane: int) -> LargePlane:
        made = large(image, plane)

        def read(rows: slice, columns: slice) -> np.ndarray:
            seen.append(rows.stop - rows.start)
            return made.read(rows, columns)

        return replace(made, read=read)

    monkeypatch.setattr(step_bands, "large_plane", looked_at)
    said = run(f"{line} {name} -o whole{suffix} -f")
    assert not seen
    with monkeypatch.context() as small:
        small.setattr(bands, "BAND", 9000)
        small.setattr(bands, "LARGE", 0)
        assert run(f"{line} {name} -o bands{suffix} -f") == said
    assert (len(seen) > 1) == streams
    return Path(f"whole{suffix}"), Path(f"bands{suffix}")


def equal(whole: Path, banded: Path) -> None:
    with tifffile.TiffFile(whole) as a, tifffile.TiffFile(banded) as b:
        assert len(a.pages) == len(b.pages)
        for one, other in zip(a.pages, b.pages, strict=True):
            np.testing.assert_array_equal(one.asarray(), other.asarray())
            assert one.keyframe.tile == other.keyframe.tile
            for tag in (258, 259, 262, 270, 277, 282, 283, 296, 305, 317, 339):
                assert one.tags.valueof(tag) == other.tags.valueof(tag), tag
        assert [s.axes for s in a.series] == [s.axes for s in b.series]


@pytest.mark.parametrize("layout", TIFFS)
@pytest.mark.parametrize("line", COMMANDS)
def test_tiffs_of_every_layout(
    line: str, layout: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    how = dict(TIFFS[layout])
    order = how.pop("byteorder", "<")
    dtype = np.uint8 if layout in ("jpeg", "packbits", "white") else np.uint16
    tifffile.imwrite("a.tif", pixels(dtype), byteorder=order, resolution=(300, 200), **how)
    equal(*in_both_ways(line, "a.tif", monkeypatch))


@pytest.mark.parametrize("line", COMMANDS)
def test_colours_floats_and_stacks(
    line: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tifffile.imwrite("rgb.tif", pixels(channels=3), tile=(32, 32), compression="zlib")
    tifffile.imwrite("float.tif", pixels(np.float32), rowsperstrip=13)
    stack = np.stack([pixels(np.uint16), pixels(np.uint16)[::-1]])
    tifffile.imwrite(
        "stack.ome.tif", stack, metadata={"axes": "TYX"}, compression="zlib", rowsperstrip=8
    )
    tifffile.imwrite("imagej.tif", stack, imagej=True, metadata={"axes": "ZYX", "unit": "um"})
    for name in ("rgb.tif", "float.tif", "stack.ome.tif"):
        equal(*in_both_ways(line, name, monkeypatch))
    equal(*in_both_ways(line, "imagej.tif", monkeypatch, streams=False))


@pytest.mark.parametrize("layout", TIFFS)
def test_samples_in_planes_of_their_own(
    layout: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    how = {"byteorder": "<", **TIFFS[layout]}
    kind, wide = how.pop("photometric", "rgb"), layout in ("jpeg", "packbits", "white")
    planes = np.moveaxis(pixels(np.uint8 if wide else np.uint16, 3), 2, 0)
    kind = "rgb" if kind == "miniswhite" else kind
    tifffile.imwrite("a.tif", planes, planarconfig="separate", photometric=kind, **how)
    for line in COMMANDS:
        equal(*in_both_ways(line, "a.tif", monkeypatch))


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.int32, np.uint32, np.float16, np.float64])
def test_numbers_that_become_floats(
    dtype: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = (pixels(np.uint8).astype(np.int64) - (0 if np.dtype(dtype).kind == "u" else 100)) // 2
    tifffile.imwrite("a.tif", numbers.astype(dtype), tile=(32, 48), compression="zlib")
    for line in COMMANDS:
        equal(*in_both_ways(line, "a.tif", monkeypatch))


def test_integers_that_floats_do_not_hold_are_refused_in_bands(
    folder: Path, small_bands: None
) -> None:
    numbers = pixels(np.uint8).astype(np.int32)
    numbers[-1, -1] = 2**24 + 1
    tifffile.imwrite("a.tif", numbers, rowsperstrip=8)
    console = Console(io.StringIO(), io.StringIO(), io.StringIO())
    assert cli.main(["filter", "-k", "sharpen", "a.tif", "-o", "b.tif"], console) == 1
    assert "do not fit float32 exactly" in console.stderr.getvalue()
    assert not Path("b.tif").exists()


@pytest.mark.parametrize(
    "line",
    [
        "filter -k laplacian --range rescale",
        "filter -k sharpen --range rescale --linear",
        "filter -k sobel --luma --range rescale",
        "filter -k box:9 --linear",
        "filter -k box:9 -k sharpen -k gaussian:12",
        "filter -k gaussian:11 --range float",
    ],
)
def test_what_is_known_of_all_or_runs_down_the_columns(
    line: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = pixels(channels=4)
    tifffile.imwrite("rgba.tif", found, rowsperstrip=16, extrasamples=["unassalpha"])
    tifffile.imwrite("rgb.tif", found[..., :3], tile=(32, 32))
    real = pixels(np.float32)
    real[3, 4] = np.nan
    tifffile.imwrite("nan.tif", real, tile=(32, 48))
    tifffile.imwrite("real.tif", pixels(np.float32), rowsperstrip=13)
    for name in ("rgba.tif", "rgb.tif", "nan.tif", "real.tif"):
        equal(*in_both_ways(line, name, monkeypatch))


@pytest.mark.parametrize("empty", [0, 7, float("nan")])
@pytest.mark.parametrize(
    "line",
    ["filter -k gaussian:1.5", "filter -k sharpen -k median:5", "filter -k box:9",
     "pool --size 3 --stride 2", "pool -m average", "upsample -m bilinear --scale 1.5"],
)  # fmt: skip
def test_cells_without_data(
    line: str, empty: float, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = np.isnan(empty)
    two = pixels(np.float32 if real else np.uint8, 2)
    two[two == empty] = 1
    for channel in (0, 1):
        name, cells = f"{channel}.tif", two.copy()
        cells[200:205, 40:90, channel] = empty
        cells[::40, ::9, channel] = empty
        tag = (42113, 2, 0, f"{empty:g}", True)
        how: Any = {"photometric": "minisblack", "planarconfig": "contig", "rowsperstrip": 8}
        tifffile.imwrite(name, cells, extratags=[tag], extrasamples=[0], **how)
        equal(*in_both_ways(line, name, monkeypatch))
    tifffile.imwrite("one.tif", cells[..., 1], extratags=[tag], rowsperstrip=8)
    if line.startswith("filter"):
        equal(*in_both_ways(f"{line} --range rescale", "one.tif", monkeypatch))


@pytest.mark.parametrize("every", [False, True])
@pytest.mark.parametrize(
    "line",
    ["filter -k gaussian:1.5 --linear", "filter -k sharpen -k median:5", "filter -k box:9",
     "pool --size 3 --stride 2 --linear", "pool -m average", "upsample -m bilinear --scale 1.5"],
)  # fmt: skip
def test_pixels_without_data_beside_alpha_and_in_light(
    line: str, every: bool, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """every: all pixels have data after all."""
    found = pixels(channels=4)
    found[..., 3] = 255
    found[..., :3][(found[..., :3] == 0).all(2)] = 1
    if not every:
        found[200:205, 40:90, :3] = found[::40, ::9, :3] = 0
    tag = (42113, 2, 0, "0", True)
    how: Any = {"photometric": "rgb", "rowsperstrip": 8, "extratags": [tag]}
    tifffile.imwrite("a.tif", found, extrasamples=[2], **how)
    tifffile.imwrite("p.tif", np.minimum(found, found[..., 3:]), extrasamples=[1], **how)
    tifffile.imwrite("b.tif", found[..., :3], **how)
    for name in ("a.tif", "p.tif", *(["b.tif"] if "--linear" in line else [])):
        equal(*in_both_ways(line, name, monkeypatch))


@pytest.mark.parametrize("hidden", [False, True])
def test_alpha_light_and_large_gaussians(
    hidden: bool, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = pixels(channels=4)
    found[..., 3] = 255
    found[250:260, 100:120, 3] = 7 if hidden else 255
    tifffile.imwrite("a.tif", found, rowsperstrip=16, extrasamples=["unassalpha"])
    tifffile.imwrite("b.tif", pixels(), tile=(32, 32))
    premultiplied = found.copy()
    premultiplied[..., :3] = found[..., :3] * (found[..., 3:] / 255)
    tifffile.imwrite("p.tif", premultiplied, photometric="rgb", tile=(32, 32), extrasamples=[1])
    for line in ("filter -k gaussian:1.5", "filter -k sharpen --linear", "pool -m average",
                 "upsample -m bilinear --linear"):  # fmt: skip
        equal(*in_both_ways(line, "a.tif", monkeypatch))
        equal(*in_both_ways(line, "p.tif", monkeypatch))
    equal(*in_both_ways("filter -k gaussian:11", "b.tif", monkeypatch))


@pytest.mark.parametrize("suffix", [".npy", ".pgm", ".ppm", ".pam", ".png"])
def test_formats_of_rows(suffix: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imgconv.images.formats.png.read.LARGE", 0)
    np.save("a.npy", pixels(channels=3 if suffix != ".pgm" else 1))
    if suffix != ".npy":
        run(f"filter -k identity a.npy -o a{suffix}")
    for line in ("filter -k sharpen --bias 3", "pool -m max"):
        whole, banded = in_both_ways(line, f"a{suffix}", monkeypatch)
        assert whole.read_bytes() == banded.read_bytes()


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("filter -k sharpen --depth 8", "a.tif"),
    ],
)
def test_what_cannot_pass_in_bands_is_done_as_a_whole(
    line: str, name: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tifffile.imwrite("a.tif", pixels(np.uint16), tile=(32, 32))
    monkeypatch.setattr(bands, "LARGE", 0)
    monkeypatch.setattr(bands.RowReader, "rows", lambda *_: pytest.fail("in bands"))
    run(f"{line} {name} -o out.tif")


@pytest.mark.parametrize(
    "more",
    [
        "-k sobel-x -k sobel-y -k sharpen --bias 3 --activation relu",
        "-k sobel-x -k laplacian --per-channel --padding full --stride 2x3 --dilation 3",
        "-k gaussian:2 --padding 20x4 --stride 3 --activation tanh",
    ],
)
def test_feature_maps_are_made_band_by_band(
    more: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tifffile.imwrite("a.tif", pixels(), tile=(32, 48), compression="zlib")
    tifffile.imwrite("rgb.tif", pixels(np.uint16, 3), rowsperstrip=13)
    for name in ("a.tif", "rgb.tif"):
        equal(*in_both_ways(f"convolve {more}", name, monkeypatch))
    np.save("s.npy", np.stack([pixels(), pixels()[::-1]])[..., None])
    whole, banded = in_both_ways(f"convolve {more}", "s.npy", monkeypatch)
    assert whole.read_bytes() == banded.read_bytes()


def test_sheets_of_large_maps_show_what_those_of_the_whole_do(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wave = 120 + 50 * np.sin(np.add.outer(np.arange(1501) / 70, np.arange(1270) / 90))
    colours = np.stack([wave, wave[::-1], wave * 0.5], axis=2).astype(np.uint8)
    tifffile.imwrite("rgb.tif", colours, tile=(64, 48))
    line = "convolve -k sobel-x -k sharpen --stride 1x2 rgb.tif -f"
    run(f"{line} -o whole.png")
    monkeypatch.setattr(bands, "LARGE", 0)
    monkeypatch.setattr(bands, "BAND", 90_000)
    run(f"{line} -o bands.png")
    whole, banded = (imagecodecs.imread(f"{name}.png").astype(int) for name in ("whole", "bands"))
    assert whole.shape == banded.shape and not np.array_equal(whole, banded)
    assert np.abs(whole - banded).mean() < 1.5


@pytest.fixture
def few_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks have little memory."""
    monkeypatch.setattr(streaming, "PIXELS", 1)
    monkeypatch.setattr(rows, "TOGETHER", 24)
    for module in (large_photo, large_micro, crosshair):
        monkeypatch.setattr(module, "run_rows", partial(rows.run_rows, memory=1 << 20))
    monkeypatch.setattr("imgconv.tasks.large_plane.BAND", 9000)
    monkeypatch.setattr("imgconv.tasks.denoise.classical.ROWS", 80)


@pytest.mark.parametrize("more", ["", "--luma 0.9 --chroma 0.2 --sigma 6"])
def test_noise_is_taken_out_band_by_band(
    more: str, folder: Path, few_rows: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The level is that of the whole: clipped places, greys stored as colours, 16 bits."""
    model = denoise_standin.photo(folder, (0.03, 0.05))
    rng = np.random.default_rng(2)
    plane = np.clip(rng.normal(120, 60, (*SHAPE, 3)), 0, 255).astype(np.uint8)
    plane[:90] = np.clip(plane[:90], 90, 200)
    grey = np.repeat(plane[..., :1], 3, axis=2)
    tifffile.imwrite("rgb.tif", plane, tile=(32, 48), compression="zlib")
    tifffile.imwrite("grey.tif", grey, tile=(64, 64))
    tifffile.imwrite("deep.tif", plane[..., 0].astype(np.uint16) * 100, rowsperstrip=9)
    seen = np.concatenate([plane, np.full((*SHAPE, 1), 255, np.uint8)], axis=2)
    seen[40:60, 9:90, 3] = 0
    tifffile.imwrite("alpha.tif", seen, photometric="rgb", extrasamples=[2], tile=(32, 48))
    real = (plane / 255).astype(np.float32)
    tifffile.imwrite("real.tif", real, photometric="rgb", rowsperstrip=9)
    real[80:90, 5:20] = np.nan
    real[200, :7, 1] = -9999
    tifffile.imwrite("holes.tif", real, photometric="rgb", rowsperstrip=8)
    tifffile.imwrite("signed.tif", (plane[..., 0].astype(np.int16) - 9), rowsperstrip=7)
    names = ("rgb", "grey", "deep", "alpha", "real", "holes", "signed")
    for name in names:
        equal(*in_both_ways(f"denoise --model {model} {more}", f"{name}.tif", monkeypatch))


@pytest.mark.parametrize("more", ["", "--sigma 6 --strength 0.8"])
def test_micrographs_are_cleaned_band_by_band(
    more: str, folder: Path, few_rows: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Camera, level, means around every place and in all, and the sums of integers are those of
    the whole."""
    model = denoise_standin.photo(folder, kind="micro")
    shape = (700, SHAPE[1])
    light = 200 + 150 * np.sin(np.add.outer(np.arange(shape[0]) / 31, np.arange(shape[1]) / 17))
    rng = np.random.default_rng(6)
    seen = 5 * (rng.poisson(light) + rng.normal(0, 2, shape)) + 100
    deep = seen.clip(0, 65535).astype(np.uint16)
    tifffile.imwrite("deep.tif", deep, tile=(64, 32), compression="zlib")
    eight = np.stack([seen / 12, seen[::-1] / 11, seen / 13, seen * 0 + 255], axis=2)
    eight[300:310, 20:40, 3] = 0
    eight = eight.clip(0, 255).astype(np.uint8)
    tifffile.imwrite("alpha.tif", eight, photometric="rgb", extrasamples=[2], rowsperstrip=9)
    real = seen.astype(np.float32)
    real[100:104, 9] = np.nan
    tifffile.imwrite("real.tif", real, rowsperstrip=9)
    tifffile.imwrite("even.tif", np.full(shape, 7, np.uint16), rowsperstrip=9)
    for name in ("deep", "alpha", "real", "even"):
        equal(*in_both_ways(f"denoise --model {model} {more}", f"{name}.tif", monkeypatch))


@pytest.mark.parametrize("kind", ["photo", "micro"])
def test_the_mean_of_orientations_comes_band_by_band(
    kind: str, folder: Path, few_rows: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = denoise_standin.photo(folder, kind=kind)
    monkeypatch.setattr("imgconv.tasks.tile_file.SIDE", 48)
    rng = np.random.default_rng(8)
    plane = np.clip(rng.normal(120, 40, (*SHAPE, 3)), 0, 255).astype(np.uint8)
    real = (plane[..., :2] / 255).astype(np.float32)
    real[30, 40] = np.nan
    tifffile.imwrite("rgb.tif", plane, tile=(32, 48))
    tifffile.imwrite(
        "two.tif", real, photometric="minisblack", planarconfig="contig", rowsperstrip=9
    )
    for name in ("rgb", "two"):
        for more in ("", "--sigma 6"):
            equal(
                *in_both_ways(f"denoise --best --model {model} {more}", f"{name}.tif", monkeypatch)
            )


@pytest.mark.parametrize("method", ["nlm", "bilateral", "tv", "wavelet", "median"])
def test_methods_clean_band_by_band(
    method: str, folder: Path, few_rows: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(3)
    plane = np.clip(rng.normal(120, 30, (*SHAPE, 3)), 0, 255).astype(np.uint8)
    tifffile.imwrite("rgb.tif", plane, tile=(32, 48))
    tifffile.imwrite("deep.tif", plane[..., 0].astype(np.uint16) * 200, rowsperstrip=9)
    for name in ("rgb", "deep"):
        equal(*in_both_ways(f"denoise --method {method}", f"{name}.tif", monkeypatch))
    monkeypatch.setattr("imgconv.tasks.denoise.run.SEEN", 500)  # levels by squares all over
    equal(*in_both_ways(f"denoise --method {method}", "rgb.tif", monkeypatch))


def test_lines_are_taken_out_band_by_band(
    folder: Path, few_rows: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lines that run through all bands and short ones, in colours, 16 bits, floats and channels
    that are no colours; and a plot, that stays."""
    model = denoise_standin.crosshair(folder)
    rng = np.random.default_rng(5)
    plane = rng.integers(0, 90, (*SHAPE, 3), dtype=np.uint8)
    plane[:, 50:52] = plane[90:92] = plane[10:13, 10:15] = 255
    plane[np.arange(30, 130), np.arange(30, 130) // 2] = 255
    tifffile.imwrite("rgb.tif", plane, tile=(32, 48))
    tifffile.imwrite("deep.tif", plane[..., 0].astype(np.uint16) * 200, rowsperstrip=9)
    real = (plane[..., :2] / 255).astype(np.float32)
    tifffile.imwrite(
        "two.tif", real, photometric="minisblack", planarconfig="contig", rowsperstrip=9
    )
    plot = np.full(SHAPE, 180, np.uint8)
    plot[:, 50] = plot[90] = 255
    tifffile.imwrite("plot.tif", plot, rowsperstrip=8)
    tifffile.imwrite("none.tif", plot // 2, rowsperstrip=8)
    for name in ("rgb", "deep", "two", "plot", "none"):
        equal(*in_both_ways(f"denoise --model {model}", f"{name}.tif", monkeypatch))


def test_the_models_own_gauge_says_the_same_of_bands(
    folder: Path, few_rows: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (large_photo, large_micro):
        monkeypatch.setattr(module, "run_rows", partial(rows.run_rows, memory=16 << 20))
    wave = 120 + 50 * np.sin(np.arange(SHAPE[1]) / 20)
    noisy = np.random.default_rng(1).normal(wave, 12, SHAPE)
    tifffile.imwrite("a.tif", noisy.clip(0, 255).astype(np.uint8), tile=(64, 64))
    equal(*in_both_ways("denoise", "a.tif", monkeypatch))
    equal(*in_both_ways("denoise --model micro", "a.tif", monkeypatch))


def test_colours_are_laid_over_band_by_band(
    folder: Path, few_rows: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(4)
    grey = np.clip(np.cumsum(rng.normal(0, 2, SHAPE), 1) + 120, 0, 255).astype(np.uint8)
    sepia = (grey[..., None] * np.array([1, 0.85, 0.6])).astype(np.uint8)
    tifffile.imwrite("grey.tif", grey, tile=(64, 64), compression="zlib")
    tifffile.imwrite("sepia.tif", sepia, rowsperstrip=11)
    tifffile.imwrite("deep.ome.tif", grey.astype(np.uint16) * 250, tile=(48, 48))
    monkeypatch.setattr("imgconv.tasks.colorize.run.BAND", 9000)
    monkeypatch.setattr("imgconv.ops.areas.STRIP", 5 * SHAPE[1])
    seen = np.repeat(grey[..., None], 4, axis=2)
    seen[100:140, :50, 3] = 0
    tifffile.imwrite("alpha.tif", seen, photometric="rgb", extrasamples=[2], rowsperstrip=9)
    tifffile.imwrite("real.tif", (grey / 255).astype(np.float32), tile=(32, 32))
    profile = imagecodecs.cms_profile("adobergb")
    tifffile.imwrite("profile.tif", sepia, rowsperstrip=11, iccprofile=profile)
    painted = seen.copy()
    painted[..., 3] = 0
    painted[50:60, 70:90] = 200, 40, 40, 255
    Pillow.fromarray(painted).save("painted.png")
    sepia[50:60, 70:90] = 40, 200, 90
    Pillow.fromarray(sepia).save("drawn.png")
    Pillow.fromarray(sepia).save("drawn.jpg", quality=80)
    for name in ("grey.tif", "sepia.tif", "alpha.tif"):
        for hint in ("painted.png", "drawn.png", "drawn.jpg"):
            equal(*in_both_ways(f"colorize --hint {hint}", name, monkeypatch))
    for name in ("grey.tif", "sepia.tif", "deep.ome.tif", "alpha.tif", "real.tif", "profile.tif"):
        for more in ("", "--mix 0.3 --saturation 1.4 --hint 20,30,#3b5d38 --hint 200,90,#a03020"):
            equal(*in_both_ways(f"colorize {more}", name, monkeypatch))
    equal(*in_both_ways("filter -k sharpen --to-srgb", "profile.tif", monkeypatch))
    equal(*in_both_ways("convolve -k sobel-x --to-srgb", "profile.tif", monkeypatch))


def test_bright_floats_are_refused_in_bands(
    folder: Path, small_bands: None, few_rows: None
) -> None:
    tifffile.imwrite("a.tif", pixels(np.uint16).astype(np.float32), tile=(32, 32))
    console = Console(io.StringIO(), io.StringIO(), io.StringIO())
    assert cli.main(["colorize", "a.tif", "-o", "b.tif"], console) == 1
    assert "allowed 0 to 1" in console.stderr.getvalue() and not Path("b.tif").exists()


@pytest.mark.parametrize("seed", range(20))
def test_a_percentile_by_counts_is_numpys(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.integers(0, rng.integers(1, 256), rng.integers(1, 400)).astype(np.uint8)
    share = rng.choice([0, 0.1, 50, 99.9, 100])
    counts = np.bincount(values, minlength=256)
    assert percentile(counts, share) == np.percentile(values, share)


def write_pyramid(name: str, whole: np.ndarray, levels: int = 2, **how: Any) -> None:
    with tifffile.TiffWriter(name, ome=name.endswith("ome.tif")) as writer:
        writer.write(whole, subifds=levels, **how)
        for level in range(1, levels + 1):
            writer.write(whole[:: 2**level, :: 2**level], subfiletype=1, **how)


@pytest.mark.parametrize("name", ["p.ome.tif", "p.tif"])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_pyramid_stays_one_and_its_smaller_images_are_means(
    name: str, channels: int, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    how = {"tile": (32, 32), "compression": "zlib", "photometric": "rgb" if channels == 3 else None}
    write_pyramid(name, pixels(channels=channels), **how)
    for line, size in ((COMMANDS[0], SHAPE), ("pool --size 2", (150, 135))):
        for path in in_both_ways(line, name, monkeypatch):
            with tifffile.TiffFile(path) as tiff:
                (series,) = tiff.series
                shapes = [level.shape[:2] for level in series.levels]
                assert shapes[0] == size and len(shapes) == 3
                first, second, third = (level.asarray().astype(float) for level in series.levels)
                assert {level.keyframe.tile for level in series.levels} == {(32, 32)}
                for above, below in ((first, second), (second, third)):
                    h, w = above.shape[0] // 2, above.shape[1] // 2
                    means = above[: 2 * h, : 2 * w].reshape(h, 2, w, 2, -1).mean((1, 3))
                    assert np.abs(below.reshape(*below.shape[:2], -1)[:h, :w] - means).max() <= 0.5
    equal(Path("whole.tif"), Path("bands.tif"))


def test_sizes_of_a_pyramid_follow_those_it_had() -> None:
    assert level_sizes((301, 270), (301, 270), [(151, 135), (76, 68)]) == [(151, 135), (76, 68)]
    assert level_sizes((602, 540), (301, 270), [(75, 67)]) == [(150, 134)]
    assert level_sizes((3, 2), (301, 270), [(151, 135), (76, 68)]) == [(2, 1), (1, 1)]
    band = np.arange(15, dtype=np.uint8).reshape(3, 5, 1)
    assert shrink(band, (2, 2), 3)[..., 0].tolist() == [[3, 5, 7], [11, 13, 14]]


def test_damage_in_the_middle_is_one_line_and_leaves_nothing(
    folder: Path, small_bands: None
) -> None:
    tifffile.imwrite("a.tif", pixels(), tile=(32, 32), compression="zlib")
    with tifffile.TiffFile("a.tif") as tiff:
        place = tiff.pages.first.dataoffsets[40]
    data = bytearray(Path("a.tif").read_bytes())
    data[place : place + 20] = bytes(20)
    Path("a.tif").write_bytes(data)
    console = Console(io.StringIO(), io.StringIO(), io.StringIO())
    assert cli.main(["filter", "-k", "blur", "a.tif"], console) == 1
    assert console.stderr.getvalue().startswith("error: a.tif: ")
    assert [path.name for path in Path().iterdir()] == ["a.tif"]


def test_regions_of_rows_are_the_files_rows(folder: Path) -> None:
    np.save("a.npy", pixels(np.uint16))
    with open_image("a.npy") as source, bands.RowReader(source.images[0], 0) as reader:
        whole = pixels(np.uint16)[..., None]
        for top, bottom in ((-2, 5), (3, 40), (38, 200), (150, 303)):
            wanted = whole[np.arange(top, bottom) % len(whole)]
            np.testing.assert_array_equal(reader.rows(top, bottom), wanted)


PROGRAM = """
import resource, sys
from imgconv import cli
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
cli.main(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="counts kilobytes as Linux does")
def test_memory_is_that_of_bands(folder: Path) -> None:
    """An image of 300 MB, in less than that."""
    assert resource.RUSAGE_SELF is not None
    tifffile.imwrite("a.tif", shape=(15000, 20000), dtype=np.uint8, tile=(256, 256), bigtiff=True)
    words = ["filter", "-k", "sharpen", "-q", "a.tif", "-o", "b.tif"]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *words], capture_output=True, text=True, check=True
    )
    assert int(done.stdout.split()[-1]) < 250_000
