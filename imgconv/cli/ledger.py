"""What a batch leaves in each folder it writes to: summary.csv and imgconv-run.json."""

# ruff: noqa: PTH118, PTH120
# Names stay the text that was typed: pathlib would turn ./-x.png into -x.png.
from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from imgconv.batch import Item
from imgconv.images.atomic import output
from imgconv.tasks.record import (
    KEY,
    NAME,
    SUMMARY_NAME,
    merged,
    merged_rows,
    read_former,
    run_record,
)
from imgconv.tasks.results import SUMMARY

Describe = Callable[[list[Any]], dict[str, Any]]


class Ledger:
    """Gathers what became of each item, from several threads, and writes it at the end.

    `root` is the one folder of all results (-o FOLDER), else each result's own folder has its
    files. Raises OutputError if there are files of these names that are not such.
    """

    def __init__(self, items: Iterable[Item], root: str | None, *, force: bool) -> None:
        self.root, self.force = root, force
        self.started = datetime.now(UTC)
        self._lock = threading.Lock()
        self._images: dict[str, list[tuple[int, dict[str, Any]]]] = {}
        self._rows: dict[str, list[tuple[int, dict[str, Any]]]] = {}
        self._failed: dict[str, list[tuple[int, dict[str, Any]]]] = {}
        self.folders = sorted({self.folder(i) for i in items if i.target not in ("", "-")})
        for folder in self.folders:
            self._former(folder)

    def folder(self, item: Item) -> str:
        """Whose summary and record an item is in."""
        return self.root or os.path.dirname(item.target) or os.curdir

    def add(self, item: Item, image: dict[str, Any], rows: list[dict[str, Any]]) -> None:
        """An image that was written: what the record says of it, its rows of the summary."""
        folder = self.folder(item)
        with self._lock:
            self._images.setdefault(folder, []).append((item.number, image))
            kept = self._rows.setdefault(folder, [])
            kept += [(item.number, {**row, KEY: image[KEY]}) for row in rows]

    def fail(self, item: Item, error: Exception) -> None:
        if item.target == "-":
            return
        entry = {"source": item.source, "error": str(error) or type(error).__name__}
        with self._lock:
            self._failed.setdefault(self.folder(item), []).append((item.number, entry))

    def write(self, command: str, model: dict[str, Any], parameters: dict[str, Any]) -> list[str]:
        """The files of every folder in which something was written; their names."""
        names: list[str] = []
        for folder in self.folders:
            if folder in self._images:
                names += self._write(folder, command, model, parameters)
        return names

    def _write(
        self, folder: str, command: str, model: dict[str, Any], parameters: dict[str, Any]
    ) -> list[str]:
        with _alone(folder):
            former, summary = self._former(folder)
            record = run_record(
                command, model, parameters, _in_order(self._images[folder]),
                failed=_in_order(self._failed.get(folder, [])),
                started=self.started.isoformat(timespec="seconds"),
                finished=datetime.now(UTC).isoformat(timespec="seconds"),
            )  # fmt: skip
            text = json.dumps(merged(record, former), indent=1, ensure_ascii=False) + "\n"
            rows = merged_rows(SUMMARY, _in_order(self._rows[folder]), summary)
            paths = [os.path.join(folder, name) for name in (SUMMARY_NAME, NAME)]
            for path, content in zip(paths, (rows, text), strict=True):
                with output(path, force=True, seekable=False) as file:
                    file.write(content.encode("utf-8", "surrogateescape"))
        return paths

    def _former(self, folder: str) -> tuple[dict[str, Any] | None, str | None]:
        from imgconv.errors import OutputError

        try:
            return read_former(Path(folder), SUMMARY)
        except OutputError:
            if self.force:
                return None, None
            raise


def _in_order(entries: list[tuple[int, dict[str, Any]]]) -> list[dict[str, Any]]:
    return [entry for _, entry in sorted(entries, key=lambda entry: entry[0])]


def _alone(folder: str) -> Any:
    """One process at a time merges into a folder (xargs -P)."""
    import hashlib
    import tempfile

    from filelock import FileLock

    name = hashlib.sha256(os.fsencode(os.path.realpath(folder))).hexdigest()[:16]
    user = os.getuid() if hasattr(os, "getuid") else 0
    return FileLock(Path(tempfile.gettempdir()) / f"imgconv-{user}-{name}.lock", timeout=60)
