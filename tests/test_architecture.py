"""Who may import whom, and how long a file may be."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "imgconv"
FILES = sorted(PACKAGE.rglob("*.py"))

GROUND = {"errors", "text", "threads", "atomic", "memory"}
MAY_IMPORT = {
    "cli": {"steps", "batch", "images", "ops", "tasks", "engine", "kernels"},
    "api": {"steps", "images", "ops", "tasks", "engine"},
    "steps": {"batch", "images", "ops", "tasks", "engine"},
    "batch": {"images"},
    "tasks": {"ops", "engine", "images"},
    "engine": {"kernels"},
    "ops": {"kernels"},
    "images": {"kernels"},
    "kernels": set(),
    "__init__": {"api"},
    "__main__": {"cli"},
    **{name: GROUND - {name} for name in GROUND},
}


def layer(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(path: Path) -> set[str]:
    """The layers of imgconv that a file imports, anywhere in it."""
    package = ("imgconv", *path.relative_to(PACKAGE).parts[:-1])
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            whole = ".".join([*base, *([node.module] if node.module else [])])
            names = [f"{whole}.{alias.name}" for alias in node.names]
        else:
            continue
        parts = [name.split(".") for name in names]
        found |= {p[1] for p in parts if p[0] == "imgconv" and len(p) > 1}
    return found - {"__version__"}


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_layer_imports_only_the_layers_below_it(path):
    own = layer(path)
    assert imported(path) - {own} <= MAY_IMPORT[own] | (GROUND - {own})


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_no_file_is_longer_than_400_lines(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


def test_only_kernel_sources_import_numba():
    for path in FILES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        imports = [n for n in ast.walk(tree) if isinstance(n, (ast.Import, ast.ImportFrom))]
        if any(ast.unparse(n).split()[1].split(".")[0] == "numba" for n in imports):
            assert layer(path) == "kernels" and path.name != "__init__.py"


def test_importing_the_package_imports_nothing_heavy():
    program = "import sys, imgconv; print({'numpy', 'typer', 'PIL', 'numba'} & set(sys.modules))"
    command = [sys.executable, "-c", program]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "set()"
