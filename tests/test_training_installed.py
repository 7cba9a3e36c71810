"""What `pip install "imgconv[train]"` brings, and commands that pages on training print."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("hatchling")

ROOT = Path(__file__).parent.parent
TRAINING = sorted((ROOT / "training").rglob("*.py"))


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds what the wheel does."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
        wheel.extractall(folder / "site")
    return folder / "site"


def python(site: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """In a process that sees this folder, and not the clone."""
    code = (
        f"import sys; sys.path[:] = [{str(site)!r}] + "
        f"[p for p in sys.path if p and p != {str(ROOT)!r}]; {words[0]}"
    )
    return subprocess.run(
        [sys.executable, "-c", code, *words[1:]], cwd=site, capture_output=True, text=True
    )


def test_the_wheel_brings_training_under_a_name_of_its_own(installed: Path) -> None:
    run = "import runpy; runpy.run_module('imgconv_training.segmentation', run_name='__main__')"
    said = python(installed, run, "--help")
    assert said.returncode == 0 and "--start" in said.stdout, said.stderr
    every = "".join(
        f"import imgconv_training.{name}; "
        for name in ("gpu", "digits", "curve", "export", "denoising.crosshair", "colorizing.export")
    )
    print_files = "import imgconv; print(imgconv_training.__file__, imgconv.__file__)"
    where = python(installed, every + print_files)
    found = [Path(file).parent for file in where.stdout.split()]
    assert found == [installed / "imgconv_training", installed / "imgconv"], where.stderr
    assert not (installed / "training").exists()
    assert (installed / "imgconv_training" / "segmentation" / "cards" / "nuclei.json").is_file()


def test_the_wheel_brings_what_is_no_python(installed: Path) -> None:
    tracked = [path for path in (ROOT / "imgconv").rglob("*") if path.suffix in ASSETS]
    tracked += [ROOT / "imgconv_napari" / "napari.yaml"]
    assert {path.suffix for path in tracked} >= {".js", ".css", ".html", ".json", ".yaml"}
    for path in tracked:
        assert (installed / path.relative_to(ROOT)).read_bytes() == path.read_bytes()


ASSETS = (".js", ".css", ".html", ".json", ".txt", ".typed")


@pytest.mark.parametrize("path", TRAINING, ids=lambda p: str(p.relative_to(ROOT)))
def test_training_names_itself_by_no_name_and_needs_nothing_that_is_not_installed(path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and not node.level:
            names = [node.module or ""]
        assert not {name.split(".")[0] for name in names} & {"training", "benchmarks", "tests"}
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


PAGES = ("training/README.md", "docs/SEGMENTATION.md", "docs/DENOISING.md", "docs/COLORIZING.md")


@pytest.mark.parametrize("page", PAGES)
def test_every_command_of_a_page_is_understood(page: str) -> None:
    text = re.sub(r"\\\n\s*", "", (ROOT / page).read_text(encoding="utf-8"))
    commands = re.findall(r"^ *python -m (training\.\S+) (.+)$", text, re.MULTILINE)
    assert commands
    for name, words in commands:
        is_task = (ROOT / name.replace(".", "/") / "train.py").is_file()
        module = importlib.import_module(f"{name}.train" if is_task else name)
        if hasattr(module, "arguments"):
            module.arguments(words.split())  # SystemExit where it is not
