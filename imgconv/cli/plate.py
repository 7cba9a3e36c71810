"""`imgconv plate`: tables of objects become a table of wells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, Option

from imgconv.errors import UsageError

from .console import ExitCode, current
from .options import Force

if TYPE_CHECKING:
    from collections.abc import Sequence

Tables = Annotated[
    list[str] | None,
    Argument(
        metavar="TABLE...",
        show_default=False,
        help="Tables that segment or measure wrote, or the folders of them.",
    ),
]


def command(
    tables: Tables = None,
    plate_map: Annotated[
        str | None,
        Option(
            "--map",
            metavar="CSV",
            help="What is in the wells: a CSV with a column well (A01 or A1) and any others, which "
            "are joined.",
        ),
    ] = None,
    name_pattern: Annotated[
        str,
        Option(
            "--name-pattern",
            metavar="PATTERN",
            help="How image names tell the well, where tables have no such column: auto, "
            "imagexpress, opera, cellvoyager, scanr, incucyte, micromanager, or your own: "
            "{well}_{site}.tif (* is anything).",
        ),
    ] = "auto",
    output: Annotated[
        str, Option("-o", "--output", metavar="CSV", help="The table of wells; - is a pipe.")
    ] = "-",
    objects: Annotated[
        str | None,
        Option("--objects", metavar="CSV", help="Also all objects with their well and its map."),
    ] = None,
    json: Annotated[bool, Option("--json", help="Print the wells as JSON, one a line.")] = False,
    force: Force = False,
) -> int:
    """Sum up a plate: counts, means, medians and deviations of each well, with the plate's map.

    imgconv segment --name-pattern auto --channels-from-names --channel 1 plate/*.tif -o out/

    imgconv plate out/ --map plate.csv -o wells.csv

    Of every column of numbers there are NAME_mean, NAME_median and NAME_sd (n - 1) over the objects
    of a well; wells of the map without any have a count of 0.
    """
    from imgconv.tasks.plate import wells
    from imgconv.tasks.plate.names import name_pattern as pattern_of

    if not tables:
        raise UsageError("plate needs tables that segment or measure wrote, or their folder")
    pattern = pattern_of(name_pattern)
    known = wells.plate_map(plate_map)[1] if plate_map else {}
    rows, images = wells.objects(wells.tables(tables), pattern)
    columns, found = wells.wells(rows, images, known)
    if objects is not None:
        _write(objects, *wells.mapped(rows, known), force)
    if json:
        _print_json(found)
    if output != "-" or not json:
        _write(output, columns, found, force)
    _say(rows, images, known)
    return ExitCode.OK


def _write(path: str, columns: list[str], rows: Sequence[dict[str, Any]], force: bool) -> None:
    from pathlib import Path

    from imgconv.atomic import output
    from imgconv.tasks.csv_table import csv_text

    if path != "-" and Path(path).exists() and not force:
        raise UsageError(f"{path} exists already: --force overwrites")
    with output(path, force=force, seekable=False) as file:
        file.write(csv_text(columns, rows).encode("utf-8", "surrogateescape"))


def _print_json(rows: Sequence[dict[str, Any]]) -> None:
    import json

    for row in rows:
        current().out(json.dumps(row) + "\n")


def _say(rows: Sequence[Any], images: Any, known: Any) -> None:
    from collections import Counter

    current().say(f"{len(rows)} objects in {len(images)} wells")
    if known:
        lost = sorted(set(images) - set(known))
        count = Counter(row["well"] for row in rows)
        if lost:
            total = sum(count[well] for well in lost)
            current().say(f"not in the map: {', '.join(lost)} ({total} objects)")
