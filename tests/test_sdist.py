"""The sdist holds what Git tracks, whatever lies beside it; and can be built again from itself."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

import imgconv

pytest.importorskip("hatchling")
ROOT = Path(__file__).parent.parent
TRACKED = (
    "pyproject.toml", "hatch_build.py", ".gitignore", "README.md", "LICENSE",
    "imgconv/__init__.py", "samples/chart.png", "tests/test_sdist.py",
)  # fmt: skip


def packed(folder: Path) -> set[str]:
    """Build the sdist of a folder; its files, but for the metadata that every sdist has."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "sdist"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (archive,) = (folder / "dist").glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        names = tar.getnames()
    assert len(names) == len(set(names))
    return {name.split("/", 1)[1] for name in names} - {"PKG-INFO"}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for name in TRACKED:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


@pytest.mark.skipif(not shutil.which("git"), reason="no Git here")
def test_only_tracked_files_are_packed(checkout):
    for command in (["init", "-q"], ["add", "--all"]):
        subprocess.run(["git", "-C", str(checkout), *command], check=True)
    for name in ("samples/chart-filter.png", "tests/mine.py", "notes.txt"):
        (checkout / name).write_bytes(b"")
    assert packed(checkout) == set(TRACKED)


def test_an_unpacked_sdist_makes_the_same_again(checkout):
    assert packed(checkout) == set(TRACKED)


def test_the_version_is_one_wherever_it_stands() -> None:
    cited = re.search(r"^version: (.+)$", (ROOT / "CITATION.cff").read_text("utf-8"), re.M)
    changes = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert cited and cited[1] == imgconv.__version__
    released = re.findall(r"^## \[(\d+\.\d+\.\d+)\]", changes, re.M)
    assert released[:1] == [imgconv.__version__] or f"is {imgconv.__version__}\nin the" in changes
