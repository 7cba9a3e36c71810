"""The report of a folder of segmented images: what its record, summary and tables say, to look at.

It is made of the folder's files when a batch has ended, so that what former runs left is in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from imgconv import __version__
from imgconv.errors import ImgconvError, InputError
from imgconv.images import open_image, show_name
from imgconv.steps.segment import SegmentFile
from imgconv.steps.segment_large import is_large
from imgconv.tasks.csv_table import read_csv
from imgconv.tasks.labels.overlay import stretch
from imgconv.tasks.plate.names import name_pattern
from imgconv.tasks.segment.results import PLANES, SUMMARY
from imgconv.tasks.segment.run_record import KEY, read_former
from imgconv.tasks.sketch import jpeg

from .document import describe, document, room, write
from .page import Picture
from .sketch import paths

MANY = 75_000  # objects from which on only MAIN columns are kept
PLACES = ("image", "plate", "well", "site", "plane", "position", "t", "z", "track", "parent")
LEFT_OUT = (*PLACES, "bbox_x_px", "bbox_y_px", "bbox_width_px", "bbox_height_px")
MAIN = ("label", "area_px", "area_um2", "eccentricity", "solidity")


def write_report(folder: str, step: SegmentFile, command: str) -> str:
    """The folder's report; its path."""
    record, summary = read_former(Path(folder), SUMMARY)
    if record is None or summary is None:
        raise InputError(f"{show_name(folder)}: has no record of segmented images")
    rows = read_csv(summary)[1]
    runs = [record, *record.get("earlier", ())]
    images = {image[KEY]: (run, image) for run in reversed(runs) for image in run["images"]}
    tables = _Tables(folder, sum(int(row["count"] or 0) for row in rows) > MANY)
    most = room(len(rows))
    pictures: list[Picture] = []
    entries = []
    for labels in dict.fromkeys(row[KEY] for row in rows):
        run, image = images.get(labels, ({}, {}))
        mine = [row for row in rows if row[KEY] == labels]
        sketches = dict(_sketches(folder, image, step, most)) if image else {}
        for row in mine:
            entry = _entry(row, run, image, tables)
            if sketch := sketches.get(int(row["plane"])):
                shown = {"picture": len(pictures), "size": sketch[1]}
                entry |= shown | {"outlined": bool(sketch[2])}
                pictures.append((sketch[0], sketch[2]))
            entries.append(entry)
    found = document(
        f"Segmented images in {Path(folder).resolve().name}",
        entries,
        command=command,
        parameters=record["parameters"],
        model=record["model"] | describe(step.network.model),
        versions={"imgconv": __version__, **record["versions"]},
        finished=record.get("finished", ""),
        failed=[[one["source"], one["error"]] for one in record.get("failed", ())],
        files=[name for name in BESIDE if Path(folder, name).exists()],
    )
    return write(folder, found, pictures)


BESIDE = ("summary.csv", "objects.csv", "imgconv-run.json")


def _entry(
    row: dict[str, str], run: dict[str, Any], image: dict[str, Any], tables: _Tables
) -> dict[str, Any]:
    """A row of the report: what the summary says, its objects, its files."""
    kinds = run.get("parameters", {}).get("outputs", ())
    files = dict(zip(kinds, image.get("outputs", ()), strict=False))
    place = {name: row[name] for name in PLACES[1:] if row.get(name)}
    if "well" not in place and (well := _well(row["image"])):
        place["well"] = well
    numbers = {
        name: float(row[name]) for name in SUMMARY if name not in PLACES and _is_number(row[name])
    }
    found = tables.objects(files.get("table"), row["plane"])
    numbers |= {
        name: float(np.mean([v for v in values if v is not None] or [0]))
        for name, values in found.items()
        if name.startswith("intensity_mean") and values
    }
    if len(image.get("count", ())) < 2:
        place.pop("plane", None)
    return {
        "name": row["image"], "place": place,
        "numbers": numbers, "doubt": row["doubt"], "files": files, "objects": found,
        "source": image.get("source", ""), "pixel": image.get("pixel_size_um"),
    }  # fmt: skip


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _well(name: str) -> str:
    """The well that a file's name says, where it does."""
    try:
        found = name_pattern("auto")(name).well
    except InputError:
        return ""
    return found if len(found) == 3 and found[0].isalpha() and found[1:].isdecimal() else ""


class _Tables:
    """The tables of a folder's images, one at a time."""

    def __init__(self, folder: str, few: bool) -> None:
        self.folder, self.few = folder, few
        self._name = ""
        self._rows: list[dict[str, str]] = []

    def objects(self, name: str | None, plane: str) -> dict[str, list[float | None]]:
        """The columns of the objects of a plane."""
        if not name:
            return {}
        if name != self._name:
            try:
                text = Path(self.folder, name).read_text("utf-8", "surrogateescape")
            except OSError:
                return {}
            self._name, self._rows = name, read_csv(text)[1]
        mine = [row for row in self._rows if row.get("plane") == plane]
        columns = [c for c in (mine[0] if mine else ()) if c not in LEFT_OUT]
        if self.few:
            columns = [c for c in columns if c in MAIN or c.startswith("intensity_mean")]
        return {c: [float(r[c]) if r[c] else None for r in mine] for c in columns}


Sketch = tuple[bytes, list[int], list[list[Any]]]
"""A JPEG, the width and height of the image, and [label, path] of each object."""


def _sketches(
    folder: str, image: dict[str, Any], step: SegmentFile, most: int
) -> Iterator[tuple[int, Sketch]]:
    """The planes that are shown of an image, by number; none of one that is not there any more."""
    try:
        yield from _drawn(folder, image, step, most)
    except (ImgconvError, OSError, ValueError, IndexError):
        return


def _drawn(
    folder: str, image: dict[str, Any], step: SegmentFile, most: int
) -> Iterator[tuple[int, Sketch]]:
    files = tuple(image.get("channels_from", ())) or (image["source"],)
    with ExitStack() as opened:
        sources = [opened.enter_context(open_image(f, **step.reading)) for f in files]
        found = step.positions(sources, files)
        if is_large(found.info):  # its picture at full size is beside it
            return
        results = step.settings.results(found, image["source"], image["source"])
        stack, seen = results.stack, [n - 1 for n in image["channels_seen"]]
        labels = _labels(Path(folder, image[KEY]), stack)
        shown = {round(n) for n in np.linspace(1, stack.fields, min(stack.fields, PLANES))}
        for one in stack.read(found):
            if one.number in shown:
                plane = labels[one.number - 1].astype(np.int32)
                height, width = plane.shape
                outlined = [[label, path] for label, path in paths(plane)]
                picture = jpeg(stretch(one.pixels[..., seen]), most)
                yield one.number, (picture, [width, height], outlined)


def _labels(path: Path, stack: Any) -> np.ndarray:
    """(planes, H, W), one for each field."""
    labels: np.ndarray = tifffile.imread(path)
    axes, sizes = stack.with_channels
    height, width = labels.shape[-2:]
    if "C" in axes and labels.size == int(np.prod(sizes)) * height * width:
        labels = labels.reshape(*sizes, height, width).take(0, axis=axes.index("C"))
    found: np.ndarray = labels.reshape(-1, height, width)
    return found
