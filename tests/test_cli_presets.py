"""Defaults of the user's own, where each comes from, and recorded runs done again."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from imgconv import cli

CELLS = Path(__file__).parent.parent / "samples" / "cells"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    noise = np.random.default_rng(3).integers(0, 256, (12, 15), np.uint8)
    Image.fromarray(noise).save("a.png")
    return tmp_path


def run(capfd: pytest.CaptureFixture[str], *argv: str) -> tuple[int, str, str]:
    code = cli.main(argv)
    return code, *capfd.readouterr()


def pixels(path: str) -> np.ndarray:
    with Image.open(path) as image:
        return np.array(image)


def test_flags_win_then_the_environment_then_the_file(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("imgconv.toml").write_text('[filter]\nkernel = ["box:3", "0 -1 0; -1 5 -1; 0 -1 0"]\n')
    code, out, err = run(capfd, "filter", "a.png", "-o", "file.png")
    assert (code, out, err) == (0, "file.png\n", "imgconv.toml sets kernel\n")
    monkeypatch.setenv("IMGCONV_FILTER_KERNEL", "box:5\n0 1 0; 1 -2 1; 0 1 0")
    assert run(capfd, "filter", "a.png", "-o", "env.png")[2] == (
        "$IMGCONV_FILTER_KERNEL sets kernel\n"
    )
    assert run(capfd, "filter", "-k", "identity", "a.png", "-o", "flag.png")[2] == ""
    monkeypatch.delenv("IMGCONV_FILTER_KERNEL")
    sharp, cross = "0 -1 0; -1 5 -1; 0 -1 0", "0 1 0; 1 -2 1; 0 1 0"
    typed = (("file", "box:3", sharp), ("env", "box:5", cross), ("flag", "identity"))
    for name, *kernels in typed:
        flags = [word for kernel in kernels for word in ("-k", kernel)]
        assert cli.main(["filter", *flags, "a.png", "-o", f"{name}-typed.png", "-q"]) == 0
        assert np.array_equal(pixels(f"{name}.png"), pixels(f"{name}-typed.png"))


def test_a_named_file_takes_the_place_of_the_folder_s(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("imgconv.toml").write_text("this is no TOML\n")
    Path("lab.toml").write_text('quiet = true\nfilter.kernel = "blur"\nfilter.skip_existing = true')
    for way in (["--config", "lab.toml"], []):
        assert run(capfd, "filter", "a.png", *way) == (0, "a-filter.png\n", "")
        Path("a-filter.png").unlink()
        monkeypatch.setenv("IMGCONV_CONFIG", "lab.toml")
    monkeypatch.delenv("IMGCONV_CONFIG")
    assert run(capfd, "filter", "--help")[0] == 0
    code, _, err = run(capfd, "info", "a.png")
    assert code == 2 and err.startswith("error: imgconv.toml: is no TOML: ") and "line 1" in err


@pytest.mark.parametrize(
    ("text", "argv", "words"),
    [
        ("\n[filter]\nbordr = 'wrap'", "filter a.png", "imgconv.toml:3: filter has no option bordr"
         "; did you mean border?"),
        ("[fliter]\n", "filter a.png", "imgconv.toml:1: no such command: [fliter]; did you mean "
         "filter?"),
        ("# x\njosb = 2", "info a.png", "imgconv.toml:2: no such option for all commands: josb; "
         "did you mean jobs?"),
        ("[filter]\nborder = 3", "filter a.png", "imgconv.toml:2: "),
        ("[filter]\nborder = 'foo'", "filter a.png", "is not one of 'reflect'"),
        ("jobs = 0", "info a.png", "imgconv.toml:1: --jobs 0: must be a whole number of 1 or more"),
        ("jobs = 'many'", "info a.png", "imgconv.toml:1: "),
        ("[filter]\nkernel = [\n'blur',\n2020-01-01]", "filter a.png", "imgconv.toml:2: kernel = "),
        ("quiet = 1", "info a.png", "imgconv.toml:1: quiet = 1: must be true or false"),
        ("[pool]\nsize = true", "pool a.png", "imgconv.toml:2: size = true: must be text or a "),
        ("[filter]\nforce = true", "filter a.png", "imgconv.toml:2: force cannot be set here"),
        ("force = true", "filter a.png", "imgconv.toml:1: force cannot be set here"),
        ("[filter]\nfiles = 'a.png'", "filter", "imgconv.toml:2: filter has no option files"),
        ("[models]\njson = true", "models list", "imgconv.toml:2: "),
        ("filter = 3", "info a.png", "imgconv.toml:1: no such option for all commands: filter"),
        ("depth = 12", "filter -k blur a.png", "--depth 12: allowed are 8, 16 and 32 (float) "
         "(set in imgconv.toml:1)"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_one_line_that_says_where(
    capfd: pytest.CaptureFixture[str], text: str, argv: str, words: str
) -> None:
    Path("imgconv.toml").write_text(text)
    code, out, err = run(capfd, *argv.split())
    errors = [line for line in err.splitlines() if line.startswith("error: ")]
    assert (code, out, len(errors)) == (2, "", 1)
    assert words in errors[0]
    assert not Path("a-filter.png").exists()


def test_a_wrong_value_of_the_environment_says_so(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMGCONV_INFO_JOBS", "0")
    code, _, err = run(capfd, "info", "a.png")
    assert code == 2
    assert err == (
        "error: --jobs 0: must be a whole number of 1 or more "
        "(set in $IMGCONV_INFO_JOBS; see imgconv info --help)\n"
    )


def test_config_show_says_where_each_value_comes_from(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("imgconv.toml").write_text(
        "jobs = 2\n[segment]\nrois = true\n[models.list]\njson = true\n"
    )
    monkeypatch.setenv("IMGCONV_SEGMENT_DIAMETER", "9um")
    code, out, _ = run(capfd, "config", "show", "--json", "segment", "--channel", "DAPI", "-f")
    rows = {row["option"]: row for row in map(json.loads, out.splitlines())}
    assert code == 0
    found = {name: (row["value"], row["from"]) for name, row in rows.items() if row["from"]}
    assert found == {
        "diameter": ("9um", "$IMGCONV_SEGMENT_DIAMETER"),
        "channel": ("DAPI", "command line"),
        "force": (True, "command line"),
        "rois": (True, "imgconv.toml:3"),
        "jobs": (2, "imgconv.toml:1"),
    }
    assert rows["max-gap"] | {"from": ""} == {
        "command": "segment", "option": "max-gap", "value": 2, "from": "",
    }  # fmt: skip
    _, everything, _ = run(capfd, "config", "show")
    for line in ("segment --diameter", "segment --rois", "models list --json", "info --jobs"):
        assert sum(one.startswith(line + " ") for one in everything.splitlines()) == 1
    Path("imgconv.toml").write_text("[evaluate]\nnothing = 1\n")
    assert run(capfd, "config", "show")[0] == 2
    code, _, err = run(capfd, "config", "show", "models")
    assert code == 2 and "models list" in err
    assert "did you mean imgconv segment?" in run(capfd, "config", "show", "segmnt")[2]


def small(source: Path, target: str) -> None:
    """A corner, so that the network has little to do."""
    tifffile.imwrite(target, tifffile.imread(source)[:128, :128])


def test_a_recorded_run_is_done_again_and_differences_are_said(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("field-1", "field-2"):
        small(CELLS / f"{name}.tif", f"{name}.tif")
    Path("imgconv.toml").write_text("[segment]\nmin_area = 40\ngeojson = true\n")
    first = ["segment", "field-1.tif", "field-2.tif", "--pixel-size", "0.5", "-o", "first/"]
    assert run(capfd, *first)[0] == 0
    Path("imgconv.toml").write_text("[segment]\nthreshold = 0.9\n")
    monkeypatch.setenv("IMGCONV_SEGMENT_EXCLUDE_BORDER", "1")
    code, out, err = run(capfd, "rerun", "first", "-o", "again")
    assert code == 0 and "again/field-2.geojson\n" in out
    assert "2 of 2 images have the recorded counts" in err
    one, two = (json.loads(Path(f, "imgconv-run.json").read_text()) for f in ("first", "again"))
    assert one["parameters"] == two["parameters"]
    assert [i["count"] for i in one["images"]] == [i["count"] for i in two["images"]]
    for name in ("field-1-labels.tif", "field-2.csv"):
        assert Path("first", name).read_bytes() == Path("again", name).read_bytes()

    code, out, err = run(capfd, "rerun", "first/imgconv-run.json", "-n")
    assert (code, out, err) == (0, "", "nothing differs from the recorded run\n")
    shutil.copy("field-1.tif", "field-2.tif")
    Path("field-1.tif").unlink()
    one |= {"imgconv": "0.0.1", "model": one["model"] | {"sha256": "0" * 64}}
    Path("first/imgconv-run.json").write_text(json.dumps(one))
    code, _, err = run(capfd, "rerun", "first", "-n")
    assert code == 0 and err.count("\n") == 4
    for words in ("the recorded run had 0.0.1", "is another model", "field-1.tif: is not there any"
                  " more", "field-2.tif: has changed"):  # fmt: skip
        assert words in err


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{}", "says nothing of 'command'"),
        ("not JSON", "is no run record"),
        ('{"command": "segment", "images": []}', "says nothing of 'options'"),
        ('{"command": "filter", "options": {}, "images": []}', "is of the command filter"),
        (
            '{"command": "segment", "options": {"no-such": 1}, "images": []}',
            "says nothing of 'failed'",
        ),
    ],
)
def test_what_is_no_record_is_one_line(
    capfd: pytest.CaptureFixture[str], text: str, words: str
) -> None:
    Path("imgconv-run.json").write_text(text)
    code, out, err = run(capfd, "rerun", "imgconv-run.json")
    assert (code in (1, 2), out, err.count("\n")) == (True, "", 1)
    assert words in err
