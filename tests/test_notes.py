"""Every note says what to do; what asks for nothing is a `Fact`, and no note.

Collected from the source; tests/conftest.py asks the same of every note that a test's command says.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path

import pytest
from try_as_newcomer import advises

from imgconv import cli
from imgconv.images.loss import NAMES, _instead

PACKAGE = Path(cli.__file__).parents[1]
NAMED = re.compile(r"(^|_)(notes?|doubts?|loss|losses)(_|$)", re.IGNORECASE)  # what holds notes
Names = dict[str, list[ast.expr]]  # what each may be


def texts(node: ast.expr | None, names: Names) -> Iterator[str]:
    """The texts that an expression may be, without those of a Fact; what is filled in as {}."""
    match node:
        case ast.Constant(value=str(text)) if text:
            yield text
        case ast.JoinedStr(values=parts):
            yield from joined(parts, names)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            yield from joined([left, right], names)
        case ast.Name(id=name):
            yield from every(names.get(name, []), {**names, name: []})
        case ast.Call(func=ast.Attribute(attr="format", value=template)):
            yield from texts(template, names)
        case ast.Call(func=ast.Name(id="tuple" | "list"), args=parts):
            yield from every(parts, names)
        case ast.IfExp(body=one, orelse=other):
            yield from every([one, other], names)
        case ast.BoolOp(values=parts) | ast.Dict(values=parts):
            yield from every(parts, names)
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            yield from every(parts, names)
        case ast.ListComp(elt=part) | ast.GeneratorExp(elt=part) | ast.Starred(value=part):
            yield from texts(part, names)
        case ast.BinOp(left=part) | ast.FormattedValue(value=part):
            yield from texts(part, names)


def every(parts: Sequence[ast.expr], names: Names) -> Iterator[str]:
    for part in parts:
        yield from texts(part, names)


def joined(parts: Sequence[ast.expr], names: Names) -> Iterator[str]:
    """One after the other, in all combinations."""
    found = ([*texts(part, names)] or ["{}"] for part in parts)
    yield from map("".join, product(*found))


def named(node: ast.AST) -> bool:
    """Whether a variable, attribute or function is called so."""
    name = getattr(node, "attr", "") or getattr(node, "id", "") or getattr(node, "name", "")
    return bool(NAMED.search(name))


def notes(tree: ast.AST) -> Iterator[ast.expr | None]:
    """What becomes a note: appended to notes, given to or returned by a function called so."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=function, args=given):
                fills = isinstance(function, ast.Attribute) and named(function.value)
                yield from given if named(function) or fills else ()
                yield from (one.value for one in node.keywords if one.arg == "notes")
                yield from given[1:2] if getattr(function, "id", "") in ("Done", "Result") else ()
            case ast.Assign(targets=[target]) | ast.AnnAssign(target=target):
                yield node.value if named(target) else None
            case ast.AugAssign(target=target, value=value) if named(target):
                yield value
            case ast.FunctionDef() if named(node):
                ends = (e for e in ast.walk(node) if isinstance(e, (ast.Return, ast.Yield)))
                yield from (end.value for end in ends)


TREES = {path: ast.parse(path.read_text("utf-8")) for path in sorted(PACKAGE.rglob("*.py"))}


def assigned(path: Path) -> Names:
    """What the names of a file are set to."""
    found: Names = {}
    for node in ast.walk(TREES[path]):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                found.setdefault(name, []).append(value)
    return found


def imported(path: Path) -> Names:
    """What the names are set to in the files that a file imports from."""
    found: Names = {}
    for node in ast.walk(TREES[path]):
        if isinstance(node, ast.ImportFrom):
            folder = path.parents[node.level - 1] if node.level else PACKAGE.parent
            source = folder.joinpath(*(node.module or "").split(".")).with_suffix(".py")
            found |= assigned(source) if source in TREES else {}
    return found


def collected() -> Iterator[tuple[str, str]]:
    """The file and the text of every note whose end is known before it is said."""
    for path, tree in TREES.items():
        names = imported(path) | assigned(path)
        for text in dict.fromkeys(t for node in notes(tree) for t in texts(node, names)):
            if " " in text and not text.endswith("{}"):  # else a key, or known later
                yield str(path.relative_to(PACKAGE)), text


NOTES = list(collected())


def test_the_notes_of_the_source_are_found() -> None:
    """Some of each way in which notes are made."""
    places = {place for place, _ in NOTES}
    assert len(NOTES) >= 35
    assert places >= {
        "cli/segment.py", "images/fit.py", "images/formats/tiff/write.py", 
        "steps/colorize.py", "steps/denoise.py", "steps/filter.py", "tasks/labels/truth.py",
    }  # fmt: skip


@pytest.mark.parametrize(("place", "text"), NOTES)
def test_a_note_says_what_to_do(place: str, text: str) -> None:
    assert advises(text)


@pytest.mark.parametrize("field", NAMES)
def test_some_format_keeps_what_others_lose(field: str) -> None:
    assert advises(_instead(field))
