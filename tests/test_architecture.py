"""Who may import whom, that no two files or folders need each other, and how long a file may be."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "imgconv"
FILES = sorted(PACKAGE.rglob("*.py"))
EVERY = [*FILES, *sorted((ROOT / "training").rglob("*.py"))]
EVERY += sorted((ROOT / "benchmarks").rglob("*.py"))


def module(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module(path) for path in EVERY}


def run_time(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those that only a type checker sees."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        yield node
        yield from run_time(node)


def imported(path: Path) -> set[str]:
    """The modules of this repository that a file imports, anywhere in it."""
    package = module(path).split(".")
    package = package if path.name == "__init__.py" else package[:-1]
    found = set()
    for node in run_time(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            whole = ".".join([*base, *([node.module] if node.module else [])])
            names = [f"{whole}.{alias.name}" for alias in node.names]
        else:
            continue
        found |= {nearest(name) for name in names}
    return (found & MODULES) - {module(path)}


def nearest(name: str) -> str:
    """The module that a dotted name is, or lies in."""
    return name if name in MODULES or "." not in name else name.rpartition(".")[0]


FLOORS = [  # from the ground up; a floor may import those before it that ALLOWED names
    "errors", "text", "threads", "atomic", "memory", "doing", "later",
    "kernels", "ops", "engine", "images", "tasks", "batch", "steps", "report", "api",
    "cli",
]  # fmt: skip
GROUND = set(FLOORS[:7])
ALLOWED = {
    **{name: set(FLOORS[:rank]) for rank, name in enumerate(FLOORS[:7])},
    "kernels": set(),
    "ops": {"kernels"},
    "engine": {"kernels"},
    "images": {"kernels"},
    "tasks": {"ops", "engine", "images"},
    "batch": {"images"},
    "steps": {"ops", "engine", "images", "tasks", "batch"},
    "report": {"ops", "images", "tasks", "batch", "steps"},
    "api": {"ops", "engine", "images", "tasks", "batch", "steps"},
    "cli": {"kernels", "ops", "engine", "images", "tasks", "batch", "steps", "report"},
    "__init__": {"api"},
    "__main__": {"cli"},
}


def floor(name: str) -> str:
    parts = name.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def by_path(paths: list[Path]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("path", paths, ids=lambda p: str(p.relative_to(ROOT)))


@by_path(FILES)
def test_a_file_imports_only_from_its_floor_and_those_below(path):
    own = floor(module(path))
    found = {floor(name) for name in imported(path) if name != "imgconv"} - {own}
    assert found <= ALLOWED[own] | (GROUND if own not in GROUND else set())


@by_path(FILES)
def test_the_package_knows_nothing_of_training_and_benchmarks(path):
    assert {name.split(".")[0] for name in imported(path)} <= {"imgconv"}


def test_every_floor_is_known_and_rests_on_lower_ones():
    assert {floor(module(path)) for path in FILES} <= set(ALLOWED)
    for name in FLOORS:
        assert all(FLOORS.index(below) < FLOORS.index(name) for below in ALLOWED[name])


def first_circle(arrows: dict[str, set[str]]) -> list[str]:
    try:
        TopologicalSorter(arrows).prepare()
    except CycleError as error:
        return error.args[1]
    return []


def test_no_two_files_need_each_other():
    assert not first_circle({module(path): imported(path) for path in EVERY})


def test_no_two_folders_need_each_other():
    """A folder and one within it may: what they share lies in the outer one."""
    home = {module(path): ".".join(path.relative_to(ROOT).parts[:-1]) for path in EVERY}
    arrows: dict[str, set[str]] = {folder: set() for folder in home.values()}
    for path in EVERY:
        own = home[module(path)]
        for other in {home[name] for name in imported(path)} - {own}:
            if not (f"{own}.".startswith(f"{other}.") or f"{other}.".startswith(f"{own}.")):
                arrows[own].add(other)
    assert not first_circle(arrows)


def test_a_circle_would_be_found():
    assert first_circle({"a": {"b"}, "b": {"c"}, "c": {"a"}})


@by_path(EVERY)
def test_no_file_is_longer_than_400_lines(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


def test_only_kernel_sources_import_numba():
    for path in FILES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        imports = [n for n in ast.walk(tree) if isinstance(n, (ast.Import, ast.ImportFrom))]
        if any(ast.unparse(n).split()[1].split(".")[0] == "numba" for n in imports):
            assert floor(module(path)) == "kernels" and path.name != "__init__.py"


def test_importing_the_package_imports_nothing_heavy():
    program = "import sys, imgconv; print({'numpy', 'typer', 'PIL', 'numba'} & set(sys.modules))"
    command = [sys.executable, "-c", program]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "set()"
