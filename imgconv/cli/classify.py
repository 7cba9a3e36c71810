"""`imgconv classify`: what pictures show, and numbers read from scans."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from typer import Option

from imgconv.errors import InputError, UsageError

from . import complete
from .options import Force, InputOptions, PreserveTimes, Report

if TYPE_CHECKING:
    from imgconv.batch import Outcome
    from imgconv.tasks.classify.read import Classes

WIDEST = 48  # letters of a file's name before the classes


@dataclass(frozen=True, eq=False, repr=False)
class ClassifyOptions(InputOptions):
    """What describes images as they are shown."""

    values: ClassVar[str] = "shown"
    force: Force = False
    preserve_times: PreserveTimes = False


def command(
    options: ClassifyOptions,
    model: Annotated[
        str,
        Option(
            "--model",
            metavar="NAME|FILE",
            autocompletion=complete.models("classify"),
            help="digits, or a .safetensors file of a network that classifies.",
        ),
    ] = "digits",
    top: Annotated[
        int, Option("--top", min=1, max=1000, metavar="K", help="How many classes to show.")
    ] = 3,
    classes: Annotated[
        str | None,
        Option(
            "--classes",
            metavar="FILE",
            help="Names of the classes, one a line, in order. [default: the model's card]",
        ),
    ] = None,
    csv: Annotated[
        str | None, Option("--csv", metavar="FILE", help="All classes and probabilities, a table.")
    ] = None,
    sort_into: Annotated[
        str | None,
        Option(
            "--sort-into",
            metavar="FOLDER",
            help="Copy each file into FOLDER/CLASS/; the files themselves stay where they are.",
        ),
    ] = None,
    report: Report = False,
) -> int:
    """Say what pictures show: the likeliest classes and their probabilities.

    imgconv classify scan.png

    imgconv classify --sort-into sorted/ 'scans/*.png' --csv all.csv --report

    imgconv classify --model resnet.safetensors --classes names.txt --top 5 photo.jpg

    The model digits reads written and printed digits of scans: dark on light or light on dark, of
    any size, several in a row as one number, and says "no digit" where there is none. Standard
    output has one line a picture: its name, then classes with their probabilities.
    The page of --report goes into the folder of --sort-into, else here.
    """
    from imgconv import engine
    from imgconv.batch import plan_inputs
    from imgconv.steps.classify import ClassifyFile, rows
    from imgconv.tasks.classify.run import classifier

    from .files import carry_out
    from .pages import ended, refuse_written, told
    from .report import show_written

    planned = plan_inputs(
        options.files or (),
        recursive=options.recursive,
        files_from=options.files_from,
        ahead=None,
    )
    sources = [item.source for item in planned.items]
    if sort_into is not None and "-" in sources:
        raise UsageError("--sort-into copies files; standard input has no name to copy it under")
    if csv is not None:
        _check_csv(csv, options.force)
    place = sort_into or os.curdir
    if report:
        refuse_written([place], options.force)
    work = classifier(engine.load(model, "classify"), class_names(classes), top)
    step = ClassifyFile(work, sort_into or "", options.reading, options.force)
    width = min(WIDEST, max((len(_name(source)) for source in sources), default=0))
    outcomes: list[Outcome] = []

    def show(outcome: Outcome) -> str:
        return text(_name(outcome.item.source), outcome.done.value, width)

    code = carry_out(planned, options, step, show=show, fold=outcomes.append)
    table = [row for o in outcomes for row in rows(o.item.source, o.done.value or ())]
    if csv is not None and table:
        _write_csv(csv, table, options.force)
    if report and ended(code):
        from imgconv.report.classify import write_report

        show_written([write_report(place, outcomes, step, **told())], options.json)
    return code


def text(name: str, found: list[Classes], width: int) -> str:
    """A line for each plane: name, then class and probability, class and probability."""
    lines = []
    for number, one in enumerate(found, 1):
        label = f"{name}:{number}" if len(found) > 1 else name
        pairs = "   ".join(f"{kind} {100 * p:5.1f} %" for kind, p in one.ranked)
        lines.append(f"{label:{width}}  {pairs}\n")
    return "".join(lines)


def _name(source: str) -> str:
    from imgconv.images import show_name

    return "standard input" if source == "-" else show_name(source)


def class_names(path: str | None) -> list[str]:
    """The classes of a file, one a line."""
    from pathlib import Path

    if path is None:
        return []
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as problem:
        reason = getattr(problem, "strerror", None) or "not UTF-8 text"
        raise InputError(f"--classes {path}: cannot be read ({reason})") from None
    names = [line.strip() for line in lines if line.strip()]
    if not names:
        raise InputError(f"--classes {path}: holds no names, one a line")
    return names


def _check_csv(path: str, force: bool) -> None:
    from pathlib import Path

    if Path(path).exists() and not force:
        raise UsageError(f"--csv {path} exists already: --force overwrites")


def _write_csv(path: str, table: list[dict[str, Any]], force: bool) -> None:
    from imgconv.atomic import output
    from imgconv.tasks.csv_table import csv_text

    columns = list(dict.fromkeys(key for row in table for key in row))
    full = [{key: row.get(key) for key in columns} for row in table]
    with output(path, force=force, seekable=False) as file:
        file.write(csv_text(columns, full).encode("utf-8", "surrogateescape"))
