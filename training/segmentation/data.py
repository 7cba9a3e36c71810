"""Images with labels, from folders and zip files, kept in memory.

Three forms are understood:
- a pack with `index.json`: rows of id and kind; source, field (which place of the specimen: parts
  share none; also called mosaic), labels ("manual", or how else they were made), split;
- a folder with `images/NAME.*` and `labels/NAME.*`;
- a folder with `NAME.*` and `NAME-labels.*` (or _labels, _masks) side by side, as `imgconv segment`
  and others write them.

Images of a pack lie in `images/` and `labels/`, or in `SPLIT/images/` and `SPLIT/labels/`.
"""

from __future__ import annotations

import json
import zlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from imgconv.tasks.segment.card import PREPARE, READ
from imgconv.tasks.segment.prepare import percentiles

from ..files import Files, decoded, picture

COLOUR = "stained"
PART = 6  # one field in so many is for validation, where a pack has no parts of its own
FEW = 4  # sources of fewer fields are learnt from whole
ENDINGS = ("-labels", "_labels", "-masks", "_masks", "_mask", "_cp_masks", "_seg")


@dataclass(frozen=True)
class Example:
    name: str
    kind: str
    source: str
    field: str
    manual: bool  # labels drawn or corrected by hand, not by a model
    pixels: np.ndarray  # (H, W, 1) grey or (H, W, 3) RGB, the file's own dtype
    labels: np.ndarray  # (H, W) uint16, or float32 beyond 65,534 objects; 0 or 1..n
    range: tuple[float, float]  # the image's levels, see imgconv.tasks.segment.prepare
    known: float | None = None  # diameter, where a pack of crops says that of the whole image

    @cached_property
    def diameter(self) -> float:
        """That of a typical object in pixels, in which the median object pixel lies; the usual one
        where there is no object."""
        if self.known:
            return self.known
        areas = np.sort(np.bincount(self.labels.astype(np.int32).ravel())[1:])
        covered = np.cumsum(areas)
        if not areas.any():
            return float(READ["usual"])
        return float(np.sqrt(areas[np.searchsorted(covered, covered[-1] / 2)] * 4 / np.pi))


@dataclass(frozen=True)
class Row:
    """An image that is known but not read yet."""

    files: Files
    image: str
    label: str
    name: str
    kind: str
    source: str
    field: str
    manual: bool
    split: str = ""  # "train", "val", or "" where the pack does not say
    levels: tuple[float, float] | None = None  # of the whole image that it is a crop of
    diameter: float | None = None

    def read(self) -> Example:
        pixels, labels = picture(self.files, self.image), decoded(self.files, self.label)
        if labels.ndim != 2 or labels.shape != pixels.shape[:2]:
            raise SystemExit(
                f"{self.label}: found labels of {labels.shape}, allowed is one plane of the size "
                f"of {self.image}, {pixels.shape[:2]}"
            )
        if labels.dtype.kind == "f" and (labels != np.rint(labels)).any():
            raise SystemExit(f"{self.label}: found fractions, allowed are whole numbers of objects")
        return Example(
            self.name, self.kind, self.source, self.field, self.manual, pixels, numbered(labels),
            self.levels or percentiles(pixels, PREPARE["low"], PREPARE["high"]), self.diameter,
        )  # fmt: skip


def numbered(labels: np.ndarray) -> np.ndarray:
    """Labels renumbered 1..n, uint16, or float32 (exact up to 2^24) where there are too many."""
    if labels.dtype == np.uint16 or labels.dtype == np.uint8:  # a table is quicker than sorting
        numbers = np.bincount(labels.ravel(), minlength=1) > 0
        numbers[0] = False
        dense = np.cumsum(numbers)[labels]
    else:
        values, dense = np.unique(labels, return_inverse=True)
        dense = dense.reshape(labels.shape) + (values[0] != 0)
    return dense.astype(np.uint16 if dense.max() < 2**16 - 1 else np.float32)


def load(
    sources: str | Path | Iterable[str | Path], part: str = "train", hold_out: Sequence[str] = ()
) -> list[Example]:
    """The examples of one part, "train" or "val"; sources and fields of `hold_out` are whole in
    "val", such a field as a source of its own.

    SystemExit names what is to be held out and is in no pack.
    """
    if isinstance(sources, str | Path):
        sources = [sources]
    found = [
        replace(row, source=row.field) if row.field in hold_out else row
        for source in sources
        for row in rows(Path(source))
    ]
    known = {row.source for row in found}
    if lacking := sorted(set(hold_out) - known):
        raise SystemExit(
            f"--hold-out {','.join(lacking)}: no such source; there are {', '.join(sorted(known))}"
        )
    return [row.read() for row in found if part_of(row, seen_last(found), hold_out) == part]


def seen_last(found: Sequence[Row]) -> set[tuple[str, str]]:
    """(source, field) of what is for validation where a pack does not say: one field in PART of
    each source, those whose names have the lowest CRC-32, so that the choice stays the same."""
    fields: dict[str, set[str]] = defaultdict(set)
    for row in found:
        if not row.split:
            fields[row.source].add(row.field)
    chosen = set()
    for source, names in fields.items():
        if len(names) >= FEW:
            ordered = sorted(names, key=lambda name: (zlib.crc32(name.encode()), name))
            chosen |= {(source, name) for name in ordered[: -(-len(names) // PART)]}
    return chosen


def part_of(row: Row, last: set[tuple[str, str]], hold_out: Sequence[str] = ()) -> str:
    if row.source in hold_out:
        return "val"
    return row.split or ("val" if (row.source, row.field) in last else "train")


def rows(source: Path) -> list[Row]:
    """What a folder or zip holds."""
    files = Files(source)
    found = _indexed(files) if "index.json" in files.names else _paired(files)
    if not found:
        raise SystemExit(
            f"{source}: no images with labels in there; allowed are images/NAME.* and "
            "labels/NAME.*, or NAME.* and NAME-labels.* side by side"
        )
    return found


def _indexed(files: Files) -> list[Row]:
    found = []
    for row in json.loads(files.read("index.json")):
        split, name = str(row.get("split", "")), str(row["id"])
        images, labels = (_stems(files, split, kind) for kind in ("images", "labels"))
        if name not in images or name not in labels:
            raise SystemExit(f"{files.root}: the index names {name}, which is not in there")
        found.append(
            Row(
                files, images[name], labels[name], name, str(row.get("kind", "image")),
                str(row.get("source", files.root.stem)), _field(row), _is_manual(row), split,
                tuple(row["levels"]) if "levels" in row else None, row.get("diameter"),
            )
        )  # fmt: skip
    return found


def _stems(files: Files, split: str, kind: str) -> dict[str, str]:
    cache: dict[str, dict[str, str]] = files.__dict__.setdefault("_stems", {})
    folder = f"{split}/{kind}" if split else kind
    if folder not in cache:
        cache[folder] = files.stems(folder)
    return cache[folder]


def _field(row: dict[str, Any]) -> str:
    return str(row.get("field", row.get("mosaic", row["id"])))


def _is_manual(row: dict[str, Any]) -> bool:
    return str(row.get("labels", "manual")).startswith("manual")


def _paired(files: Files) -> list[Row]:
    """Images and their labels by name."""
    images, labels = files.stems("images"), files.stems("labels")
    if not images:
        everything = files.stems("")
        labels = {n: f for n, f in everything.items() if n.endswith(ENDINGS)}
        images = {n: f for n, f in everything.items() if n not in labels}
    labels = {_bare(name): file for name, file in labels.items()}
    place = files.root.resolve().name.removesuffix(".zip")
    return [
        Row(files, images[n], labels[n], n, "image", place, n, True)
        for n in sorted(set(images) & set(labels))
    ]


def _bare(name: str) -> str:
    for ending in sorted(ENDINGS, key=len, reverse=True):
        name = name.removesuffix(ending)
    return name


def folds(examples: Sequence[Example], count: int, seed: int = 0) -> list[list[int]]:
    """Positions of the examples in `count` parts that share no field, of about equal size."""
    fields = sorted({(example.source, example.field) for example in examples})
    order = np.random.default_rng(seed).permutation(len(fields))
    part = {fields[field]: position % count for position, field in enumerate(order)}
    places: list[list[int]] = [[] for _ in range(count)]
    for position, item in enumerate(examples):
        places[part[item.source, item.field]].append(position)
    return places
