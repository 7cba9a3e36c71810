"""The pages that show what commands do: the lecture, the gallery. Their commands run, and print
what the pages say."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parent.parent / "docs"
sys.path.insert(0, str(DOCS))

import make_pictures  # noqa: E402

PAGES = pytest.mark.parametrize("path", make_pictures.PAGES, ids=lambda path: path.stem)


@pytest.mark.skipif(os.name == "nt", reason="a POSIX shell's commands")
@PAGES
def test_the_commands_of_a_page_run_and_print_what_it_says(tmp_path, path):
    page = path.read_text(encoding="utf-8")
    make_pictures.prepare(tmp_path)
    make_pictures.shell(tmp_path, "imgconv warmup")
    for code, text in make_pictures.blocks(page):
        printed = make_pictures.shell(tmp_path, code)
        if text is not None:
            assert printed.split() == text.split(), code
    for picture in make_pictures.pictures(page):
        assert (tmp_path / picture).exists(), picture


@PAGES
def test_the_pictures_of_a_page_exist_and_are_small(path):
    for picture in make_pictures.pictures(path.read_text(encoding="utf-8")):
        assert (DOCS / "pictures" / picture).stat().st_size < 500_000
