"""Whole commands: imgconv colorize, with a stand-in for the network."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import colorize_standin
import numpy as np
import pytest
import tifffile
from PIL import Image

from imgconv import cli

SAMPLES = Path(__file__).parent.parent / "samples"
LUMA = np.array([0.299, 0.587, 0.114])


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return colorize_standin.model(tmp_path_factory.mktemp("model") / "standin.safetensors")


def run(capfd: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    code = cli.main(["colorize", *map(str, words)])
    return code, *capfd.readouterr()


def slope(height: int = 40, width: int = 60) -> np.ndarray:
    return np.linspace(0, 255, height * width).reshape(width, height).T.astype(np.uint8)


def saved(path: Path, pixels: np.ndarray, **more: object) -> Path:
    Image.fromarray(pixels).save(path, **more)  # type: ignore[arg-type]
    return path


def chroma(pixels: np.ndarray) -> float:
    return float(np.ptp(pixels[..., :3].astype(float), axis=-1).mean())


def test_a_grey_photo_becomes_rgb_of_the_same_brightness(tmp_path, capfd, model) -> None:
    source = saved(tmp_path / "a.png", slope(), dpi=(300, 300))
    code, out, err = run(capfd, "--model", model, source)
    assert (code, out, err) == (0, f"{tmp_path / 'a-colorize.png'}\n", "")
    with Image.open(tmp_path / "a-colorize.png") as image:
        assert image.mode == "RGB" and round(image.info["dpi"][0]) == 300
        found = np.asarray(image)
    assert chroma(found) > 10
    assert np.abs(found @ LUMA - slope()).max() <= 0.51


def test_a_grey_jpeg_becomes_a_colour_jpeg(tmp_path, capfd, model) -> None:
    source = saved(tmp_path / "a.jpg", slope(), quality=95, comment=b"grandmother")
    code, _, _ = run(capfd, "--model", model, source)
    with Image.open(tmp_path / "a-colorize.jpg") as image:
        assert code == 0 and image.mode == "RGB" and image.info["comment"] == b"grandmother"
        assert chroma(np.asarray(image)) > 10


def test_a_pgm_becomes_a_ppm(tmp_path, capfd, model) -> None:
    code, out, _ = run(capfd, "--model", model, saved(tmp_path / "a.pgm", slope()))
    assert code == 0 and out.strip().endswith("a-colorize.ppm")
    assert (tmp_path / "a-colorize.ppm").read_bytes()[:2] == b"P6"


def test_colour_is_made_grey_first_and_that_is_said(tmp_path, capfd, model) -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    code, _, err = run(capfd, "--model", model, saved(tmp_path / "a.png", rgb))
    assert code == 0 and "in colour already: made grey first" in err
    found = np.asarray(Image.open(tmp_path / "a-colorize.png"))
    assert np.abs(found @ LUMA - rgb @ LUMA).max() <= 0.51
    assert np.abs(found.astype(int) - rgb).max() > 60


def test_all_of_the_colour_can_be_kept(tmp_path, capfd, model) -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    source, target = saved(tmp_path / "a.png", rgb), tmp_path / "b.png"
    assert run(capfd, "--model", model, "--mix", 1, source, "-o", target)[0] == 0
    assert np.abs(np.asarray(Image.open(target)).astype(int) - rgb).max() <= 1


def test_a_sepia_print_is_recognised(tmp_path, capfd, model) -> None:
    sepia = (slope()[..., None] * [1.0, 0.85, 0.65]).astype(np.uint8)
    source = saved(tmp_path / "a.png", sepia)
    code, out, err = run(capfd, "--model", model, "--json", source)
    told = json.loads(out)
    assert code == 0 and "a toned (sepia) print" in err
    assert told["input"] == ["toned"] and told["model"] == "standin"
    assert "a toned (sepia) print" in told["notes"][0]


def test_16_bit_and_alpha_and_pages_stay(tmp_path, capfd, model) -> None:
    grey = slope().astype(np.uint16) * 257
    stack = np.stack([grey, grey[::-1], grey // 2])
    source = tmp_path / "a.tif"
    tifffile.imwrite(source, stack, imagej=True, metadata={"axes": "ZYX"}, resolution=(2, 2))
    code, _, err = run(capfd, "--model", model, source)
    assert code == 0, err
    with tifffile.TiffFile(tmp_path / "a-colorize.tif") as file:
        assert file.series[0].axes == "ZYXS"
        found = file.asarray()
        assert file.pages[0].tags["XResolution"].value == (2, 1)
    assert found.dtype == np.uint16
    assert np.abs(found @ LUMA - stack).max() <= 65.5
    alpha = np.full_like(slope(), 255)
    alpha[:9] = 70
    code, _, _ = run(
        capfd, "--model", model, saved(tmp_path / "b.png", np.dstack([slope(), alpha]))
    )
    both = np.asarray(Image.open(tmp_path / "b-colorize.png"))
    assert code == 0 and both.shape == (40, 60, 4) and (both[..., 3] == alpha).all()


def test_a_grey_tiff_with_alpha_becomes_one_of_colours(tmp_path, capfd, model) -> None:
    both = np.dstack([slope(), np.full_like(slope(), 255)])
    tifffile.imwrite(tmp_path / "a.tif", both, photometric="minisblack", extrasamples=[2])
    assert run(capfd, "--model", model, tmp_path / "a.tif")[0] == 0
    with tifffile.TiffFile(tmp_path / "a-colorize.tif") as file:
        assert file.pages[0].photometric.name == "RGB" and file.asarray().shape == (40, 60, 4)
        assert file.pages[0].extrasamples == (2,)


def test_an_ome_series_stays_readable_and_keeps_its_pixel_size(tmp_path, capfd, model) -> None:
    stack = np.stack([slope()] * 3)
    size = {"PhysicalSizeX": 0.5, "PhysicalSizeXUnit": "µm", "PhysicalSizeY": 0.5,
            "PhysicalSizeYUnit": "µm"}  # fmt: skip
    tifffile.imwrite(tmp_path / "a.ome.tif", stack, metadata={"axes": "TYX", **size})
    code, out, err = run(capfd, "--model", model, tmp_path / "a.ome.tif")
    assert code == 0, err
    with tifffile.TiffFile(out.strip()) as file:
        assert file.asarray().shape == (3, 40, 60, 3)
        tags = file.pages[0].tags
        assert tags["XResolution"].value[0] / tags["XResolution"].value[1] == 20000  # a cm


def test_channels_are_refused_and_the_next_file_is_done(tmp_path, capfd, model) -> None:
    stack = np.stack([slope()] * 2)
    tifffile.imwrite(tmp_path / "a.ome.tif", stack, metadata={"axes": "CYX"})
    saved(tmp_path / "b.png", slope())
    code, out, err = run(capfd, "--model", model, tmp_path / "a.ome.tif", tmp_path / "b.png")
    assert code == 1 and "hold 2 channels, not pictures" in err
    assert out == f"{tmp_path / 'b-colorize.png'}\n"
    assert not (tmp_path / "a-colorize.ome.tif").exists()


def test_a_folder_in_a_batch_gives_what_single_files_give(tmp_path, capfd, model) -> None:
    (tmp_path / "in").mkdir()
    for number in range(5):
        saved(tmp_path / "in" / f"{number}.png", np.roll(slope(), number * 9, 1))
    code, out, _ = run(capfd, "--model", model, "-j", 4, tmp_path / "in", "-o", f"{tmp_path}/out/")
    assert code == 0 and len(out.splitlines()) == 5
    for number in range(5):
        target = tmp_path / f"{number}.png"
        run(capfd, "--model", model, tmp_path / "in" / f"{number}.png", "-o", target)
        together = np.asarray(Image.open(tmp_path / "out" / f"{number}.png"))
        assert (together == np.asarray(Image.open(target))).all()


def test_pipes(model) -> None:
    data = io.BytesIO()
    Image.fromarray(slope()).save(data, "png")
    command = [sys.executable, "-m", "imgconv", "colorize", "--model", model, "-"]
    done = subprocess.run(command, input=data.getvalue(), capture_output=True, check=True)
    found = np.asarray(Image.open(io.BytesIO(done.stdout)))
    assert found.shape == (40, 60, 3) and chroma(found) > 10


def test_a_dry_run_writes_nothing(tmp_path, capfd, model) -> None:
    source = saved(tmp_path / "a.png", slope())
    code, out, _ = run(capfd, "--model", model, "-n", source)
    assert code == 0 and "a-colorize.png" in out
    assert not (tmp_path / "a-colorize.png").exists()


def test_a_hint_colours_where_it_points_and_so_does_a_painted_one(tmp_path, capfd, model) -> None:
    grey = np.full((64, 96), 120, np.uint8)
    grey[:, 48:] = 210
    source = saved(tmp_path / "a.png", grey)
    painted = np.repeat(grey[..., None], 3, 2)
    painted[30:34, 10:14] = (190, 90, 60)
    saved(tmp_path / "hints.png", painted)
    for hint in ("12,32,#be5a3c", tmp_path / "hints.png"):
        target = tmp_path / "out.png"
        words = ("--saturation", 0, "--hint", hint, source, "-o", target, "-f")
        code, _, err = run(capfd, "--model", model, *words)
        assert code == 0, err
        found = np.asarray(Image.open(target)).astype(int)
        red, green, blue = found[32, 12]
        assert red - green > 60 and green > blue
        assert np.ptp(found[10, 40]) > 60  # the same region, far from the hint
        assert np.ptp(found[:, 54:], axis=2).max() < 12  # beyond the edge


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--hint", "1,2,red"], "neither X,Y,#RRGGBB (whole pixels from 0 and a colour"),
        (["--hint", str(SAMPLES)], "a folder; a hint image is one file"),
        (["--hint", str(SAMPLES / "README.md")], "--hint: "),
        (["--mix", "1.5"], "--mix"),
        (["--saturation", "-1"], "--saturation"),
        (["--model", "nothing"], "there is no model 'nothing'"),
    ],
)
def test_a_wrong_command_line_is_refused_in_one_line(capfd, model, words, said) -> None:
    code, out, err = run(capfd, "--model", model, *words, SAMPLES / "leaf.png")
    assert (code, out) == (2, "") and said in err and err.count("\n") == 1


def test_a_hint_outside_of_a_picture_fails_that_file_by_name(tmp_path, capfd, model) -> None:
    source = saved(tmp_path / "a.png", slope())
    code, _, err = run(capfd, "--model", model, "--hint", "600,2,#ff0000", source)
    assert code == 1
    assert "a.png: the hint at 600,2 lies outside of the picture: X is 0 to 59, Y is 0 to 39" in err


def test_a_model_for_something_else_is_refused(tmp_path, capfd) -> None:
    other = colorize_standin.model(tmp_path / "other.safetensors", task="denoise")
    code, _, err = run(capfd, "--model", other, SAMPLES / "leaf.png")
    assert code == 2 and "made to denoise, not to colorize; bundled" in err


@pytest.mark.parametrize("quality", [30, 75, 98])
def test_a_grey_jpeg_keeps_its_quality(tmp_path, capfd, model, quality: int) -> None:
    with Image.open(SAMPLES / "lake.png") as lake:
        lake.convert("L").save(tmp_path / "a.jpg", quality=quality)
    assert run(capfd, "--model", model, tmp_path / "a.jpg")[0] == 0
    with Image.open(tmp_path / "a.jpg") as before, Image.open(tmp_path / "a-colorize.jpg") as after:
        assert after.quantization[0] == before.quantization[0]


def test_a_grey_gif_becomes_a_png_of_the_same_brightness(tmp_path, capfd, model) -> None:
    saved(tmp_path / "a.gif", slope())
    assert run(capfd, "--model", model, tmp_path / "a.gif")[0] == 0
    found = np.asarray(Image.open(tmp_path / "a-colorize.png"))
    assert np.abs(found @ LUMA - slope()).max() <= 0.51


def linear_profile() -> bytes:
    """A grey ICC profile (version 2.1) of the gamma 1: a header, four tags, a curve of one."""

    def tag(kind: bytes, data: bytes) -> bytes:
        return kind + bytes(4) + data + bytes(-len(data) % 4)

    text = tag(b"text", b"none\0")
    name = tag(b"desc", (2).to_bytes(4, "big") + b"l\0" + bytes(78))
    white = tag(b"XYZ ", b"".join(n.to_bytes(4, "big") for n in (63190, 65536, 54061)))
    curve = tag(b"curv", (0).to_bytes(4, "big"))
    at, table, body = 132 + 4 * 12, b"", b""
    for kind, data in ((b"cprt", text), (b"desc", name), (b"wtpt", white), (b"kTRC", curve)):
        table += kind + (at + len(body)).to_bytes(4, "big") + len(data).to_bytes(4, "big")
        body += data
    size = (at + len(body)).to_bytes(4, "big")
    head = size + bytes(4) + bytes.fromhex("02100000") + b"mntrGRAYXYZ " + bytes(12) + b"acsp"
    light = b"".join(n.to_bytes(4, "big") for n in (63190, 65536, 54061))
    head += bytes(28) + light + bytes(48)
    return head + (4).to_bytes(4, "big") + table + body


def test_the_brightness_of_a_grey_profile_is_converted_and_that_is_said(
    tmp_path, capfd, model
) -> None:
    saved(tmp_path / "a.png", slope(), icc_profile=linear_profile())
    code, _, err = run(capfd, "--model", model, tmp_path / "a.png")
    assert code == 0 and "converted to that of sRGB" in err
    with Image.open(tmp_path / "a-colorize.png") as image:
        assert not image.info.get("icc_profile")
        found = np.asarray(image) @ LUMA
    linear = slope() / 255
    wanted = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    assert np.abs(found - 255 * wanted).max() <= 1.6
