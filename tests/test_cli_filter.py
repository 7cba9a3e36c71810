"""Whole commands: filter, kernels, warmup."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image

from imgconv import cli
from imgconv.ops.catalogue import NAMED
from imgconv.ops.correlation import correlate

SAMPLES = Path(__file__).parent.parent / "samples"


def imgconv(*words: object, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "imgconv", *map(str, words)]
    return subprocess.run(command, input=stdin, capture_output=True)


def written(*words: object) -> Path:
    result = imgconv(*words)
    assert result.returncode == 0, result.stderr
    return Path(result.stdout.decode().strip())


def test_a_photo_is_sharpened_as_opencv_would(tmp_path):
    path = written("filter", "--kernel", "sharpen", SAMPLES / "lake.png", "-o", tmp_path / "a.png")
    source = cv2.imread(str(SAMPLES / "lake.png"))
    (one,) = NAMED["sharpen"].stencils()
    expected = cv2.filter2D(source, -1, one.weights, borderType=cv2.BORDER_REFLECT_101)
    assert np.array_equal(cv2.imread(str(path)), expected)


def test_a_16_bit_stack_stays_one(tmp_path):
    source = SAMPLES / "cells" / "timelapse.ome.tif"
    path = written("filter", "-k", "gaussian", source, "-o", tmp_path / "soft.ome.tif")
    with tifffile.TiffFile(source) as before, tifffile.TiffFile(path) as after:
        assert before.series[0].axes == after.series[0].axes
        stack, found = before.asarray(), after.asarray()
    assert found.dtype == np.uint16 and found.shape == stack.shape
    (one,) = NAMED["gaussian"].stencils()
    expected = correlate(np.ascontiguousarray(stack[2, 1][..., None]), one)[..., 0]
    assert np.array_equal(found[2, 1], expected)


def test_pipes_chain_without_loss():
    png = (SAMPLES / "leaf.png").read_bytes()
    first = imgconv("filter", "-k", "gaussian:1", "-", stdin=png).stdout
    second = imgconv("filter", "-k", "identity", "-", stdin=first)
    a, b = (np.asarray(Image.open(io.BytesIO(data))) for data in (first, second.stdout))
    assert a.shape == (512, 512, 4) and np.array_equal(a, b)


def test_float_results_of_a_png_go_to_a_tiff(tmp_path):
    (tmp_path / "a.png").write_bytes((SAMPLES / "chart.png").read_bytes())
    path = written("filter", "-k", "laplacian", "--range", "float", tmp_path / "a.png")
    assert path.name == "a-filter.tif"
    values = tifffile.imread(path)
    assert values.dtype == np.float32 and values.min() < 0


def test_float_results_in_a_pipe_are_a_tiff():
    png = (SAMPLES / "checker-small.png").read_bytes()
    data = imgconv("filter", "-k", "laplacian", "--range", "float", "-", stdin=png).stdout
    assert tifffile.imread(io.BytesIO(data)).dtype == np.float32


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["lake.png"], "filter needs --kernel"),
        (["-k", "sharpn", "lake.png"], "did you mean 'sharpen'"),
        (["-k", "1 2; 3", "lake.png"], "rows of 1 and 2 numbers"),
        (["-k", "sharpen", "--border", "mirror", "lake.png"], "'mirror' is not one of 'reflect'"),
        (["-k", "sharpen", "--scale", "big", "lake.png"], "--scale: 'big' is not a number"),
        (["-k", "sharpen", "--kernal", "x"], "no such option: --kernal"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(words, said):
    result = imgconv("filter", *words)
    lines = result.stderr.decode().splitlines()
    assert result.returncode == 2 and len(lines) == 1 and said in lines[0]


def test_kernels_lists_every_name_with_matrix_source_and_meaning():
    text = imgconv("kernels").stdout.decode()
    for entry in NAMED.values():
        assert f"{entry.name}" in text and entry.meaning in text and entry.source in text
    assert "1/16 2 4 2" in text


def test_kernels_as_json_are_the_matrices_themselves():
    for line in imgconv("kernels", "--json").stdout.decode().splitlines():
        record = json.loads(line)
        first = NAMED[record["name"]].stencils()[0]
        assert np.allclose(np.array(record["matrices"][0]) / record["divisor"], first.weights)


def test_the_preview_shows_the_image_under_every_kernel(tmp_path):
    path = written("kernels", "--preview", SAMPLES / "lake.png", "-o", tmp_path / "sheet.png")
    with Image.open(path) as picture:
        assert picture.mode == "RGB" and picture.width > 1000
    again = imgconv("kernels", "--preview", SAMPLES / "lake.png", "-o", path)
    assert again.returncode == 2 and b"exists" in again.stderr


def test_every_kernel_has_one_family_whose_members_are_shown_in_one_range():
    from fractions import Fraction

    from imgconv import filter as filtered
    from imgconv.ops.kernel_sheet import FAMILIES, kernel_sheet, show_family

    assert sorted(name for names in FAMILIES.values() for name in names) == sorted(NAMED)
    small = np.random.default_rng(3).integers(0, 256, (16, 16, 3), np.uint8)
    assert min(kernel_sheet(small).shape[:2]) > 1000  # 16 pixels a side, and every one is seen
    for names in FAMILIES.values():
        pictures, words = show_family(small, names)
        typed = words.split() if words.startswith("--") else []
        scale = Fraction(typed[typed.index("--scale") + 1]) if "--scale" in typed else Fraction(1)
        for name, shown in zip(names, pictures, strict=True):
            if typed:
                again = filtered(small, name, range="abs", scale=scale)
                assert np.array_equal(again, shown), name


def test_warmup_says_where_the_kernels_lie():
    result = imgconv("warmup")
    assert result.returncode == 0 and b"kernels ready" in result.stderr
    assert imgconv("warmup", "-q").stderr == b""


def test_warmup_says_at_once_that_nothing_can_be_kept(monkeypatch):
    monkeypatch.setenv("IMGCONV_CACHE", "/dev/null")
    result = imgconv("warmup")
    assert result.returncode == 1 and result.stderr.count(b"\n") == 1
    assert b"/dev/null" in result.stderr and b"set IMGCONV_CACHE to a folder" in result.stderr


def test_a_command_says_that_nothing_can_be_kept(monkeypatch, tmp_path):
    monkeypatch.setenv("IMGCONV_CACHE", "/dev/null")
    source, target = gradient(tmp_path / "in.png"), tmp_path / "a.png"
    result = imgconv("filter", "-k", "sharpen", source, "-o", target)
    assert result.returncode == 0 and b"nothing can be kept, `imgconv cache` says" in result.stderr
    assert b"once" not in result.stderr


def gradient(path: Path) -> str:
    row = np.linspace(20, 200, 64)
    Image.fromarray(np.tile(row, (40, 1)).astype(np.uint8)).save(path)
    return str(path)


@pytest.mark.parametrize(
    ("words", "note"),
    [
        (["-k", "1 1 1; 1 1 1; 1 1 1"], "sums to 9; --scale 1/9 keeps brightness"),
        (["-k", "laplacian-8"], "--range abs keeps edges of both signs"),
        (["-k", "-1"], "all is black: the kernel sums to -1; --range abs drops the sign"),
        (["-k", "1 1 1; 1 1 1; 1 1 1", "--scale", "1/9"], ""),
        (["-k", "sobel-x", "--range", "abs"], ""),
        (["-k", "sharpen"], ""),
        (["-k", "sobel"], ""),
    ],
)
def test_what_is_hardly_meant_gets_a_note(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], words: list[str], note: str
) -> None:
    assert cli.main(["filter", *words, gradient(tmp_path / "a.png")]) == 0
    err = "".join(
        line for line in capfd.readouterr().err.splitlines(True) if "compiling" not in line
    )
    assert note in err and err.count("\n") == bool(note)


def test_a_name_and_a_format_that_differ_are_refused(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = gradient(tmp_path / "a.png")
    said = ["filter", "-k", "box", path, "-o", str(tmp_path / "x.png"), "--format"]
    assert cli.main([*said, "jpeg"]) == 2
    assert "is a png by its name, --format says jpeg" in capfd.readouterr().err
    assert cli.main([*said, "png"]) == 0
    assert cli.main(["filter", "-k", "box", path, "-o", os.devnull]) == 0
