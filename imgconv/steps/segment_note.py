"""What is known of one segmented image, beside its labels until the folder's record has it.

The record and the summary of a folder are written now and then, and at the end. A run that is
killed in between leaves these files, and whoever goes on with --skip-existing takes them over.
"""

# ruff: noqa: PTH118, PTH119, PTH120
# Names stay the text that was typed: pathlib would turn ./-x.png into -x.png.
from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, NamedTuple

from imgconv.atomic import output
from imgconv.tasks.segment.results import SUMMARY


class Segmented(NamedTuple):
    """What the ledger is told of one image (`value` of what the step returns)."""

    image: dict[str, Any]  # for the run record
    rows: list[dict[str, Any]]  # for the summary


def note_path(labels: str) -> str:
    """Where the note of a label file lies: hidden, beside it."""
    return os.path.join(os.path.dirname(labels), f".imgconv-{os.path.basename(labels)}.json")


def write_note(
    labels: str, image: dict[str, Any], rows: list[dict[str, Any]], seconds: float
) -> None:
    text = json.dumps({"image": image, "rows": rows, "seconds": seconds}, default=_plain)
    with output(note_path(labels), force=True, seekable=False) as file:
        file.write(text.encode("ascii"))


def read_note(labels: str) -> tuple[Segmented, float] | None:
    """None where there is none, or anything else."""
    try:
        found = json.loads(Path(note_path(labels)).read_bytes())
        image, rows, seconds = found["image"], found["rows"], found["seconds"]
        if all(int(row["plane"]) and set(row) <= set(SUMMARY) for row in rows):
            return Segmented(dict(image), list(rows)), float(seconds)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        pass
    return None


def _plain(number: Any) -> Any:
    """One of NumPy's as Python's."""
    return number.item()
