"""Tables of objects become a table of wells: counts, means, medians, deviations, the map."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from imgconv.errors import InputError
from imgconv.images import show_name
from imgconv.tasks.csv_table import read_csv
from imgconv.tasks.labels.truth import key

from .names import NamePattern, well_named

BESIDE = ("summary.csv", "objects.csv")
PLACES = (  # columns that say where an object is, and no property of it
    "image", "plane", "position", "plate", "well", "site", "channel", "t", "z", "label", "track",
    "parent", "cell", "nearest_label", "centroid_x_px", "centroid_y_px", "bbox_x_px", "bbox_y_px",
    "centroid_x_um", "centroid_y_um",
)  # fmt: skip
OTHERS = ("-tracks.csv", "-volumes.csv", "-spots.csv")

Row = dict[str, Any]


def tables(given: Sequence[str]) -> list[Path]:
    """The tables of objects among files and in folders. Raises InputError."""
    found: list[Path] = []
    for name in given:
        path = Path(name)
        if path.is_dir():
            inside = sorted(one for one in path.glob("*.csv") if one.name not in BESIDE)
            found += [one for one in inside if not one.name.endswith(OTHERS)]
        else:
            found.append(path)
    if not found:
        raise InputError(f"no tables of objects (.csv) in {', '.join(map(show_name, given))}")
    return found


def objects(paths: Iterable[Path], pattern: NamePattern) -> tuple[list[Row], dict[str, set[str]]]:
    """A row for each object of all tables, with its well; and the images of each well."""
    rows: list[Row] = []
    images: dict[str, set[str]] = {}
    for path in paths:
        columns, found = _read(path)
        if not {"image", "label"} <= set(columns):
            raise InputError(
                f"{show_name(path)}: is no table of objects: it has no image and label"
            )
        if not found:  # an image in which there is nothing
            image = key(path.name)  # of its labels, if it is a table of measure
            images.setdefault(pattern(f"{image}.tif").well, set()).add(image)
        for row in found:
            well = well_named(row.get("well") or "") or pattern(row["image"]).well
            images.setdefault(well, set()).add(row["image"])
            rows.append({**row, "well": well})
    return rows, images


def objects_of(
    tables: Mapping[str, Mapping[str, Any]], pattern: NamePattern
) -> tuple[list[Row], dict[str, set[str]]]:
    """The same of columns by the names of their images."""
    rows: list[Row] = []
    images: dict[str, set[str]] = {}
    for image, columns in tables.items():
        well = pattern(image).well
        images.setdefault(well, set()).add(image)
        values = zip(*(np.asarray(column).tolist() for column in columns.values()), strict=True)
        each = (dict(zip(columns, row, strict=True)) for row in values)
        rows += [{"image": image, **row, "well": well} for row in each]
    return rows, images


def mapped(rows: Sequence[Row], known: Mapping[str, Row]) -> tuple[list[str], list[Row]]:
    """Columns, and every object with what the map says of its well."""
    found = [{**row, **known.get(row["well"], {})} for row in rows]
    return list(dict.fromkeys(name for row in found for name in row)), found


def _read(path: Path) -> tuple[list[str], list[Row]]:
    try:
        return read_csv(path.read_bytes().decode("utf-8-sig", "surrogateescape"))
    except OSError as error:
        raise InputError(f"{show_name(path)}: cannot be opened ({error.strerror})") from None


def plate_map(path: str) -> tuple[list[str], dict[str, Row]]:
    """The columns of a CSV with a `well` column, and what it says of each well."""
    columns, rows = _read(Path(path))
    key = next((name for name in columns if name.strip().lower() == "well"), None)
    if key is None:
        raise InputError(
            f"{show_name(path)}: a plate map has a column well, "
            f"found {', '.join(columns) or 'nothing'}"
        )
    found: dict[str, Row] = {}
    for row in rows:
        well = well_named(row[key] or "")
        if well in found:
            raise InputError(f"{show_name(path)}: names well {well} twice")
        found[well] = {name: value for name, value in row.items() if name != key}
    return [name for name in columns if name != key], found


def wells(
    rows: Sequence[Row], images: Mapping[str, set[str]], known: Mapping[str, Row]
) -> tuple[list[str], list[Row]]:
    """Columns and a row for each well: the map's columns, how many images and objects, and of each
    property its mean, median and standard deviation (n - 1) over the objects."""
    properties = _properties(rows)
    each: dict[str, list[Row]] = {well: [] for well in {*images, *known}}
    for row in rows:
        each[row["well"]].append(row)
    found = []
    for well, own in sorted(each.items(), key=lambda one: _order(one[0])):
        one: Row = {"well": well, **known.get(well, {}), "images": len(images.get(well, ())),
                    "count": len(own)}  # fmt: skip
        for name in properties:
            one |= _summary(name, [_number(row.get(name)) for row in own])
        found.append(one)
    mapped = list(dict.fromkeys(name for row in known.values() for name in row))
    numbers = [f"{name}_{what}" for name in properties for what in ("mean", "median", "sd")]
    return ["well", *mapped, "images", "count", *numbers], found


def _properties(rows: Sequence[Row]) -> list[str]:
    """The columns of numbers that are no places, in order."""
    names = dict.fromkeys(name for row in rows for name in row)
    return [
        name
        for name in names
        if name not in PLACES and any(not math.isnan(_number(row.get(name))) for row in rows)
    ]


def _number(text: Any) -> float:
    try:
        return float(text)
    except (TypeError, ValueError):
        return math.nan


def _summary(name: str, values: list[float]) -> Row:
    known = np.array([value for value in values if not math.isnan(value)])
    if not len(known):
        return {}
    return {
        f"{name}_mean": float(known.mean()),
        f"{name}_median": float(np.median(known)),
        f"{name}_sd": float(known.std(ddof=1)) if len(known) > 1 else None,
    }


def _order(well: str) -> tuple[int, str]:
    return (len(well.rstrip("0123456789")), well)
