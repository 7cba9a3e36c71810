"""Nothing heavy is loaded before it is needed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import typer
from PIL import Image

HEAVY = {
    "numpy", "PIL", "numba", "llvmlite", "rich", "tifffile", "imagecodecs", "isal", "scipy",
    "imgconv.images", "imgconv.batch", "imgconv.ops", "imgconv.cli.options",
}  # fmt: skip
NEVER = {"numba", "rich", "scipy", "concurrent.futures.process", "multiprocessing"}


def loaded(*argv: str) -> set[str]:
    """Every module that a process holds after the command line."""
    code = (
        "import sys; from imgconv.cli import main; code = main(sys.argv[1:]); "
        "print(*sys.modules, file=sys.stderr); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", code, *argv], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-500:]
    return set(done.stderr.splitlines()[-1].split())


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("photo") / "a.png"
    Image.fromarray(np.zeros((20, 30, 3), np.uint8)).save(path)
    return path


@pytest.mark.parametrize("argv", [("--help",), ("--version",)])
def test_help_and_version_load_nothing_heavy(argv: tuple[str, ...]) -> None:
    assert not loaded(*argv) & HEAVY


def test_the_help_of_a_command_loads_that_command_only() -> None:
    modules = loaded("filter", "--help")
    commands = {m for m in modules if m.startswith("imgconv.cli.")}
    assert commands == {
        f"imgconv.cli.{name}"
        for name in (
            "complete",
            "console",
            "filter",
            "help",
            "meant",
            "options",
            "presets",
            "signals",
        )
    }
    assert not modules & (HEAVY - {"imgconv.cli.options"})


@pytest.mark.skipif(
    typer.__version__ >= "0.29", reason="this Typer converts arguments with pydantic: 0.2 s more"
)
def test_arguments_are_converted_without_pydantic(photo: Path) -> None:
    assert "pydantic" not in loaded("info", str(photo))


def test_a_command_loads_what_it_needs_and_no_more(photo: Path) -> None:
    assert not loaded("info", str(photo)) & (NEVER | {"PIL", "tifffile", "isal"})


def test_filtering_on_a_warm_cache_never_imports_numba(photo: Path) -> None:
    loaded("filter", "-k", "sharpen", str(photo), "-f")
    modules = loaded("filter", "-k", "sharpen", str(photo), "-f")
    assert not modules & (NEVER | {"PIL", "tifffile"})


def test_importing_the_package_imports_nothing_else() -> None:
    code = "import sys; before = set(sys.modules); import imgconv; print(set(sys.modules) - before)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "{'imgconv'}"
