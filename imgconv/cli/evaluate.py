"""`imgconv evaluate`: label images against the truth."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from typer import Argument, Option

from imgconv.errors import UsageError

from .console import ExitCode, current
from .options import Force, InputOptions, Report

if TYPE_CHECKING:
    from imgconv.batch import Outcome, Plan
    from imgconv.tasks.labels.match import Match

Two = Annotated[
    list[str] | None,
    Argument(metavar="LABELS TRUTH", show_default=False, help="Two folders, or two files."),
]
NoList = Annotated[str | None, Option("--files-from", hidden=True)]
Json = Annotated[bool, Option("--json", help="Print all scores as one JSON object.")]


@dataclass(frozen=True, eq=False, repr=False)
class TwoFolders(InputOptions):
    """What compares the images of two folders."""

    values: ClassVar[str] = "labels"
    files: Two = None
    files_from: NoList = None
    json: Json = False
    force: Force = False


def command(
    options: TwoFolders,
    csv: Annotated[
        str | None,
        Option("--csv", metavar="FILE", help="The scores of each image as a table."),
    ] = None,
    report: Report = False,
) -> int:
    """Score label images against the truth: AP, F1, count error, Jaccard index.

    imgconv evaluate segmented/ truth/

    imgconv evaluate a-labels.tif a-truth.png --json

    imgconv evaluate --report segmented/ truth/

    Files belong together by their names: a-labels.tif, a_masks.png and a.tif are all about a.
    AP is TP / (TP + FP + FN), over the objects of all images, at each overlap (IoU) from 0.5 to
    0.95; two objects match if their IoU is above that. In brackets: 95 % of 2000 drawings of the
    images with replacement. An image without any object, in which none was found, is right.
    The page of --report is written here; it shows the images that `segment` made the labels of.
    """
    from imgconv.steps.evaluate import MatchLabels

    from .files import carry_out
    from .pages import refuse_written, told
    from .report import show_written

    if len(options.files or ()) != 2:
        raise UsageError("evaluate needs two folders or two files: LABELS TRUTH")
    if options.files_from is not None:
        raise UsageError("evaluate takes no --files-from: files belong together by their names")
    if csv is not None:
        _check_csv(csv, options.force)
    if report:
        refuse_written([os.curdir], options.force)
    planned = _plan(options)
    outcomes: list[Outcome] = []

    step, quiet = MatchLabels(options.reading), replace(options, json=False)
    code = carry_out(planned, quiet, step, show=lambda _: "", fold=outcomes.append)
    planes = [plane for outcome in outcomes for plane in outcome.done.value or ()]
    if code > 1 or not planes:
        return code or ExitCode.FAILED
    if csv is not None:
        _write_csv(csv, planes, options.force)
    current().out(as_json(planes) if options.json else as_text([one for _, one in planes]))
    if report:
        from imgconv.report.evaluate import write_report

        page = write_report(os.curdir, outcomes, step, _facts(planes), **told())
        show_written([page], options.json)
    return code


def _facts(planes: list[tuple[str, Match]]) -> list[str]:
    from imgconv.tasks.labels.scores import scores

    found = scores([one for _, one in planes])
    return [
        f"{found['objects_found']} objects found, {found['objects_true']} true",
        f"AP > 0.5: {_interval(found['ap'], 0)}",
        f"F1: {_interval(found['f1'], 0)}",
    ]


def _plan(options: TwoFolders) -> Plan:
    from imgconv.batch import Item, Plan
    from imgconv.tasks.labels.truth import pairs

    labels, truth = options.files or ("", "")
    found = enumerate(pairs(labels, truth, options.recursive), 1)
    items = tuple(
        Item(str(mine), number=n, also=(str(theirs),) if theirs else (), error=error)
        for n, (mine, theirs, error) in found
    )
    if not items:
        raise UsageError(f"no label images in {labels} and {truth}; -r looks into their folders")
    return Plan(items)


def _check_csv(path: str, force: bool) -> None:
    from pathlib import Path

    if Path(path).exists() and not force:
        raise UsageError(f"--csv {path} exists already: --force overwrites")


def _write_csv(path: str, planes: list[tuple[str, Match]], force: bool) -> None:
    from imgconv.atomic import output
    from imgconv.tasks.csv_table import csv_text
    from imgconv.tasks.labels.scores import image_scores

    rows = [{"image": name, **image_scores(one)} for name, one in planes]
    with output(path, force=force, seekable=False) as file:
        file.write(csv_text(list(rows[0]), rows).encode("utf-8", "surrogateescape"))


def as_json(planes: list[tuple[str, Match]]) -> str:
    import json
    import math

    from imgconv.tasks.labels.scores import image_scores, scores

    images = [
        {"image": name, **{k: None if math.isnan(v) else v for k, v in image_scores(one).items()}}
        for name, one in planes
    ]
    return json.dumps({**scores([one for _, one in planes]), "each": images}) + "\n"


def as_text(matches: list[Match]) -> str:
    """The scores as a table for people."""
    from imgconv.tasks.labels.scores import scores

    s = scores(matches)
    images = f"{s['images']} image{'' if s['images'] == 1 else 's'}"
    head = f"{images}, {s['objects_found']} objects found, {s['objects_true']} true"
    rows = [f"{'IoU >':6} {'AP':23} {'precision':9} {'recall':6} {'F1':6}"]
    for n, threshold in enumerate(s["thresholds"]):
        others = (_number(s[name]["value"][n]) for name in ("precision", "recall", "f1"))
        cells = "{:9} {:6} {:6}".format(*others)
        rows.append(f"{threshold:<6.2f} {_interval(s['ap'], n):23} {cells}".rstrip())
    names = {
        "mean AP, 0.5 to 0.95": "ap_mean_over_thresholds",
        "count error": "count_error",
        "aggregated Jaccard": "aji",
    }
    rows += ["", f"{'AP > 0.5, mean of images':26} {_interval(s['ap_mean_over_images'], 0)}"]
    rows += [f"{label:26} {_interval(s[name])}" for label, name in names.items()]
    return "\n".join([head, "", *rows]) + "\n"


def _interval(score: dict[str, Any], at: int | None = None) -> str:
    """ "0.912 [0.890, 0.931]"."""
    value, low, high = (
        score[part] if at is None or score[part] is None else score[part][at]
        for part in ("value", "low", "high")
    )
    between = f" [{_number(low)}, {_number(high)}]" if low is not None else ""
    return _number(value) + between


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
