"""The run record: what exactly was run, written beside its results as imgconv-run.json.

A folder has one record. What later runs add or do again is merged into it, so that every result in
the folder stays explained: the last run comes first, what is left of other ones is "earlier".
"""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from imgconv import __version__
from imgconv.errors import OutputError
from imgconv.images import show_name
from imgconv.tasks.csv_table import csv_text, read_csv

NAME, SUMMARY_NAME, OBJECTS_NAME = "imgconv-run.json", "summary.csv", "objects.csv"
LIBRARIES = ("numpy", "scipy", "scikit-image", "tifffile", "pillow")
SAME = ("imgconv", "model", "parameters", "versions", "platform")  # of runs that do the same
KEY = "labels"  # of an image in the record and of a row in the summary: its label file


def run_record(
    command: str,
    model: dict[str, Any],
    parameters: dict[str, Any],
    images: Sequence[Any],
    **more: Any,
) -> dict[str, Any]:
    """The record of one run; `images` say for each what was read and written, with KEY."""
    return {
        "imgconv": __version__,
        "command": command,
        "model": model,
        "parameters": parameters,
        "images": list(images),
        **more,
        "versions": {"python": platform.python_version(), **library_versions()},
        "platform": platform.platform(),
    }


def library_versions() -> dict[str, str]:
    """Those that results may depend on."""
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # pragma: no cover (a library without its metadata)
            found[name] = "unknown"
    return found


def merge_record(record: dict[str, Any], former: dict[str, Any] | None) -> dict[str, Any]:
    """The record with what still holds of the folder's former one: under "earlier", or among its
    images where the former run did the same and was only ended before its end."""
    if not former:
        return record
    done = {image[KEY] for image in record["images"]}
    images, earlier = list(record["images"]), []
    for run in ({k: v for k, v in former.items() if k != "earlier"}, *former.get("earlier", ())):
        left = [image for image in run["images"] if image[KEY] not in done]
        if all(run.get(key) == record.get(key) for key in SAME):
            images = sorted([*images, *left], key=lambda image: str(image[KEY]))
        elif left:
            earlier.append(run | {"images": left})
    return record | {"images": images} | ({"earlier": earlier} if earlier else {})


def runs_by_image(
    former: dict[str, Any] | None,
) -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
    """The run that made each label file in a folder's record, and what it says of the image."""
    runs = [former, *former.get("earlier", ())] if former else []
    return {image[KEY]: (run, image) for run in reversed(runs) for image in run["images"]}


def differs(run: dict[str, Any], image: dict[str, Any], head: dict[str, Any], source: str) -> bool:
    """Whether a result is of another image than `source`, of another model, or was asked for with
    other parameters than those of `head`."""
    if run["parameters"] != head["parameters"] or run["model"] != head["model"]:
        return True
    return image["source"] != str(Path(source).absolute()) and image["sha256"] != sha256(source)


def merge_rows(columns: Sequence[str], rows: Sequence[dict[str, Any]], former: str | None) -> str:
    """The summary with these rows in place of former ones of the same label files."""
    done = {row[KEY] for row in rows}
    kept = read_csv(former)[1] if former else []
    every = [*(row for row in kept if row.get(KEY) not in done), *rows]
    return csv_text(columns, sorted(every, key=lambda row: (row[KEY], int(row["plane"]))))


def read_former(folder: Path, columns: Sequence[str]) -> tuple[dict[str, Any] | None, str | None]:
    """Record and summary of earlier runs in the folder; OutputError for a file that is none."""
    record, summary = folder / NAME, folder / SUMMARY_NAME
    return _read_record(record), _read_summary(summary, columns)


def _read_record(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_text("utf-8"))
        runs = [found, *found.get("earlier", [])]
        if all(isinstance(image[KEY], str) for run in runs for image in run["images"]):
            return found
    except FileNotFoundError:
        return None
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        pass
    raise _foreign(path, "run record")


def _read_summary(path: Path, columns: Sequence[str]) -> str | None:
    try:
        text = path.read_bytes().decode("utf-8", "surrogateescape")
        if read_csv(text)[0] == list(columns) and all(
            row["plane"].isdigit() for row in read_csv(text)[1]
        ):
            return text
    except FileNotFoundError:
        return None
    except (OSError, ValueError, AttributeError):
        pass
    raise _foreign(path, "summary")


def _foreign(path: Path, what: str) -> OutputError:
    return OutputError(
        f"{show_name(path)}: is no {what} of this version of imgconv segment, and is not "
        "overwritten; move it away, write elsewhere with `output`, or replace it with `force=True`"
    )


def sha256(path: str) -> str | None:
    """A file's hash; None for standard input and other pipes, which can be read only once."""
    if path == "-" or not Path(path).is_file():
        return None
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
