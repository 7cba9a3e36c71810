"""`imgconv diff`: figures compared with scikit-image's, shapes and metadata in words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

import imgconv
from imgconv import cli

RNG = np.random.default_rng(11)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def diff(capfd: pytest.CaptureFixture[str]) -> Any:
    def run(*argv: str) -> tuple[int, str, str]:
        capfd.readouterr()
        code = cli.main(["diff", *argv])
        return (code, *capfd.readouterr())

    return run


def saved(name: str, array: np.ndarray, **more: Any) -> str:
    if name.endswith(".tif"):
        colour = array.ndim == 3 and array.shape[2] in (3, 4)
        tifffile.imwrite(name, array, photometric="rgb" if colour else "minisblack", **more)
    else:
        Image.fromarray(array).save(name, **more)
    return name


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("channels", [1, 3])
def test_figures_are_those_of_numpy_and_scikit_image(diff: Any, dtype: Any, channels: int) -> None:
    top = 1.0 if dtype is np.float32 else float(np.iinfo(dtype).max)
    one = (RNG.random((24, 30, channels)) * top).astype(dtype)
    two = (one * np.array([0.9, 0.5, 1.0][:channels])).astype(dtype)
    code, out, _ = diff(saved("a.tif", one.squeeze()), saved("b.tif", two.squeeze()), "--json")
    found = json.loads(out)
    assert code == 1 and not found["same"]
    for c, channel in enumerate(found["planes"][0]["channels"]):
        a, b = one[..., c].astype(float), two[..., c].astype(float)
        assert channel["largest"] == pytest.approx(np.abs(a - b).max())
        assert channel["mean"] == pytest.approx(np.abs(a - b).mean())
        assert channel["share"] == pytest.approx((a != b).mean())
        if (a == b).all():
            assert channel["psnr"] is None and channel["ssim"] == 1  # infinite is null in JSON
            continue
        assert channel["psnr"] == pytest.approx(peak_signal_noise_ratio(a, b, data_range=top))
        settings = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
        expected = structural_similarity(a, b, data_range=top, **settings)
        assert channel["ssim"] == pytest.approx(expected)


def test_the_tolerance_decides_the_exit_code(diff: Any) -> None:
    one = RNG.integers(0, 250, (9, 8, 3), dtype=np.uint8)
    saved("a.png", one)
    saved("b.png", one + np.uint8(3))
    assert diff("a.png", "a.png")[:2] == (0, "a.png and a.png: the pixels are the same\n")
    assert diff("a.png", "b.png")[0] == diff("a.png", "b.png", "--tolerance", "2.9")[0] == 1
    code, out, _ = diff("a.png", "b.png", "--tolerance", "3")
    assert code == 0 and out.startswith("a.png and b.png: within the tolerance\n")
    assert "green" in out and "38.59" in out  # 20 log10(255 / 3)


def test_numbers_that_are_none_are_equal_to_each_other_only(diff: Any) -> None:
    one = np.ones((12, 12), np.float32)
    one[0, :2] = np.nan, np.inf
    two = one.copy()
    assert diff(saved("a.tif", one), saved("b.tif", two))[0] == 0
    two[0, 0] = 5
    code, out, _ = diff("a.tif", saved("b.tif", two), "--tolerance", "1e9")
    assert code == 1 and "inf" in out


def test_depths_are_compared_as_light_and_said(diff: Any) -> None:
    one = RNG.integers(0, 256, (12, 13), dtype=np.uint8)
    saved("a.tif", one)
    code, out, _ = diff("a.tif", saved("b.tif", one * np.uint16(257)), "--json")
    found = json.loads(out)
    assert code == 1 and found["largest"] == 0 and found["shapes"] == ["type: uint8 and uint16"]
    light = imgconv.diff(one, (one / 255).astype(np.float32), tolerance=0.01)
    assert light.largest < 1e-4 and light.shapes == ("type: uint8 and float32",)


def test_sizes_channels_and_planes_that_differ_are_words(diff: Any) -> None:
    grey = RNG.integers(0, 256, (9, 7), dtype=np.uint8)
    saved("a.png", grey)
    code, out, _ = diff("a.png", saved("b.png", grey[:-1]))
    assert code == 1 and out == "a.png and b.png: different\n  size: 7 x 9 and 7 x 8\n"
    colour = np.stack([grey, grey, grey, np.full_like(grey, 255)], axis=2)
    code, out, _ = diff("a.png", saved("c.png", colour), "--json")
    found = json.loads(out)
    assert (code, found["largest"]) == (1, 0)
    assert found["shapes"] == ["channels: 1 and 4 with alpha"]
    assert [one["name"] for one in found["planes"][0]["channels"]][-1] == "alpha"
    saved("a.tif", np.stack([grey, grey, grey + 1]))
    code, out, _ = diff("a.tif", saved("b.tif", np.stack([grey, grey + 1])))
    assert code == 1 and "planes: 3 and 2" in out and "  2, grey" in out


def test_metadata_is_shown_and_counts_when_asked(diff: Any) -> None:
    grey, text = np.zeros((4, 5), np.uint8), PngInfo()
    text.add_text("Author", "someone")
    saved("a.png", grey, dpi=(300, 300))
    saved("b.png", grey, pnginfo=text)
    code, out, _ = diff("a.png", "b.png")
    assert (
        code == 0
        and "  text Author: none and someone\n" in out
        and "  dpi: 299.999 x 299.999 and none" in out
    )
    assert diff("a.png", "b.png", "--metadata")[0] == 1
    found = imgconv.diff("a.png", "b.png", metadata=True)
    assert not found.same and found.metadata["text Author"] == (None, "someone")


def test_a_picture_shows_where(diff: Any) -> None:
    one = np.full((20, 30), 100, np.uint8)
    two = one.copy()
    two[5, 6], two[15, 3], two[0, 0] = 200, 110, 101
    saved("a.png", one)
    code, out, _ = diff("a.png", saved("b.png", two), "-o", "w.png", "--tolerance", "1")
    assert code == 1 and out.startswith("a.png and b.png: different")
    drawn = np.asarray(Image.open("w.png")).astype(int)
    marked = np.ptp(drawn, axis=2) > 50
    assert drawn.shape == (20, 30, 3) and sorted(map(tuple, np.argwhere(marked))) == [
        (5, 6),
        (15, 3),
    ]
    assert drawn[5, 6].tolist() == [230, 0, 60]
    assert diff("a.png", "b.png", "-o", "w.png")[0] == 2
    assert diff("a.png", "b.png", "-o", "w.png", "-f")[0] == 1


def test_of_several_planes_the_picture_is_of_the_worst(diff: Any) -> None:
    stack = np.full((3, 16, 16), 100, np.uint16)
    other = stack.copy()
    other[1, 2, 2], other[2, 7, 7] = 101, 150
    saved("a.tif", stack)
    assert diff("a.tif", saved("b.tif", other), "-o", "w.png")[0] == 1
    drawn = np.asarray(Image.open("w.png")).astype(int)
    assert np.argwhere(np.ptp(drawn, axis=2) > 50).tolist() == [[7, 7]]


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["a.png"], "diff needs two images, A and B; found are 1"),
        (["-", "-"], "standard input is one image"),
        (["a.png", "a.png", "--tolerance", "-1"], "must be a number of 0 or more"),
        (["a.png", "a.png", "-o", "-", "--json"], "both want standard output"),
    ],
)
def test_a_wrong_command_line_is_one_line(diff: Any, argv: list[str], words: str) -> None:
    saved("a.png", np.zeros((4, 4), np.uint8))
    code, _, err = diff(*argv)
    assert code == 2 and words in err and len(err.splitlines()) == 1


def test_a_missing_or_bad_file_is_named(diff: Any) -> None:
    saved("a.png", np.zeros((4, 4), np.uint8))
    Path("text.png").write_text("no image")
    assert diff("a.png", "none.png") == (1, "", "error: none.png: no such file\n")
    code, _, err = diff("text.png", "a.png")
    assert code == 1 and err.startswith("error: text.png: not an image")
