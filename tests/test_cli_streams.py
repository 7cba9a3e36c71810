"""Streams that the caller has closed, full ones, readers that go away: one line, the right code."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
FULL = "standard output: cannot be written (No space left on device)"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("streams")
    Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8)).save(folder / "a.png")
    (folder / "imgconv").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m imgconv "$@"\n')
    (folder / "imgconv").chmod(0o755)
    subprocess.run([folder / "imgconv", "filter", "-k", "blur", "a.png", "-o", "warm.png"],
                   cwd=folder, capture_output=True, check=True)  # fmt: skip
    return folder


def shell(folder: Path, line: str) -> tuple[int, str]:
    """The exit code of a shell's line, and what stands in its file `err`."""
    environment = os.environ | {"PATH": f"{folder}:{os.environ['PATH']}"}
    (folder / "err").write_text("")
    done = subprocess.run(["bash", "-c", line], cwd=folder, env=environment, capture_output=True)
    return done.returncode, done.stderr.decode() + (folder / "err").read_text()


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ("imgconv info a.png >&-", 0, ""),
        ("imgconv --help >&-", 0, ""),
        ("imgconv filter -k blur a.png -fo x.png >&-", 0, ""),
        ("imgconv filter -k blur a.png -fo x.png <&- >&- 2>&-", 0, ""),
        ("imgconv info none.png 2>&-", 1, ""),
        ("imgconv filter -k blur a.png -o - >&-", 1, "standard output is closed"),
        ("imgconv filter -k blur - -fo x.png <&-", 1, "standard input is closed"),
        ("imgconv info --files-from - <&-", 2, "standard input is closed"),
        ("imgconv info a.png >/dev/full", 1, FULL),
        ("imgconv info --json a.png a.png >/dev/full", 1, FULL),
        ("imgconv filter -k blur a.png -o - >/dev/full", 1, FULL),
        ("imgconv filter -k blur a.png -fo x.png >/dev/full", 1, FULL),
        ("imgconv diff a.png a.png >/dev/full", 1, FULL),
        ("imgconv kernels >/dev/full", 1, FULL),
        ("imgconv --help >/dev/full", 1, FULL),
        ("imgconv --version >/dev/full", 1, FULL),
        (
            "imgconv pool a.png --format png -o /dev/full",
            1,
            "/dev/full: cannot be written (No space",
        ),
        ("imgconv pool a.png -fo x.png --range 2>/dev/full", 2, ""),
        ("imgconv info a.png none.png 2>/dev/full", 1, ""),
        ("imgconv filter -k blur a.png -o - | true", 0, ""),
        ("imgconv info a.png a.png a.png | true", 0, ""),
    ],
)
def test_a_stream_that_is_closed_or_full_is_one_line(
    folder: Path, line: str, code: int, words: str
) -> None:
    found, said = shell(folder, line)
    assert (found, words in said, len(said.splitlines())) == (code, True, bool(words)), said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    "words",
    ["--help", "version", "kernels", "man", "info a.png", "cache", "filter -k blur a.png -f"],
)
def test_a_reader_that_has_gone_is_told_as_shells_do(folder: Path, words: str) -> None:
    """128 + SIGPIPE, whichever command it was."""
    ours, theirs = os.pipe()
    os.close(ours)
    done = subprocess.run(
        [folder / "imgconv", *words.split()], cwd=folder, stdout=theirs, stderr=subprocess.PIPE
    )
    os.close(theirs)
    assert (done.returncode, done.stderr) == (141, b"")


def test_a_closed_stream_never_gets_into_the_file_that_is_written(folder: Path) -> None:
    """The first file opened would get its number."""
    assert shell(folder, "imgconv filter -k blur a.png -fo plain.png")[0] == 0
    for closed in ("<&-", ">&-", "2>&-", "<&- >&- 2>&-"):
        assert shell(folder, f"imgconv filter -v -k blur a.png -fo odd.png {closed}")[0] == 0
        assert (folder / "odd.png").read_bytes() == (folder / "plain.png").read_bytes()
