"""What is known of model files: for lists, and whether they are what they were."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from imgconv import engine
from imgconv.engine import Model
from imgconv.engine.bundled import path as path_of
from imgconv.errors import ImgconvError
from imgconv.images import show_name
from imgconv.text import show_text

from .console import current, in_options

LIST = "SHA256SUMS"
UNITS = ("", "k", "M", "G", "T")


def each(names: Iterable[str] | None) -> tuple[list[Model], int]:
    """The models of these names (or all that are bundled), and 1 if any could not be read."""
    found, failed = [], 0
    for name in choose_names(names):
        try:
            found.append(engine.load(name))
        except ImgconvError as problem:
            say(str(problem))
            failed = 1
    return found, failed


def choose_names(names: Iterable[str] | None) -> list[str]:
    """The names, or all that are bundled."""
    if names:
        return list(names)
    found = [str(path) for path in engine.bundled_models()]
    if not found:
        say("no models come with this installation: name .safetensors files")
    return found


def say(line: str) -> None:
    current().error(in_options(line))


def record(model: Model) -> dict[str, Any]:
    """One line of the list, as JSON's types."""
    card = model.card
    return {
        "name": name_of(model),
        "task": card.get("task") or "",
        "bytes": Path(model.path).stat().st_size,
        "parameters": parameters(model),
        "licence": licence(card),
        "description": str(card.get("description") or ""),
        "path": model.path,
    }


def name_of(model: Model) -> str:
    return str(model.card.get("name") or Path(model.path).stem)


def parameters(model: Model) -> int:
    """Numbers of the float weights."""
    return sum(t.size for t in model.graph.tensors.values() if t.dtype.kind == "f")


def licence(card: dict[str, Any]) -> str:
    found = card.get("licence") or ""
    return str(found.get("name", "") if isinstance(found, dict) else found)


def table(records: Sequence[dict[str, Any]]) -> str:
    """The list as columns for people, each model's description below: 80 columns wide."""
    from textwrap import fill

    rows, below = [("name", "task", "size", "parameters", "licence")], [""]
    for one in records:
        size, count = f"{format_count(one['bytes'])}B", format_count(one["parameters"])
        first = " ".join(one["description"].split()).split(". ")[0].rstrip(".")
        terms = one["licence"].split(",")[0] or "-"
        rows.append((one["name"], one["task"] or "-", size, count, terms))
        below.append(fill(first, 80, initial_indent="    ", subsequent_indent="    "))
    lines = zip(columns(rows, right=(2, 3)).splitlines(), below, strict=True)
    return "\n".join(line for pair in lines for line in pair if line)


def columns(rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> str:
    """Rows of words, each column as wide as its widest word; some to the right."""
    rows = [[show_text(word) for word in row] for row in rows]
    wide = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    sides = ["rjust" if i in right else "ljust" for i in range(len(wide))]
    lines = (
        "  ".join(getattr(w, side)(n) for w, side, n in zip(row, sides, wide, strict=True))
        for row in rows
    )
    return "\n".join(line.rstrip() for line in lines)


def format_count(number: float) -> str:
    """1234567 as 1.23 M, 999 as 999."""
    power = 0
    while abs(number) >= 999.5 and power < len(UNITS) - 1:
        number, power = number / 1000, power + 1
    digits = 0 if power == 0 or abs(number) >= 99.95 else 1 if abs(number) >= 9.995 else 2
    return f"{number:.{digits}f} {UNITS[power]}" if power else f"{number:.0f} "


def verify(names: Iterable[str] | None) -> int:
    """Print a line for each model, problems on standard error; 1 if there were any."""
    files = [path_of(name) for name in choose_names(names)]
    problems = [] if names else list(_missing({file.parent for file in files}))
    for problem in problems:
        say(problem)
    results = [_verify(file) for file in files]
    return int(bool(problems) or not all(results))


def _missing(folders: Iterable[Path]) -> Iterable[str]:
    for folder in folders:
        for name in sums(folder):
            if not (folder / name).is_file():
                yield f"{show_name(folder / name)}: missing, though {LIST} lists it"


def _verify(file: Path) -> bool:
    try:
        model = engine.load(str(file))
        digest = model.sha256
    except ImgconvError as problem:
        say(str(problem))
        return False
    listed = sums(file.parent)
    if listed and file.name not in listed:
        say(
            f"{show_name(file)}: not in {LIST} beside it (sha256sum *.safetensors > {LIST} adds it)"
        )
        return False
    if listed and listed[file.name] != digest:
        say(f"{show_name(file)}: changed: its SHA-256 is {digest}, {LIST} says {listed[file.name]}")
        return False
    what = "whole" if listed else f"the graph is sound; SHA-256 {digest}"
    current().out(f"{show_name(file)}: {what}\n")
    return True


def sums(folder: Path) -> dict[str, str]:
    """Name -> hash of a folder's list, as sha256sum writes it; {} without one."""
    try:
        lines = (folder / LIST).read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    pairs = (line.split(maxsplit=1) for line in lines if len(line.split(maxsplit=1)) == 2)
    return {name.lstrip("*"): digest.lower() for digest, name in pairs}
