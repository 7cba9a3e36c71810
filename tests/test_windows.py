"""What differs on Windows and macOS, without one: the branches that ask for the platform, names
with backslashes and drives (through ntpath), consoles that cannot show every character."""

from __future__ import annotations

import io
import ntpath
from pathlib import Path
from types import SimpleNamespace

import pytest

from imgconv.batch import planning, targets
from imgconv.batch.inputs import Found
from imgconv.cli.console import Console
from imgconv.kernels import cache


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names as Windows has them, where output names are made."""
    fake = SimpleNamespace(path=ntpath, sep="\\", curdir=".", devnull="nul", fspath=lambda p: p)
    monkeypatch.setattr(targets, "os", fake)


@pytest.mark.parametrize(
    ("output", "path", "below", "target"),
    [
        (None, "C:\\data\\a.b.png", "a.b.png", "C:\\data\\a.b-filter.png"),
        (None, "C:a.png", "a.png", "C:a-filter.png"),
        ("out\\", "C:\\data\\week 1\\a.png", "week 1\\a.png", "out\\week 1\\a.png"),
        ("out/", "data\\a.png", "a.png", "out/a.png"),
        ("\\\\server\\share\\out\\", "a.png", "a.png", "\\\\server\\share\\out\\a.png"),
        ("D:\\{stem}-x{suffix}", "C:\\data\\a.png", "a.png", "D:\\a-x.png"),
    ],
)
def test_names_have_drives_and_backslashes(
    windows: None, output: str | None, path: str, below: str, target: str
) -> None:
    naming = targets.Naming("filter", output, lambda suffix: suffix, several=False)
    assert naming.target(Found(path, below), 1) == target


@pytest.mark.parametrize(("system", "same"), [("win32", True), ("darwin", True), ("linux", False)])
def test_names_that_differ_in_case_are_one_file_where_they_are(
    monkeypatch: pytest.MonkeyPatch, system: str, same: bool
) -> None:
    monkeypatch.setattr("sys.platform", system)
    assert (planning._fold("/out/Größe.PNG") == planning._fold("/out/GRÖSSE.png")) is same


@pytest.mark.parametrize(
    ("system", "variables", "folder"),
    [
        ("win32", {"LOCALAPPDATA": "C:/Users/me/AppData/Local"}, "C:/Users/me/AppData/Local"),
        ("win32", {}, "/home/me/AppData/Local"),
        ("darwin", {"XDG_CACHE_HOME": "/elsewhere"}, "/home/me/Library/Caches"),
        ("linux", {"XDG_CACHE_HOME": "/elsewhere"}, "/elsewhere"),
        ("linux", {}, "/home/me/.cache"),
    ],
)
def test_the_cache_lies_where_the_platform_has_caches(
    monkeypatch: pytest.MonkeyPatch, system: str, variables: dict[str, str], folder: str
) -> None:
    monkeypatch.setattr("sys.platform", system)
    monkeypatch.setattr(Path, "home", lambda: Path("/home/me"))
    for name in ("IMGCONV_CACHE", "LOCALAPPDATA", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert cache.folder() == Path(folder) / "imgconv" / "kernels"


@pytest.mark.parametrize("encoding", ["cp437", "cp1252", "cp932"])
def test_a_console_that_lacks_characters_gets_the_line_all_the_same(encoding: str) -> None:
    """Python opens standard error with backslashreplace; names are printed in UTF-8 anywhere."""
    said, written = io.BytesIO(), io.BytesIO()
    stderr = io.TextIOWrapper(said, encoding, errors="backslashreplace")
    stdout = io.TextIOWrapper(written, encoding)
    console = Console(None, stdout, stderr)
    console.note("图像.tif: 73 objects, median area 74.99 µm² → ok")
    console.out("图像-labels.tif\n")
    assert b"73 objects" in said.getvalue() and said.getvalue().count(b"\n") == 1
    assert written.getvalue() == "图像-labels.tif\n".encode()
