"""objects.csv: the objects of all images of a folder in one table, made of the images' own.

It holds what the folder's record names, so that a run that is killed, resumed or repeated in part
leaves the table of an undisturbed one.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePath
from typing import Any

from imgconv.atomic import output
from imgconv.errors import OutputError
from imgconv.images import show_name
from imgconv.tasks.csv_table import format_field
from imgconv.tasks.segment.run_record import KEY, OBJECTS_NAME


def check_objects(folder: str) -> None:
    """Raises OutputError where the folder has a file of this name that is none of ours."""
    path = Path(folder) / OBJECTS_NAME
    columns = _columns(path) if path.exists() else []
    if columns is None or (columns and columns[-1] != KEY):
        raise OutputError(
            f"{show_name(path)}: is no table of imgconv segment, and is not overwritten; move it "
            "away, write elsewhere with `output`, or replace it with `force=True`"
        )


def write_objects(folder: str, record: dict[str, Any]) -> tuple[str, int]:
    """The path of the table, and how many images it lacks because theirs is not there any more."""
    tables = sorted(_tables(folder, record))
    columns = [_columns(path) for _, path in tables]
    known = [one for one in zip(tables, columns, strict=True) if one[1] is not None]
    path = str(Path(folder) / OBJECTS_NAME)
    with output(path, force=True, seekable=False) as file:
        every = join_columns([names for _, names in known if names])
        _write(file, [*every, KEY], [table for table, _ in known])
    return path, len(tables) - len(known)


def _write(file: Any, columns: Sequence[str], tables: Sequence[tuple[str, Path]]) -> None:
    """The rows of all tables with the name of their label file; fields stay as they are quoted."""
    text = io.TextIOWrapper(file, "utf-8", "surrogateescape", newline="", write_through=True)
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for labels, path in tables:
        name = format_field(labels)
        for row in _rows(path):
            writer.writerow([*(row.get(column, "") for column in columns[:-1]), name])
    text.detach()


def _tables(folder: str, record: dict[str, Any]) -> Iterator[tuple[str, Path]]:
    """Each image's label file and its table, as the record of all runs has them."""
    for run in (record, *record.get("earlier", ())):
        kinds = list(run["parameters"]["outputs"])
        for image in run["images"]:
            named = dict(zip(kinds, image["outputs"], strict=False))
            name = PurePath(str(named.get("table", "")))
            if name.suffix == ".csv" and not name.is_absolute() and ".." not in name.parts:
                yield image[KEY], Path(folder) / name


def _columns(path: Path) -> list[str] | None:
    """The columns of a table of objects; None of what is none, or not there."""
    try:
        with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
            found = next(csv.reader(file), [])
    except (OSError, csv.Error):
        return None
    return found if found[:1] == ["image"] and "label" in found else None


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
        yield from csv.DictReader(file)


def join_columns(tables: Sequence[Sequence[str]]) -> list[str]:
    """Every column once: what a table has more follows what stands before it there."""
    every: list[str] = []
    for columns in tables:
        at = 0
        for name in columns:
            if name not in every:
                every.insert(at, name)
            at = every.index(name) + 1
    return every
