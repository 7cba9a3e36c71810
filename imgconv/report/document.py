"""What the reports of all commands have in common: a document of plain data, and its file."""

# ruff: noqa: PTH118
# Names stay the text that was typed: pathlib would turn ./-x.png into -x.png.
from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imgconv import __version__
from imgconv.atomic import output
from imgconv.images import is_url
from imgconv.steps.segment_network import facts
from imgconv.tasks.segment.run_record import library_versions

from .page import Picture, page

if TYPE_CHECKING:
    from imgconv.batch import Outcome
    from imgconv.engine import Model

NAME = "report.html"
ROOM = 14_000_000  # bytes of all pictures, before they are written as text
MOST = 120_000  # bytes of those of one row
CARD = ("title", "description", "quality", "limits", "failures", "trained_on", "licence", "version")


def document(
    title: str, rows: Sequence[dict[str, Any]], *, command: str, parameters: dict[str, Any],
    model: dict[str, Any] | None = None, **more: Any,
) -> dict[str, Any]:  # fmt: skip
    """What report.js reads. `more` adds to it: failed, files, group, kinds, better, charts."""
    return {
        "title": title,
        "command": command,
        "version": __version__,
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "parameters": parameters,
        "model": model,
        "versions": {"imgconv": __version__, **library_versions()},
        "rows": rows,
    } | more


def failures_of(outcomes: Iterable[Outcome]) -> list[list[str]]:
    """Each file that failed, and why."""
    return [[one.item.source, one.message] for one in outcomes if one.status == "failed"]


def write(
    folder: str, found: dict[str, Any], pictures: Iterable[Picture], *, force: bool = True
) -> str:
    """The document as a file of the folder; its path."""
    path = os.path.join(folder, NAME) if folder not in ("", os.curdir) else NAME
    with output(path, force=force, seekable=False) as file:
        file.writelines(page(found, pictures))
    return path


def describe(model: Model) -> dict[str, Any]:
    """Which model it was, and what its card says to people."""
    return facts(model) | {key: value for key, value in model.card.items() if key in CARD}


def room(rows: int, most: int = MOST) -> int:
    """Bytes that the pictures of one of so many rows may take."""
    return min(most, ROOM // max(1, rows))


def relative(path: str, folder: str) -> str:
    """A file as a link of a page in the folder; "" for a pipe and what is not here."""
    if path == "-" or is_url(path):
        return ""
    try:
        return Path(os.path.relpath(path, folder or os.curdir)).as_posix()
    except ValueError:  # on another drive of Windows
        return ""


def links(folder: str, **files: str) -> dict[str, str]:
    """The files of a row: kind -> link, of those that can be linked."""
    found = {kind: relative(path, folder) for kind, path in files.items() if path}
    return {kind: link for kind, link in found.items() if link}
