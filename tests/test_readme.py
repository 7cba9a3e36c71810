"""The README's commands run as they stand."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def commands() -> list[str]:
    lines = "\n".join(re.findall(r"```sh\n(.*?)```", README, re.S)).splitlines()
    return [line.split("&& ")[-1] for line in lines if "imgconv" in line]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A folder with the samples, where `imgconv` is this interpreter's."""
    folder = tmp_path_factory.mktemp("readme")
    (folder / "samples" / "cells" / "truth").mkdir(parents=True)
    for name in ("lake.png", "grainy.png", "fruit.jpg", "chart.png", "checker-small.png",
                 "cells/reticle.png", "cells/field-1.tif", "cells/field-2.tif",
                 "cells/timelapse.ome.tif", "cells/truth/field-1.tif",
                 "cells/truth/field-2.tif"):  # fmt: skip
        shutil.copy(ROOT / "samples" / name, folder / "samples" / name)
    program = folder / "bin" / "imgconv"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m imgconv "$@"\n')
    program.chmod(0o755)
    return folder


@pytest.mark.skipif(os.name == "nt", reason="a POSIX shell's commands")
@pytest.mark.parametrize("line", commands())
def test_a_command_of_the_readme_works(folder, line):
    path = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "PYTHONPATH": str(ROOT)}
    result = subprocess.run(
        ["sh", "-c", line], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr


def test_the_first_use_stands_in_the_first_25_lines():
    assert any("imgconv filter" in line for line in README.splitlines()[:25])


def test_the_pictures_and_pages_it_links_to_exist():
    for target in re.findall(r"\]\((?!http)([^)#]+)", README):
        assert (ROOT / target).exists(), target
