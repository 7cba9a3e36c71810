"""README, lecture and gallery: their commands run as they stand, one page after the other in one
folder, print what the pages say, and leave nothing behind that Git would add."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
sys.path[:0] = [str(DOCS), str(ROOT / "samples")]

import make_pictures  # noqa: E402
import make_samples  # noqa: E402

README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = pytest.mark.parametrize("path", make_pictures.PAGES, ids=lambda path: path.stem)
LONG = ("colours", "examples")  # its kinds of commands are the README's and the lecture's too
RUN = pytest.mark.parametrize(
    "path",
    [
        pytest.param(page, id=page.stem, marks=[pytest.mark.long] if page.stem in LONG else [])
        for page in make_pictures.PAGES
    ],
)
SHELL = pytest.mark.skipif(os.name == "nt", reason="a POSIX shell's commands")
WRITTEN = ("*.md", "docs/*.md", "samples/*.md", "training/*.md", "weights/*.md", "benchmarks/*.md")


def commands() -> list[str]:
    """The README's, without what installs and tests."""
    lines = "\n".join(re.findall(r"```sh\n(.*?)```", README, re.S)).splitlines()
    return [line.split("&& ")[-1] for line in lines if "imgconv" in line]


@pytest.fixture(scope="module")
def clone(tmp_path_factory) -> Path:
    """What a clone holds of the samples, whatever else lies beside them here; where there is Git,
    a repository."""
    folder = tmp_path_factory.mktemp("clone")
    for name in (".gitignore", *(f"samples/{name}" for name in make_samples.SAMPLES)):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    if shutil.which("git"):
        git(folder, "init", "-q")
        git(folder, "add", "--all")
    make_pictures.prepare(folder)
    return folder


def git(folder: Path, *words: str) -> str:
    command = ["git", "-C", str(folder), *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@SHELL
@pytest.mark.parametrize("line", commands())
def test_a_command_of_the_readme_works(clone, line):
    make_pictures.shell(clone, line)


@SHELL
@RUN
def test_the_commands_of_a_page_run_and_print_what_it_says(clone, path):
    page = path.read_text(encoding="utf-8")
    make_pictures.shell(clone, "imgconv warmup")
    for code, text in make_pictures.blocks(page):
        printed = make_pictures.shell(clone, code)
        if text is not None:
            assert printed.split() == text.split(), code
    for picture in make_pictures.pictures(page):
        assert make_pictures.written(clone, path, picture).exists(), picture


@SHELL
@pytest.mark.skipif(not shutil.which("git"), reason="no Git here")
def test_all_results_go_where_git_does_not_look(clone):
    """After the commands above; `bin` is what these tests have put there."""
    status = git(clone, "status", "--porcelain", "--untracked-files=all").splitlines()
    assert [line for line in status if not line.startswith(("A  ", "?? bin/"))] == []


@pytest.mark.parametrize(
    "path", [p for glob in WRITTEN for p in sorted(ROOT.glob(glob))], ids=lambda p: p.name
)
def test_no_command_carries_a_comment(path):
    """An interactive zsh, every Mac's, passes it on as arguments."""
    text = path.read_text(encoding="utf-8")
    fenced = re.findall(r"```(?:sh|bash|shell|console|zsh)\n(.*?)```", text, re.S)
    indented = re.findall(r"^ {4}(?:imgconv|python|pip|git|bash) .*$", text, re.M)
    for line in "\n".join([*fenced, *indented]).splitlines():
        assert not re.search(r"(^|\s)#", line), line


def test_the_first_use_stands_in_the_first_25_lines():
    assert any("imgconv filter" in line for line in README.splitlines()[:25])


def test_the_pictures_and_pages_it_links_to_exist():
    for target in re.findall(r"\]\((?!http)([^)#]+)", README):
        assert (ROOT / target).exists(), target


@PAGES
def test_the_pictures_of_a_page_exist_and_are_small(path):
    for picture in make_pictures.pictures(path.read_text(encoding="utf-8")):
        assert (DOCS / "pictures" / picture).stat().st_size < 500_000
