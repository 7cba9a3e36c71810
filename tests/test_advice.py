"""Every option that a message names is one that its command has."""

from __future__ import annotations

import ast
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import try_as_newcomer

from imgconv import cli
from imgconv.cli.console import in_options
from imgconv.errors import SETTING

PACKAGE = Path(cli.__file__).parents[1]
OPTION = re.compile(r"(?<![\w-])--[a-z][\w-]*(?=[\s;,:.)}=]|$)")
ALWAYS = {"--help", "--version"}
OF_OTHERS = {"--scheduler-file"}  # programs of others


def options(command: object) -> set[str]:
    members = getattr(command, "commands", {}).values()
    found = {one for p in getattr(command, "params", ()) for one in (*p.opts, *p.secondary_opts)}
    return found.union(*map(options, members))


TELLS = {"kernels": "filter"}  # a command that lists what another takes
COMMANDS = {name: options(cli.load(name)) for name in cli.COMMANDS}
EVERY = set().union(*COMMANDS.values()) | ALWAYS


def sentences(path: Path) -> Iterator[tuple[int, str]]:
    """The texts in a file, but for what explains code; what is filled in as {}."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    skipped = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            skipped |= {id(part) for part in node.values}
            parts = [str(p.value) if isinstance(p, ast.Constant) else "{}" for p in node.values]
            yield node.lineno, "".join(parts)
        elif isinstance(node, ast.Constant) and id(node) not in skipped:
            yield node.lineno, str(node.value)


def owner(path: Path) -> str:
    """The command that a file belongs to alone, or ""."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    if parts[0] == "tasks" and len(parts) > 2:
        return parts[1] if parts[1] in COMMANDS else ""
    word = parts[-1].partition("_")[0]
    word = {"model": "models", "architectures": "models"}.get(word, word)
    return word if parts[0] in ("cli", "steps") and word in COMMANDS else ""


FILES = [path for path in sorted(PACKAGE.rglob("*.py")) if path.name != "meant.py"]  # wrong words


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_an_option_that_a_text_names_exists_in_its_command(path: Path) -> None:
    own = owner(path)
    known = COMMANDS[own] | ALWAYS | COMMANDS.get(TELLS.get(own, ""), set()) if own else EVERY
    for line, text in sentences(path):
        if not (OPTION.search(text) or SETTING.search(text)) or "\n" in text:
            continue
        others = re.findall(r"imgconv (\w+)|(\w+)'s --", text)
        elsewhere = {one for pair in others for name in pair for one in COMMANDS.get(name, ())}
        named = set(OPTION.findall(in_options(text).replace("`", "")))
        assert named <= known | elsewhere | OF_OTHERS, f"line {line}: {text}"


LINES = list(try_as_newcomer.lines())


@pytest.mark.parametrize(("line", "right"), LINES[::7])
def test_lines_of_a_first_day(
    line: str, right: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some of them; all by `python tests/try_as_newcomer.py`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    shutil.copy(try_as_newcomer.CHART, "a.png")
    assert not try_as_newcomer.check(line, right)


def test_half_of_the_lines_of_a_first_day_are_wrong() -> None:
    wrong = sum(not right for _, right in LINES)
    assert len(LINES) >= 150 and 0.4 < wrong / len(LINES) < 0.6
