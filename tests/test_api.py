"""imgconv for Python: the same results, names and defaults as the command line."""

from __future__ import annotations

import ast
import doctest
import inspect
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import colorize_standin
import numpy as np
import pytest
import standin
import tifffile
from PIL import Image

import imgconv
from imgconv import api, cli
from imgconv.cli.options import FileOptions

RNG = np.random.default_rng(3)
ROOT = Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def photo(channels: int = 3) -> np.ndarray:
    shape = (24, 31) if channels == 1 else (24, 31, channels)
    return RNG.integers(0, 256, shape, dtype=np.uint8)


def by_command(line: str) -> np.ndarray:
    """What the command line writes to out.tif (or where it says)."""
    assert cli.main([*line.split(), "-q", "-f"]) == 0
    return tifffile.imread("out.tif")


def settings(function: Any, *given: Any, **more: Any) -> Any:
    """The function of an image that these settings make."""
    return lambda image, **reading: function(image, *given, **more, **reading)


CALLS: dict[str, Any] = {
    "filter -k gaussian:1.5": settings(imgconv.filter, "gaussian:1.5"),
    "filter -k sobel-x --range abs --flip":
        settings(imgconv.filter, "sobel-x", range="abs", flip=True),
    "filter -k blur -k laplacian --range float --bias 1/2":
        settings(imgconv.filter, ["blur", "laplacian"], range="float", bias="1/2"),
    "filter -k sharpen --luma --border wrap --scale 0.5":
        settings(imgconv.filter, "sharpen", luma=True, border="wrap", scale=0.5),
    "pool -m average --size 3x2 --ceil":
        settings(imgconv.pool, method="average", size=(3, 2), ceil=True),
    "pool --global": settings(imgconv.pool, everything=True),
    "upsample -m bicubic -s 4/3": settings(imgconv.upsample, method="bicubic", scale="4/3"),
    "upsample -k box:4 --stride 2x3 --gain 6":
        settings(imgconv.upsample, stencil="box:4", stride=(2, 3), gain=6),
    "denoise --method median --sigma 20": settings(imgconv.denoise, method="median", sigma=20),
}  # fmt: skip


@pytest.mark.parametrize("line", CALLS)
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_arrays_and_files_give_what_the_command_line_writes(line: str, channels: int) -> None:
    pixels, call = photo(channels), CALLS[line]
    Image.fromarray(pixels).save("a.png")
    expected = by_command(f"{line} a.png -o out.tif")
    if expected.dtype == np.float32 and expected.ndim == 3:  # in planes, as ImageJ wants floats
        expected = np.moveaxis(expected, 0, -1)
    said = {"channels": "rgba"} if channels == 4 else {}
    for image in (pixels, "a.png", Path("a.png"), imgconv.open("a.png")):
        found = call(image, **said) if image is pixels else call(image)
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(np.squeeze(found), np.squeeze(expected))


def test_a_stack_goes_plane_by_plane_and_keeps_its_axes() -> None:
    stack = RNG.integers(0, 60000, (2, 3, 20, 24), dtype=np.uint16)
    found = imgconv.filter(stack, "sharpen", axes="TZYX")
    assert found.shape == stack.shape
    for t, z in np.ndindex(2, 3):
        np.testing.assert_array_equal(found[t, z], imgconv.filter(stack[t, z], "sharpen"))
    film = RNG.integers(0, 255, (2, 20, 24, 3), dtype=np.uint8)
    assert imgconv.pool(film, axes="TYXS").shape == (2, 10, 12, 3)
    assert imgconv.convolve(film, ["sobel-x", "box:3"], axes="TYXS").shape == (2, 2, 18, 22)


def test_samples_that_are_no_colours_have_no_alpha() -> None:
    four = photo(4)
    four[..., 3] = 0
    apart = np.stack([imgconv.filter(four[..., c], "blur") for c in range(4)], axis=2)
    np.testing.assert_array_equal(imgconv.filter(four, "blur", axes="YXC"), apart)
    np.testing.assert_array_equal(imgconv.filter(four, "blur"), apart)
    np.testing.assert_array_equal(imgconv.filter(four[..., :2], "blur"), apart[..., :2])
    covered = imgconv.filter(four, "blur", channels="rgba")
    assert (covered != apart).any()  # hidden colours stay as they are
    np.save("four.npy", four)
    np.testing.assert_array_equal(imgconv.filter("four.npy", "blur"), apart)
    np.testing.assert_array_equal(imgconv.filter("four.npy", "blur", channels="rgba"), covered)
    with pytest.raises(imgconv.InputError, match="4 channels, rgb are 3"):
        imgconv.filter(four, "blur", channels="rgb")


def test_a_channel_axis_of_one_stays() -> None:
    assert imgconv.filter(photo(1)[..., None], "blur").shape == (24, 31, 1)


def test_matrices_are_kernels_and_several_are_a_chain() -> None:
    pixels, matrix = photo(1), [[0, -1, 0], [-1, 5, -1], [0, -1, 0]]
    expected = imgconv.filter(pixels, "0 -1 0; -1 5 -1; 0 -1 0")
    for kernel in (matrix, np.array(matrix), [matrix], [np.array(matrix)]):
        np.testing.assert_array_equal(imgconv.filter(pixels, kernel), expected)


def test_convolve_takes_banks_and_biases() -> None:
    import cv2

    pixels = RNG.normal(size=(12, 14, 3)).astype(np.float32)
    bank = RNG.normal(size=(2, 3, 3, 3)).astype(np.float32)
    found = imgconv.convolve(pixels, bank, bias=[1, -2], padding="same", activation="relu")
    for k, bias in enumerate((1, -2)):
        sums = sum(
            cv2.filter2D(pixels[..., c], -1, bank[k, c], borderType=cv2.BORDER_CONSTANT)
            for c in range(3)
        )
        np.testing.assert_allclose(found[k], np.maximum(sums + bias, 0), atol=1e-4)


@pytest.mark.parametrize("dtype", [bool, np.int16, np.float16, np.float64, np.int64])
def test_other_types_are_taken_where_nothing_is_lost(dtype: Any) -> None:
    values = np.arange(12).reshape(3, 4).astype(dtype)
    found = imgconv.filter(values, "identity")
    assert found.dtype == (np.uint8 if dtype is bool else np.float32)
    np.testing.assert_array_equal(found, values * (255 if dtype is bool else 1))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: imgconv.filter(np.zeros((2, 2, 3, 4)), "blur"), "give `axes`"),
        (lambda: imgconv.filter(np.zeros((2, 3)), "blur", axes="XY"), "does not fit"),
        (lambda: imgconv.filter(np.zeros((2, 0)), "blur"), "is empty"),
        (lambda: imgconv.filter(np.zeros((2, 2), complex), "blur"), "complex"),
        (lambda: imgconv.filter("none.png", "blur"), "no such file"),
        (lambda: imgconv.filter(np.zeros((2, 2)), "blurr"), "did you mean"),
        (lambda: imgconv.filter(np.zeros((2, 2)), ()), "needs `kernel`"),
        (lambda: imgconv.pool(np.zeros((2, 2)), size="2x"), "`size='2x'`"),
        (lambda: imgconv.denoise(np.zeros((9, 9)), model="foto"), "did you mean photo"),
        (lambda: imgconv.denoise(np.zeros((9, 9)), strength=2), "`strength=2`"),
        (lambda: imgconv.segment(np.zeros((9, 9)), diameter="9 ells"), "`diameter='9 ells'`"),
        (lambda: imgconv.segment(np.zeros((2, 9, 9)), axes="CYX"), "`channel='N'`"),
        (lambda: imgconv.evaluate(np.zeros((2, 2), int), np.zeros((2, 3), int)), "differ in size"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_one_line_in_pythons_words(call: Any, words: str) -> None:
    with pytest.raises(imgconv.ImgconvError) as caught:
        call()
    assert words in str(caught.value) and "\n" not in str(caught.value)
    assert " --" not in str(caught.value)


def test_the_remedy_is_data_and_each_door_has_its_own_words(
    capfd: pytest.CaptureFixture[str],
) -> None:
    Image.fromarray(photo()).save("a.png")
    with pytest.raises(imgconv.InputError, match="raise it with `max_pixels=744`") as caught:
        imgconv.open("a.png", max_pixels=100)
    assert caught.value.remedy == {"max_pixels": 744}
    assert imgconv.open("a.png", **caught.value.remedy).shape == (24, 31, 3)
    assert cli.main(["filter", "-k", "blur", "a.png", "--max-pixels", "100"]) == 1
    assert "raise it with --max-pixels 744" in capfd.readouterr().err


def test_no_message_of_the_library_names_an_option_of_the_command_line() -> None:
    package = ROOT / "imgconv"
    found = []
    for path in package.rglob("*.py"):
        if path.relative_to(package).parts[0] in ("cli", "__main__.py") or is_drawn(path):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            text = getattr(node, "value", None) if isinstance(node, ast.Constant) else None
            if isinstance(text, str) and OPTION.search(text) and not is_prose(text):
                found.append(f"{path.name}:{node.lineno}: {text}")
    assert found == []


OPTION = re.compile(r"(?<![\w-])(--[a-z]|-[a-z] )")


def is_prose(text: str) -> bool:
    """Docstrings may speak of options."""
    return "\n" in text or text.endswith(".")


def is_drawn(path: Path) -> bool:
    """What a picture says is for who types a command."""
    return path.name == "kernel_sheet.py"


def test_an_image_keeps_what_its_file_says_and_gives_it_to_the_next(tmp_path: Path) -> None:
    Image.fromarray(photo()).save("a.jpg", dpi=(300, 300), quality=95)
    image = imgconv.open("a.jpg")
    assert image.axes == "YXS" and image.info.dpi == pytest.approx((300, 300))
    notes = imgconv.save("b.png", imgconv.filter(image, "blur"), like=image)
    assert notes == () and imgconv.open("b.png").info.dpi == pytest.approx((300, 300), abs=0.1)
    with pytest.raises(imgconv.OutputError, match="`force=True`"):
        imgconv.save("b.png", image)
    stack = RNG.integers(0, 9, (4, 8, 9), dtype=np.uint16)
    imgconv.save("s.tif", stack, axes="ZYX")
    again = imgconv.open("s.tif")
    np.testing.assert_array_equal(again.pixels, stack)
    np.testing.assert_array_equal(imgconv.open("s.tif", page=3).pixels, stack[2])
    np.testing.assert_array_equal(np.asarray(again), stack)


def test_segment_measures_as_the_command_line_does() -> None:
    name = standin.model(Path("standin.safetensors"))
    field = np.full((48, 64), 100, np.uint16)
    field[5:14, 6:15] = field[30:39, 20:29] = 1000
    tifffile.imwrite("a.tif", field)
    found = imgconv.segment(field, model=name, pixel_size=0.5)
    assert found.count == found.labels.max() == 2 and found.labels.shape == (48, 64)
    assert cli.main(["segment", "--model", name, "--pixel-size", "0.5", "a.tif", "-q"]) == 0
    np.testing.assert_array_equal(found.labels, tifffile.imread("segmented/a-labels.tif"))
    named = imgconv.segment("a.tif", model=name, pixel_size=0.5)
    np.testing.assert_array_equal(named.overlay, np.asarray(Image.open("segmented/a-overlay.png")))
    head, *rows = Path("segmented/a.csv").read_text().splitlines()
    assert head.split(",") == ["image", *found.measurements]
    for n, row in enumerate(rows):
        values = [column[n] for column in found.measurements.values()]
        assert [float(word) for word in row.split(",")[1:]] == pytest.approx(values, rel=1e-5)
    turned = np.ascontiguousarray(field[::-1])
    stack = imgconv.segment(np.stack([field, turned]), model=name, axes="TYX")
    assert stack.labels.shape == stack.probability.shape == (2, 48, 64)
    assert set(stack.measurements["t"]) <= {1, 2}


def test_measurements_become_a_table_of_pandas() -> None:
    pandas = pytest.importorskip("pandas")
    name = standin.model(Path("standin.safetensors"))
    table = imgconv.segment(np.zeros((20, 20), np.uint8), model=name).measurements.to_pandas()
    assert isinstance(table, pandas.DataFrame) and len(table) == 0 and "area_px" in table


def test_colorize_takes_hints_of_every_kind() -> None:
    name = colorize_standin.model(Path("standin.safetensors"))
    grey = photo(1)
    Image.fromarray(grey).save("a.png")
    expected = by_command(f"colorize --model {name} --hint 3,4,#b01510 a.png -o out.tif")
    for hint in ("3,4,#b01510", (3, 4, "#b01510"), [(3, 4, "#b01510")]):
        np.testing.assert_array_equal(imgconv.colorize(grey, model=name, hint=hint), expected)
    painted = np.zeros((24, 31, 4), np.uint8)
    painted[2:6, 2:6] = 176, 21, 16, 255
    assert imgconv.colorize(grey, model=name, hint=painted).shape == (24, 31, 3)
    model = imgconv.load_model(name, "colorize")
    np.testing.assert_array_equal(imgconv.colorize(grey, model=model, hint="3,4,#b01510"), expected)


def test_evaluate_scores_arrays_files_and_folders(capfd: pytest.CaptureFixture[str]) -> None:
    truth = np.zeros((20, 20), np.uint8)
    truth[2:8, 2:8], truth[12:18, 12:18] = 1, 2
    labels = np.where(truth == 1, truth, 0)
    found = imgconv.evaluate([labels, truth], [truth, truth])
    assert (found.images, found.objects_found, found.objects_true) == (2, 3, 4)
    assert found.recall.value[0] == 0.75 and len(found.each) == 2
    for folder, first in (("labels", labels), ("truth", truth)):
        Path(folder).mkdir()
        for name, image in (("a", first), ("b", truth)):
            Image.fromarray(image).save(f"{folder}/{name}.png")
    by_folders = imgconv.evaluate("labels", "truth")
    assert (by_folders.ap, by_folders.aji) == (found.ap, found.aji)


def parameters(function: Any) -> dict[str, Any]:
    found = inspect.signature(function).parameters.values()
    kinds = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return {p.name: p.default for p in found if p.kind in kinds}


PICTURES = {"residual", "compare", "reference", "rois", "geojson", "probability", "csv",
            "name_pattern", "channels_from_names", "zarr_labels", "report",
            "match_axes"}  # fmt: skip
SHARED = ("filter", "convolve", "pool", "upsample", "denoise", "colorize", "segment", "evaluate",
          "measure", "diff")  # fmt: skip


@pytest.mark.parametrize("name", SHARED)
def test_names_and_defaults_are_those_of_the_command_line(name: str) -> None:
    command = parameters(import_module(f"imgconv.cli.{name}").command)
    function = parameters(getattr(imgconv, name))
    shared = {field: FileOptions.__dataclass_fields__[field].default
              for field in ("max_pixels", "allow_truncated", "recursive", "to_srgb")}  # fmt: skip
    own = set(command) - {"options"} - PICTURES
    assert (
        own == set(function) - {"image", "other", "labels", "truth", *shared}
        or own == {"kernel"} | own
    )
    for setting, default in function.items():
        if default is not inspect.Parameter.empty:
            typed = (command | shared)[setting]
            assert str(default) == str(typed), setting


def test_reading_is_named_as_the_options_are() -> None:
    fields = set(FileOptions.__dataclass_fields__)
    assert set(api.Reading.__annotations__) - {"axes"} <= fields


def test_importing_imgconv_imports_nothing_and_a_name_is_there_when_it_is_used() -> None:
    code = (
        "import sys; before = set(sys.modules); import imgconv\n"
        "print(sorted(set(sys.modules) - before))\n"
        "assert set(imgconv.__all__) <= set(dir(imgconv))\n"
        "for name in imgconv.__all__: assert getattr(imgconv, name).__name__ == name\n"
        "imgconv.filter(__import__('numpy').zeros((4, 4), 'u1'), 'blur')\n"
        "heavy = {'numba', 'scipy', 'PIL', 'skimage', 'typer', 'tifffile'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)  # kernels may have to be compiled
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["['imgconv']", "[]"]


def test_every_function_is_documented_with_an_example_that_holds(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "samples").symlink_to(ROOT / "samples")
    names = {"imgconv": imgconv, "np": np}
    finder, runner = doctest.DocTestFinder(), doctest.DocTestRunner()
    for name in api.__all__:
        thing = getattr(api, name)
        if not inspect.isfunction(thing):
            continue
        for section in ("Returns", "Examples"):
            assert f"\n{section}\n-" in (inspect.getdoc(thing) or ""), (name, section)
        for setting in inspect.signature(thing).parameters:
            assert setting in thing.__doc__, (name, setting)
        (test,) = finder.find(thing, name, globs=dict(names))
        assert test.examples, name
        runner.run(test, out=lambda text: pytest.fail(text))
    assert runner.summarize(verbose=False).failed == 0


@pytest.mark.parametrize("page", ["README.md", "docs/python.md"])
def test_the_examples_of_a_page_hold(page: str, folder: Path) -> None:
    (folder / "samples").symlink_to(ROOT / "samples")
    (folder / "out").mkdir()
    text = (ROOT / page).read_text(encoding="utf-8")
    test = doctest.DocTestParser().get_doctest(text, {}, page, page, 0)
    runner = doctest.DocTestRunner()
    assert len(test.examples) > 2
    runner.run(test, out=lambda text: pytest.fail(text))
