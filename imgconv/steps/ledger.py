"""What a batch leaves in each folder it writes to: summary.csv, objects.csv, imgconv-run.json."""

# ruff: noqa: PTH100, PTH118, PTH119, PTH120
# Names stay the text that was typed: pathlib would turn ./-x.png into -x.png.
from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from imgconv.atomic import output
from imgconv.batch import Item, Outcome
from imgconv.errors import OutputError
from imgconv.images import show_name
from imgconv.tasks.csv_table import read_csv
from imgconv.tasks.segment.results import ENDINGS, SUMMARY
from imgconv.tasks.segment.run_record import (
    KEY,
    NAME,
    OBJECTS_NAME,
    SUMMARY_NAME,
    differs,
    merge_record,
    merge_rows,
    read_former,
    run_record,
    runs_by_image,
)

from .alone import alone
from .objects import check_objects, write_objects
from .segment_note import Segmented, note_path, read_note

OFTEN, PATIENCE = 30, 60  # seconds: between savings, for another process's
Entries = list[tuple[int, dict[str, Any]]]
"""What is known of items, by their number in the plan."""


class Ledger:
    """Gathers what became of each item, as a fold over outcomes, and writes it now and at the end.

    `root` is the one folder of all results (-o FOLDER), else each result's own folder has its
    files. Raises OutputError if there are files of these names that are not such.
    """

    def __init__(self, items: Iterable[Item], root: str | None, *, force: bool) -> None:
        self.root, self.force, self.items = root, force, tuple(items)
        self.head: dict[str, Any] = {}  # of every record: command, model, parameters
        self.started = datetime.now(UTC)
        self._saved = time.monotonic()
        self._images: dict[str, Entries] = {}
        self._rows: dict[str, Entries] = {}
        self._failed: dict[str, Entries] = {}
        self._notes: dict[str, list[str]] = {}  # files that are done with when all is written
        todo = [item for item in self.items if item.target not in ("", "-") and not item.skip]
        self.folders = sorted({self.folder(item) for item in todo})
        self._made = {folder: runs_by_image(self._former(folder)[0]) for folder in self.folders}
        self.gone: dict[str, int] = {}  # tables that objects.csv lacks
        for folder in () if force else self.folders:
            check_objects(folder)

    def folder(self, item: Item) -> str:
        """The folder in whose summary and record an item is."""
        return self.root or os.path.dirname(item.target) or os.curdir

    def add(self, outcome: Outcome) -> None:
        """An item that has ended: written, with what the step says of it, or failed."""
        item = outcome.item
        if item.target == "-" or item.error:
            return
        if outcome.status == "failed":
            entry = {"source": item.source, "error": outcome.message}
            self._failed.setdefault(self.folder(item), []).append((item.number, entry))
        elif outcome.status == "written":
            self._written(item, outcome.done.value, round(outcome.seconds, 3), outcome.where)
            if time.monotonic() - self._saved > OFTEN:  # a batch that is killed has its records
                self.write()

    def _written(self, item: Item, told: Segmented, seconds: float, where: str = "") -> None:
        folder = self.folder(item)
        names = [os.path.relpath(path, folder) for path in (item.target, *item.also)]
        image = {
            "source": item.source if item.source == "-" else os.path.abspath(item.source),
            KEY: names[0],
            "outputs": names,
            **told.image,
            "seconds": seconds,
            **({"worker": where} if where else {}),
        }
        self._notes.setdefault(folder, []).append(note_path(item.target))
        self._images.setdefault(folder, []).append((item.number, image))
        rows = [(item.number, {**row, KEY: names[0]}) for row in told.rows]
        self._rows.setdefault(folder, []).extend(rows)

    def write(self) -> list[str]:
        """The files of every folder in which something was written; their names."""
        names = [name for folder in self._images for name in self._write(folder)]
        self._saved = time.monotonic()
        return names

    def finish(self) -> list[str]:
        """The last files of every folder: `write`, and the table of all objects, which is not made
        now and then, since it grows with every image."""
        names = self.write()
        there = {self.folder(item) for item in self.items if item.skip.endswith(" exists")}
        for folder in sorted({*self._images, *there}):
            names += self._write_objects(folder)
        return names

    def _write_objects(self, folder: str) -> list[str]:
        if (Path(folder) / OBJECTS_NAME).exists() or not os.access(folder, os.W_OK):
            return []
        with _alone(folder):
            record = self._former(folder)[0]
            if record is None:
                return []
            path, gone = write_objects(folder, record)
        self.gone |= {folder: gone} if gone else {}
        return [path]

    def take_over(self) -> None:
        """What a run that was killed had finished, and had not yet written of: as if it were
        this one's."""
        for item in self.items:
            if item.target and item.skip.endswith(" exists"):
                told = read_note(item.target)
                if told:
                    self._written(item, told[0], told[1])

    def with_former(self, items: Iterable[Item]) -> tuple[Item, ...]:
        """The items with the files that former runs made of them and the present one does not."""
        return tuple(
            item
            if item.target in ("", "-") or item.skip
            else item._replace(former=self._stale(item))
            for item in items
        )

    def _stale(self, item: Item) -> tuple[str, ...]:
        folder, beside = self.folder(item), os.path.dirname(item.target)
        _, image = self._made[folder].get(os.path.relpath(item.target, folder), ({}, {}))
        names = {os.path.basename(path) for path in image.get("outputs", ())}
        names -= {os.path.basename(path) for path in (item.target, *item.also)}
        # A record is a text that anybody may have written: only names that this item's own
        # results can have are taken from it.
        stem = os.path.basename(item.also[0]).removesuffix(ENDINGS["overlay"]) if item.also else ""
        names &= {stem + ending for ending in ENDINGS.values()} if stem else set()
        return tuple(sorted(os.path.join(beside, name) for name in names))

    def count_left(self) -> dict[str, tuple[int, int]]:
        """For each folder how many images were skipped of which its summary knows nothing, and how
        many whose results are of another image or were made in another way."""
        there = [item for item in self.items if item.target and item.skip.endswith(" exists")]
        found: dict[str, tuple[int, int]] = {}
        for folder in {self.folder(item) for item in there}:
            former, summary = self._former(folder)
            known, results = (
                {row[KEY] for row in read_csv(summary or KEY)[1]},
                runs_by_image(former),
            )
            mine = [i for i in there if self.folder(i) == folder]
            names = [os.path.relpath(item.target, folder) for item in mine]
            others = sum(
                name in results and differs(*results[name], self.head, item.source)
                for name, item in zip(names, mine, strict=True)
            )
            found[folder] = (sum(name not in known for name in names), others)
        return {folder: counts for folder, counts in found.items() if any(counts)}

    def _write(self, folder: str) -> list[str]:
        with _alone(folder):
            former, summary = self._former(folder)
            record = run_record(
                **self.head,
                images=_in_order(self._images[folder]),
                failed=_in_order(self._failed.get(folder, [])),
                started=self.started.isoformat(timespec="seconds"),
                finished=datetime.now(UTC).isoformat(timespec="seconds"),
            )
            text = json.dumps(merge_record(record, former), indent=1) + "\n"
            rows = merge_rows(SUMMARY, _in_order(self._rows[folder]), summary)
            paths = [os.path.join(folder, name) for name in (SUMMARY_NAME, NAME)]
            for path, content in zip(paths, (rows, text), strict=True):
                with output(path, force=True, seekable=False) as file:
                    file.write(content.encode("utf-8", "surrogateescape"))
            Path(folder, OBJECTS_NAME).unlink(missing_ok=True)  # until it is made anew
            for path in self._notes.pop(folder, ()):
                Path(path).unlink(missing_ok=True)
        return paths

    def _former(self, folder: str) -> tuple[dict[str, Any] | None, str | None]:
        try:
            return read_former(Path(folder), SUMMARY)
        except OutputError:
            if self.force:
                return None, None
            raise


def _in_order(entries: Entries) -> list[dict[str, Any]]:
    return [entry for _, entry in sorted(entries, key=lambda entry: entry[0])]


@contextmanager
def _alone(folder: str) -> Iterator[None]:
    """One process at a time merges into a folder (xargs -P)."""
    try:
        with alone(folder, PATIENCE):
            yield
    except TimeoutError:
        raise OutputError(
            f"{show_name(folder)}: another process has been writing its summary for {PATIENCE} s: "
            "end it; then `skip_existing` completes the summary"
        ) from None
