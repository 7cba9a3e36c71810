"""From names to files: folders, quoted patterns, lists, loops of links, odd names."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

import pytest

from imgconv.batch.inputs import Inputs, Names
from imgconv.errors import UsageError


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("b.png", "a.JPG", "notes.txt", ".hidden.png", "sub/c.tif", "sub/deep/d.png"):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"x")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def paths(*named: str, recursive: bool = False) -> list[str]:
    return [found.path for found in Inputs(named, recursive=recursive)]


def test_a_folder_stands_for_its_images_in_order_of_their_names(tree: Path) -> None:
    assert paths(str(tree)) == [str(tree / "a.JPG"), str(tree / "b.png")]


def test_recursion_finds_the_images_of_all_folders_and_remembers_where_they_lay(tree: Path) -> None:
    found = list(Inputs([str(tree)], recursive=True))
    assert [f.below for f in found] == ["a.JPG", "b.png", "sub/c.tif", "sub/deep/d.png"]


def test_a_quoted_pattern_is_expanded_like_the_shell_would(tree: Path) -> None:
    assert paths("*.png") == ["b.png"]
    assert paths("sub/[cd].tif") == ["sub/c.tif"]
    assert paths("**/*.png") == ["b.png", "sub/deep/d.png"]


def test_a_file_whose_name_looks_like_a_pattern_is_that_file(tree: Path) -> None:
    (tree / "[b].png").write_bytes(b"x")
    assert paths("[b].png") == ["[b].png"]


def test_a_pattern_without_matches_and_an_empty_folder_are_reported(tree: Path) -> None:
    (tree / "empty").mkdir()
    assert [f.error for f in Inputs(["*.webp"])] == ["no file matches this pattern"]
    assert "no images in this folder" in next(iter(Inputs(["empty"]))).error


def test_every_file_is_taken_once(tree: Path) -> None:
    assert paths("b.png", "./b.png", ".", str(tree / "b.png")) == ["b.png", "./a.JPG"]


def test_a_link_that_leads_back_up_is_reported_and_the_rest_is_found(tree: Path) -> None:
    (tree / "sub" / "loop").symlink_to(tree)
    found = list(Inputs([str(tree)], recursive=True))
    assert [f.path for f in found if f.error] == [str(tree / "sub" / "loop")]
    assert sum(not f.error for f in found) == 4


def test_double_star_does_not_follow_links_in_circles(tree: Path) -> None:
    (tree / "sub" / "one").symlink_to(tree)
    (tree / "sub" / "two").symlink_to(tree)
    assert paths("**/*.tif") == ["sub/c.tif"]


def test_a_broken_link_in_a_folder_stays_an_input_so_that_it_fails_by_name(tree: Path) -> None:
    (tree / "gone.png").symlink_to(tree / "nowhere.png")
    (tree / "self.png").symlink_to(tree / "self.png")
    assert {"gone.png", "self.png"} <= {Path(p).name for p in paths(".")}


@pytest.mark.parametrize("separator", [b"\n", b"\0", b"\r\n"])
def test_a_list_is_split_at_newlines_or_null_bytes(tree: Path, separator: bytes) -> None:
    (tree / "list").write_bytes(separator.join([b"a b.png", b"-x.png", b"caf\xe9.png", b""]))
    assert list(Names("list")) == ["a b.png", "-x.png", os.fsdecode(b"caf\xe9.png")]


def test_null_separated_names_may_hold_newlines(tree: Path) -> None:
    (tree / "list").write_bytes(b"a\nb.png\0c.png")
    assert list(Names("list")) == ["a\nb.png", "c.png"]


def test_a_list_comes_from_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a.png\nb.png\n")))
    assert list(Names("-")) == ["a.png", "b.png"]


def test_a_missing_list_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="`files_from='nowhere'`: No such file"):
        Names("nowhere")


def test_listed_names_are_no_patterns_and_a_dash_is_a_file(tree: Path) -> None:
    found = Inputs([], ["*.png", "-"])
    assert [f.path for f in found] == ["*.png", "./-"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_a_list_is_read_in_the_alphabets_of_windows(tmp_path, encoding):
    import codecs

    names = ["a.png", "Zürich 1.tif", "多.jpg"]
    marks = {"utf-16-le": codecs.BOM_UTF16_LE, "utf-16-be": codecs.BOM_UTF16_BE}
    data = marks.get(encoding, b"") + "\r\n".join([*names, ""]).encode(encoding)
    (tmp_path / "list.txt").write_bytes(data)
    assert list(Names(str(tmp_path / "list.txt"))) == names


@pytest.mark.parametrize("pattern", [
    "*/*.png", "**/d*.png", "s*/**/*.tif", "*/deep/?.png", "**/deep/**/*.png", "**/**/*", "[a-b]*",
    "nowhere/*", "s?b/d*p/*",
])  # fmt: skip
def test_patterns_mean_what_pathlib_says(tree: Path, pattern: str) -> None:
    visible = (p for p in Path().glob(pattern) if not any(o.startswith(".") for o in p.parts))
    expected = sorted({p for p in visible if not p.is_dir()})
    assert [Path(f.path) for f in Inputs([pattern]) if not f.error] == expected
