"""The page that walks through the lecture: its commands run, and print what it says."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parent.parent / "docs"
sys.path.insert(0, str(DOCS))

import make_pictures as page  # noqa: E402

TEXT = page.PAGE.read_text(encoding="utf-8")


@pytest.mark.skipif(os.name == "nt", reason="a POSIX shell's commands")
def test_the_commands_of_the_lecture_run_and_print_what_the_page_says(tmp_path):
    page.prepare(tmp_path)
    page.shell(tmp_path, "imgconv warmup")
    for code, text in page.blocks(TEXT):
        printed = page.shell(tmp_path, code)
        if text is not None:
            assert printed.split() == text.split(), code
    for picture in page.pictures(TEXT):
        assert (tmp_path / picture).exists(), picture


def test_the_pictures_of_the_lecture_exist_and_are_small():
    for picture in page.pictures(TEXT):
        assert (DOCS / "pictures" / picture).stat().st_size < 500_000
