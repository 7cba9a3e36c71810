"""Images with labels, from a folder or a zip file, kept in memory.

Two forms are understood:
- a pack with `index.json`: rows of id, split, kind and mosaic (which field a crop came from),
  files `SPLIT/images/ID.*` and `SPLIT/labels/ID.*`;
- any folder with `images/NAME.*` and `labels/NAME.*`.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

import cv2
import numpy as np

from imgconv.tasks.segment.card import READ
from imgconv.tasks.segment.prepare import levels

COLOUR = "stained"


@dataclass(frozen=True)
class Example:
    name: str
    kind: str
    field: str
    pixels: np.ndarray  # (H, W, 1) grey or (H, W, 3) RGB, the file's own dtype
    labels: np.ndarray  # (H, W) int32, 1..n
    range: tuple[float, float]  # the image's levels, see prepare.levels

    @cached_property
    def diameter(self) -> float:
        """That of a typical object in pixels, in which the median object pixel lies; the usual one
        where there is no object."""
        areas = np.sort(np.bincount(self.labels.ravel())[1:])
        covered = np.cumsum(areas)
        if not areas.any():
            return float(READ["usual"])
        return float(np.sqrt(areas[np.searchsorted(covered, covered[-1] / 2)] * 4 / np.pi))


class Files:
    """The files of a folder or a zip, by name relative to its top."""

    def __init__(self, source: str | Path) -> None:
        self.root = Path(source)
        self.archive = zipfile.ZipFile(source) if zipfile.is_zipfile(source) else None
        self.names = sorted(self.archive.namelist() if self.archive else self._walk())

    def _walk(self) -> list[str]:
        return [p.relative_to(self.root).as_posix() for p in self.root.rglob("*") if p.is_file()]

    def read(self, name: str) -> bytes:
        return self.archive.read(name) if self.archive else (self.root / name).read_bytes()

    def stems(self, folder: str) -> dict[str, str]:
        """stem -> name of every file directly in `folder` ("" is the top)."""
        paths = (PurePosixPath(name) for name in self.names)
        return {path.stem: str(path) for path in paths if str(path.parent) == folder}


def picture(files: Files, name: str) -> np.ndarray:
    """(H, W, 1) or (H, W, 3) RGB; a colour file whose channels are equal is grey."""
    pixels = cv2.imdecode(np.frombuffer(files.read(name), np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None:
        raise SystemExit(f"{name}: not an image that can be read")
    if pixels.ndim == 2:
        return np.ascontiguousarray(pixels[:, :, None])
    pixels = pixels[:, :, 2::-1]
    if (pixels == pixels[:, :, :1]).all():
        pixels = pixels[:, :, :1]
    return np.ascontiguousarray(pixels)


def numbered(labels: np.ndarray) -> np.ndarray:
    """Labels renumbered 1..n, int32."""
    values, dense = np.unique(labels, return_inverse=True)
    dense = dense.reshape(labels.shape).astype(np.int32)
    return dense if values[0] == 0 else dense + 1


def example(files: Files, image: str, label: str, kind: str, field: str) -> Example:
    pixels = picture(files, image)
    labels = cv2.imdecode(np.frombuffer(files.read(label), np.uint8), cv2.IMREAD_UNCHANGED)
    if labels is None or labels.shape[:2] != pixels.shape[:2] or labels.ndim != 2:
        raise SystemExit(f"{label}: not a label image of the size of {image}")
    span = levels(pixels, 1.0, 99.8)
    return Example(PurePosixPath(image).stem, kind, field, pixels, numbered(labels), span)


def load(source: str | Path, part: str = "train") -> list[Example]:
    """The examples of one part; a folder without an index has one part, "train"."""
    files = Files(source)
    if "index.json" in files.names:
        return _indexed(files, part)
    images, labels = files.stems("images"), files.stems("labels")
    names = sorted(set(images) & set(labels)) if part == "train" else []
    return [example(files, images[name], labels[name], "image", name) for name in names]


def _indexed(files: Files, part: str) -> list[Example]:
    images, labels = files.stems(f"{part}/images"), files.stems(f"{part}/labels")
    rows = [row for row in json.loads(files.read("index.json")) if row["split"] == part]
    return [
        example(files, images[r["id"]], labels[r["id"]], r["kind"], str(r["mosaic"])) for r in rows
    ]


def folds(examples: Sequence[Example], count: int, seed: int = 0) -> list[list[int]]:
    """Positions of the examples in `count` parts that share no field, of about equal size."""
    fields = sorted({example.field for example in examples})
    order = np.random.default_rng(seed).permutation(len(fields))
    part = {fields[field]: position % count for position, field in enumerate(order)}
    places: list[list[int]] = [[] for _ in range(count)]
    for position, item in enumerate(examples):
        places[part[item.field]].append(position)
    return places
