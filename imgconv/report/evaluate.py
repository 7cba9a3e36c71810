"""The report of label images against the truth: what was found, missed and found in vain."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np

from imgconv.batch import Outcome
from imgconv.errors import ImgconvError
from imgconv.images import open_image, show_name
from imgconv.steps.evaluate import MatchLabels
from imgconv.tasks.labels.match import Match, Overlaps, overlaps
from imgconv.tasks.labels.overlay import stretch
from imgconv.tasks.labels.scores import image_scores
from imgconv.tasks.labels.truth import planes_together
from imgconv.tasks.segment.run_record import KEY, NAME
from imgconv.tasks.sketch import jpeg

from .document import document, failures_of, links, room, write
from .page import Picture
from .sketch import paths

SHOWN = ("f1_50", "ap_50", "precision_50", "recall_50", "aji", "found", "true")
GROUND, TRUE = 24, 72  # levels of 255 where there is no image: nothing, and an object of the truth
KINDS = (
    ("found", "found, and true"),
    ("true", "its truth"),
    ("missed", "true, missed"),
    ("extra", "found, not true"),
)
Seen = tuple[Outcome, int, str, Match]
"""An outcome, the number of a plane in its files, its name and its match."""


def write_report(
    folder: str, outcomes: Sequence[Outcome], step: MatchLabels, facts: Sequence[str],
    *, command: str, parameters: dict[str, Any],
) -> str:  # fmt: skip
    """The report of the outcomes; its path. facts: what is said of all images together."""
    seen = [
        (outcome, number, name, one)
        for outcome in outcomes
        for number, (name, one) in enumerate(outcome.done.value or (), 1)
    ]
    rows = [_row(folder, *one) for one in seen]
    pictures = list(_pictures(seen, rows, step))
    found = document(
        "Label images against the truth",
        rows,
        command=command,
        parameters=parameters,
        failed=failures_of(outcomes),
        columns=list(SHOWN),
        facts=list(facts),
        kinds=KINDS,
        better=[name for name in SHOWN if name not in ("found", "true")],
        charts={"rows": ["f1_50", "aji"], "objects": ["iou"], "scatter": ["area_true_px", "iou"]},
    )
    return write(folder, found, pictures)


def _row(folder: str, outcome: Outcome, number: int, name: str, one: Match) -> dict[str, Any]:
    scores = image_scores(one)
    return {
        "name": show_name(outcome.item.source),
        "place": {"plane": str(number)} if len(outcome.done.value) > 1 else {},
        "numbers": {key: scores[key] for key in SHOWN},
        "doubt": "; ".join(outcome.done.notes),
        "files": links(folder, labels=outcome.item.source, truth=outcome.item.also[0]),
    }


def _pictures(
    seen: Sequence[Seen], rows: Sequence[dict[str, Any]], step: MatchLabels
) -> Iterator[Picture]:
    """Both label images, read again, over the image that they are of where that is known."""
    most, count = room(len(rows)), 0
    for at, (outcome, number, _, _) in enumerate(seen):
        if number == 1:
            planes = _planes(outcome.item.source, outcome.item.also[0], step)
        if (found := next(planes, None)) is None:
            continue
        labels, truth, image = found
        table, outlines = compare(labels, truth)
        height, width = labels.shape
        shown = {"picture": count, "size": [width, height], "outlined": bool(outlines)}
        rows[at] |= shown | {"objects": table}
        count += 1
        yield jpeg(image, most), outlines


def _planes(
    mine: str, theirs: str, step: MatchLabels
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Labels and truth (H, W), and what lies under their outlines, uint8."""
    try:
        with ExitStack() as opened:
            files = [opened.enter_context(open_image(f, **step.reading)) for f in (mine, theirs)]
            images = _images(mine, opened, files[0].info.planes, step)
            for labels, truth in planes_together(*files):
                image = next(images, None)
                if image is None or image.shape[:2] != labels.shape:
                    image = _ground(truth)
                yield labels, truth, image
    except (ImgconvError, OSError):
        return


def _ground(truth: np.ndarray) -> np.ndarray:
    return np.where(truth > 0, TRUE, GROUND).astype(np.uint8)[..., None]


def _images(
    labels: str, opened: ExitStack, planes: int, step: MatchLabels
) -> Iterator[np.ndarray | None]:
    """The planes that `segment` made the labels of, as its record beside them says."""
    source = _source(Path(labels))
    if not source:
        return repeat(None)
    try:
        image = opened.enter_context(open_image(source, **step.reading))
    except (ImgconvError, OSError):
        return repeat(None)
    if image.info.planes != planes:
        return repeat(None)
    return (stretch(plane[..., : 3 if plane.shape[2] >= 3 else 1]) for plane in image.planes())


def _source(labels: Path) -> str:
    try:
        record = json.loads((labels.parent / NAME).read_text("utf-8"))
        runs = [record, *record.get("earlier", ())]
        named = {image[KEY]: image["source"] for run in runs for image in run["images"]}
        return str(named.get(labels.name, ""))
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return ""


def compare(labels: np.ndarray, truth: np.ndarray) -> tuple[dict[str, list[Any]], list[list[Any]]]:
    """A table of the objects of two label images (H, W), and their outlines with kinds.

    An object that was found and its truth are one row; they match if their IoU is above one half,
    as in `imgconv.tasks.labels.match`. Others have the IoU of what they overlap most with.
    """
    over = overlaps(labels, truth)
    mine, theirs = (np.unique(image[image > 0]) for image in (labels, truth))
    iou = over.pixels / over.unions
    hit = 2 * over.pixels > over.unions
    pairs = dict(zip(over.found[hit].tolist(), over.true[hit].tolist(), strict=True))
    best = [_best(where, iou, len(n)) for where, n in ((over.found, mine), (over.true, theirs))]
    missed = [n for n in range(len(theirs)) if n not in set(pairs.values())]
    rows = [(n, pairs.get(n)) for n in range(len(mine))] + [(None, n) for n in missed]
    table = _table(rows, mine, theirs, over, best)
    outlines = [
        [n, path, "true" if table["result"][n - 1] == "found" else "missed"]
        for n, path in _outlines(truth, theirs, [b for _, b in rows])
    ]
    outlines += [
        [n, path, table["result"][n - 1]]
        for n, path in _outlines(labels, mine, [a for a, _ in rows])
    ]
    return table, outlines


def _outlines(
    labels: np.ndarray, names: np.ndarray, places: Sequence[int | None]
) -> Iterator[tuple[int, str]]:
    """The outline of each object, by its row, from 1; `places` of the rows' names."""
    rows = np.zeros(len(names) + 1, np.int32)
    for number, place in enumerate(places, 1):
        if place is not None:
            rows[place + 1] = number
    yield from paths(rows[np.searchsorted(names, labels) * (labels > 0) + (labels > 0)])


def _best(where: np.ndarray, iou: np.ndarray, count: int) -> np.ndarray:
    found = np.zeros(count)
    np.maximum.at(found, where, iou)
    return found


def _table(
    rows: Sequence[tuple[int | None, int | None]], mine: np.ndarray, theirs: np.ndarray,
    over: Overlaps, best: Sequence[np.ndarray],
) -> dict[str, list[Any]]:  # fmt: skip
    def of(side: int, values: np.ndarray) -> list[Any]:
        return [None if row[side] is None else values[row[side]].item() for row in rows]

    ious = [best[0][a] if a is not None else best[1][b] for a, b in rows]
    results = ["missed" if a is None else "extra" if b is None else "found" for a, b in rows]
    return {
        "label": list(range(1, len(rows) + 1)),
        "result": results,
        "iou": [float(one) for one in ious],
        "label_found": of(0, mine), "label_true": of(1, theirs),
        "area_found_px": of(0, over.found_areas), "area_true_px": of(1, over.true_areas),
    }  # fmt: skip
