"""The report of classified images: the likeliest classes of each, with a filter by class."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from imgconv.batch import Outcome
from imgconv.errors import ImgconvError
from imgconv.images import open_image, show_name
from imgconv.steps.classify import ClassifyFile
from imgconv.tasks.classify.prepare import light
from imgconv.tasks.classify.read import Classes
from imgconv.tasks.sketch import jpeg

from .document import describe, document, failures_of, links, room, write
from .page import Picture

SURE = 0.5  # probability below which a class is in doubt
Seen = tuple[Outcome, int, Classes]
"""An outcome, the number of a plane in its file, and what it shows."""


def write_report(
    folder: str, outcomes: Sequence[Outcome], step: ClassifyFile,
    *, command: str, parameters: dict[str, Any],
) -> str:  # fmt: skip
    """The report of the outcomes; its path."""
    seen = [
        (outcome, number, one)
        for outcome in outcomes
        for number, one in enumerate(outcome.done.value or (), 1)
    ]
    rows = [_row(folder, *one) for one in seen]
    pictures = list(_pictures(seen, rows, step))
    found = document(
        "What pictures show",
        rows,
        command=command,
        parameters=parameters,
        model=describe(step.work.model),
        failed=failures_of(outcomes),
        group="Class",
        better=["probability", "lead"],
        charts={"rows": ["probability"], "objects": [], "scatter": ["probability", "lead"]},
    )
    return write(folder, found, pictures)


def _row(folder: str, outcome: Outcome, number: int, one: Classes) -> dict[str, Any]:
    source, several = outcome.item.source, len(outcome.done.value) > 1
    sure, *others = [p for _, p in one.ranked]
    numbers = {"probability": sure, "lead": sure - (others[0] if others else 0)}
    marks = {
        "label": list(range(1, len(one.marks) + 1)),
        "reads": [name for _, name, _ in one.marks],
        "probability": [p for _, _, p in one.marks],
    }
    return {
        "name": "standard input" if source == "-" else show_name(source),
        "place": {"plane": str(number)} if several else {},
        "group": one.best,
        "ranked": [list(pair) for pair in one.ranked],
        "numbers": numbers | ({"marks": len(one.marks)} if one.marks else {}),
        "doubt": f"not sure: {100 * sure:.3g} %" if sure < SURE else "",
        "files": links(folder, image=source, copy="".join(outcome.done.written[:1])),
        "objects": marks if one.marks else {},
    }


def _pictures(
    seen: Sequence[Seen], rows: Sequence[dict[str, Any]], step: ClassifyFile
) -> Iterator[Picture]:
    """What can be shown, read again; its place goes into its row."""
    most, count = room(len(rows)), 0
    for at, (outcome, number, one) in enumerate(seen):
        if number == 1:
            planes = _planes(outcome.item.source, step)
        if (plane := next(planes, None)) is None:
            continue
        height, width = plane.shape[:2]
        boxes = [[n, _box(box)] for n, (box, _, _) in enumerate(one.marks, 1)]
        rows[at] |= {"picture": count, "size": [width, height], "outlined": bool(boxes)}
        count += 1
        yield jpeg(plane, most), boxes


def _planes(source: str, step: ClassifyFile) -> Iterator[np.ndarray]:
    """Each plane as uint8 (H, W, 1 or 3); none of a pipe, or of a file that is gone."""
    if source == "-":
        return
    try:
        with open_image(source, **step.reading) as image:
            for plane in image.planes():
                yield np.rint(255 * np.nan_to_num(light(plane, image.info)).clip(0, 1)).astype("u1")
    except (ImgconvError, OSError):
        return


def _box(box: tuple[int, int, int, int]) -> str:
    left, top, width, height = box
    return f"M{left} {top}l{width} 0 0 {height} {-width} 0z"
