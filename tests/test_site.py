"""The cookbook's recipes run; what the site's hook makes of links and help. (.ci/run builds it.)"""

from __future__ import annotations

import re
import shlex
import shutil
import sys
from pathlib import Path

import pytest
import tifffile
from PIL import Image

from imgconv import cli

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
RECIPES = re.findall(r"```sh\n(.*?)\n```", (DOCS / "cookbook.md").read_text("utf-8"), re.S)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all, since some recipes use what others made. Large samples are cut, to be quick."""
    folder = tmp_path_factory.mktemp("cookbook")
    shutil.copytree(ROOT / "samples", folder / "samples", ignore=shutil.ignore_patterns("*.py"))
    for path in (folder / "samples").rglob("*.*"):
        if path.suffix in (".png", ".jpg"):
            with Image.open(path) as image:
                image.crop((0, 0, min(image.width, 224), min(image.height, 288))).save(path)
        elif path.stem.startswith("field"):
            tifffile.imwrite(path, tifffile.imread(path)[:160, :160])
    return folder


def test_there_are_twenty_recipes() -> None:
    assert len(RECIPES) == 20


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_works(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], recipe: str
) -> None:
    monkeypatch.chdir(folder)
    name, *words = shlex.split(recipe)
    assert (name, cli.main(words)) == ("imgconv", 0), capfd.readouterr().err
    for path in capfd.readouterr().out.splitlines() if "-o" in words else ():
        assert Path(path).stat().st_size > 0


def test_links_become_pages_and_dead_ones_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("mkdocs")
    monkeypatch.setattr(sys, "path", [str(DOCS), *sys.path])
    import site_pages

    text = "[a](docs/lab.md#x) [b](CONTRIBUTING.md) [c](https://example.org/a)"
    assert site_pages.relink(text, ROOT) == (
        "[a](lab.md#x) [b](contributing.md) [c](https://example.org/a)"
    )
    page = tmp_path / "index.html"
    page.write_text('<a href="gone/">x</a><a href="./">y</a><script src="//cdn.example/x.js">')
    assert list(site_pages.problems(page, tmp_path)) == [
        "index.html: loads //cdn.example/x.js from the network",
        "index.html: gone/ leads nowhere",
    ]
    for name, help in site_pages.command_pages():
        assert help.startswith("# "), name
