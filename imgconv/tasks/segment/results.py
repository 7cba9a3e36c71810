"""What becomes of one file: labels, a picture, tables and outlines, gathered field by field."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import numpy as np

from imgconv.atomic import output
from imgconv.images import Info, WriteOptions, write_image
from imgconv.images.bands import BandedPlane, Plane
from imgconv.images.info import TiffLayout
from imgconv.images.pixelsize import resolution_of
from imgconv.ops.sheet import sheet
from imgconv.tasks.csv_table import csv_text
from imgconv.tasks.fields_of_view import Field, Stack
from imgconv.tasks.labels.caption import with_caption
from imgconv.tasks.labels.geojson import Features
from imgconv.tasks.labels.large_overlay import LargeOverlay
from imgconv.tasks.labels.measure import Row, columns, measure
from imgconv.tasks.labels.outline import Polygon, outlines
from imgconv.tasks.labels.overlay import LARGE as LONGEST
from imgconv.tasks.labels.overlay import Colours, colours_for, overlay
from imgconv.tasks.labels.rois import RoiArchive, name_in_stack
from imgconv.tasks.labels.select import LabelStack, Size, labels_info, write_labels
from imgconv.tasks.large_plane import LargePlane
from imgconv.tasks.link.stack import Linked, position_of
from imgconv.text import Fact

from .doubt import describe
from .large import LargeSegmentation
from .linked import tracks_table, volumes_table
from .run import Segmentation
from .spots import COLUMNS as SPOTS
from .spots import SpotsIn

PLANES = 16  # of a stack that its picture shows, at most
SMALL, LARGE = 400, 1024  # pixels of the longer side of each: below enlarged, above reduced
TILE = 512  # pixels of the tiles of a picture at full size
ENDINGS = {
    "overlay": "-overlay.png", "table": ".csv", "rois": "-rois.zip", "geojson": ".geojson",
    "probability": "-probability.tif", "tracks": "-tracks.csv", "volumes": "-volumes.csv",
    "spots": "-spots.csv",
}  # fmt: skip
SUMMARY = (
    "image", "plate", "well", "site", "plane", "position", "t", "z", "count",
    "density_per_megapixel", "density_per_mm2",
    "median_area_px", "median_area_um2", "diameter_px", "doubt", "labels",
)  # fmt: skip


@dataclass
class Results:
    """Results of one file: `add` each field, then write what is wanted."""

    image: str  # the file's name, for the tables
    stack: Stack
    info: Info
    size: Size
    kinds: frozenset[str] = frozenset({"overlay", "table"})  # of ENDINGS
    name: str = ""  # of the file, for messages
    labels: LabelStack = field(default_factory=LabelStack)
    rows: list[dict[str, Any]] = field(default_factory=list)
    areas: list[float] = field(default_factory=list)
    summary: list[dict[str, Any]] = field(default_factory=list)
    pictures: list[tuple[str, np.ndarray]] = field(default_factory=list)
    colours: Colours = ()  # of the outlines
    rois: RoiArchive = field(default_factory=RoiArchive)
    features: Features = field(default_factory=Features)
    linked: Linked | None = None
    spots: SpotsIn | None = None
    place: dict[str, str] = field(default_factory=dict)  # what the file's name says: well, site
    z_step: float | None = None  # µm from plane to plane, before what the file says
    spot_rows: list[dict[str, Any]] = field(default_factory=list)
    at_full_size: LargeOverlay | None = None
    further: list[str] = field(default_factory=list)  # files written beside those of ENDINGS
    match_axes: bool = False  # labels with the axes of the image, channels too

    def add(self, one: Field, found: Segmentation) -> None:
        """Measure and draw a field's labels (H, W)."""
        self.labels.add(found.labels)
        head = self._head(one)
        rows = list(measure(found.labels, one.pixels, self.stack.names, self.size))
        self._add_tracks(one, rows)
        self._add_spots(head, one, found.labels, rows)
        self.areas += [row["area_px"] for row in rows]
        self.summary.append(head | self._summary([row["area_px"] for row in rows], found))
        if "table" in self.kinds:
            self.rows += [head | row for row in rows]
        if "overlay" in self.kinds and one.number in self._fields_shown():
            self._draw(one, found.labels)
        if self.kinds & {"rois", "geojson"}:
            self._trace(one, outlines(found.labels), rows)

    def add_large(self, one: Field, plane: LargePlane, found: LargeSegmentation) -> None:
        """The same of a field that is not there as a whole, all channels of which are `plane`."""
        self.labels.add_packed(found.labels)
        head, areas = self._head(one), []
        for top, before, labels in found.labels.windows():
            pixels = plane.rows(top, top + len(labels))
            rows = list(measure(labels, pixels, self.stack.names, self.size, top, before))
            areas += [row["area_px"] for row in rows]
            if "table" in self.kinds:
                self.rows += [head | row for row in rows]
            if self.kinds & {"rois", "geojson"}:
                self._trace(one, outlines(labels, top, before), rows)
        self.areas += areas
        self.summary.append(head | self._summary(areas, found))
        if "overlay" in self.kinds and one.number in self._fields_shown():
            self._draw_large(one, LargeOverlay(
                plane.channels(self.stack.seen), found.labels, self.colours
            ))  # fmt: skip

    def _head(self, one: Field) -> dict[str, Any]:
        """The columns before the measurements."""
        return {"image": self.image, **self.place, "plane": one.number, **self.stack.place(one)}

    def _add_tracks(self, one: Field, rows: list[Row]) -> None:
        """The columns of what is linked over time."""
        if self.linked and self.linked.tracks:
            parents = self.linked.parents[position_of(one.place)]
            for row in rows:
                row |= {"track": row["label"], "parent": parents.get(int(row["label"]), 0)}

    def _add_spots(
        self, head: dict[str, Any], one: Field, labels: np.ndarray, rows: list[Row]
    ) -> None:
        """A table of the spots, and how many each object has."""
        if self.spots:
            found = self.spots(one.pixels, labels)
            self.spot_rows += [head | spot for spot in found]
            for row, sums in zip(rows, self.spots.sums(found, rows), strict=True):
                row |= sums

    def _summary(
        self, areas: list[float], found: Segmentation | LargeSegmentation
    ) -> dict[str, Any]:
        """Count, density and median area of one field; None where unknown."""
        pixels = self.info.height * self.info.width
        square = self.size[0] * self.size[1] if self.size else None
        return {
            "count": len(areas),
            "density_per_megapixel": len(areas) * 1e6 / pixels,
            "density_per_mm2": len(areas) * 1e6 / (pixels * square) if square else None,
            **_medians(areas, square),
            "diameter_px": found.diameter if areas else None,
            "doubt": "; ".join(found.doubt),
        }

    def _fields_shown(self) -> list[int]:
        """Numbers of the fields in the picture: all, or as many from first to last."""
        count = self.stack.fields
        return [round(n) for n in np.linspace(1, count, min(count, PLANES))]

    @property
    def notes(self) -> list[str]:
        """What the user should hear."""
        drawn, fields = len(self.pictures), self.stack.fields
        shown: list[str] = []
        if 0 < drawn < fields:
            shown.append(Fact(f"the picture shows {drawn} of {fields} planes"))
        if not self.doubt:
            return shown
        doubtful, planes = sum(bool(row["doubt"]) for row in self.summary), len(self.summary)
        where = f" in {doubtful} of {planes} planes" if planes > 1 else ""
        advice = "look at the picture before the numbers"
        return [*shown, f"doubt{where}: {describe(self.doubt)}; {advice}"]

    @property
    def doubt(self) -> tuple[str, ...]:
        """Why the numbers of any plane may be wrong."""
        said = "; ".join(row["doubt"] for row in self.summary).split("; ")
        return tuple(dict.fromkeys(reason for reason in said if reason))

    def _draw(self, one: Field, labels: np.ndarray) -> None:
        longest = max(labels.shape)
        many = (max(1, SMALL // longest), -(-longest // LARGE)) if self.stack.fields > 1 else None
        title = " ".join(f"{axis} {n}" for axis, n in self.stack.place(one).items())
        seen = one.pixels[..., self.stack.seen]
        self.colours = self.colours or colours_for(seen)  # of the first plane, for all
        self.pictures.append((title, overlay(seen, labels, many, self.colours)))

    def _draw_large(self, one: Field, drawn: LargeOverlay) -> None:
        self.colours, several = drawn.colours, self.stack.fields > 1
        title = " ".join(f"{axis} {n}" for axis, n in self.stack.place(one).items())
        most = LARGE if several else LONGEST
        self.pictures.append((title, drawn.reduced(-(-max(drawn.plane.shape[:2]) // most))))
        self.at_full_size = None if several else drawn

    def _trace(
        self, one: Field, traced: Iterator[tuple[int, list[Polygon]]], rows: list[Row]
    ) -> None:
        several = self.stack.fields > 1
        for (label, parts), row in zip(traced, rows, strict=True):
            name = f"{one.number:04d}-{label:04d}" if several else f"{label:04d}"
            if "rois" in self.kinds:
                roi = name_in_stack(one.number, label) if several else name
                self.rois.add(roi, parts, one.place, self.stack.is_hyperstack)
            if "geojson" in self.kinds:
                known = {k: v for k, v in row.items() if math.isfinite(v)}
                self.features.add(name, parts, one.place, known)

    def labels_info(self) -> Info:
        """The record of the label image."""
        axes, sizes = self._label_axes
        largest, dtype = max(1, self.labels.largest), self.labels.dtype
        return labels_info(self.info, axes, sizes, self.size, dtype, largest)

    @property
    def _label_axes(self) -> tuple[str, tuple[int, ...]]:
        stack = self.stack
        return stack.with_channels if self.match_axes else (stack.axes, stack.sizes)

    def label_planes(self) -> Iterator[Plane]:
        """Each (H, W, 1) of the label image; with the file's axes, one for each channel."""
        axes, sizes = self._label_axes
        at = axes.find("C") % max(len(axes), 1)
        for place in np.ndindex(*sizes):
            own = place[:at] + place[at + 1 :] if "C" in axes else place
            yield self.labels.written(
                int(np.ravel_multi_index(own, self.stack.sizes)) if own else 0
            )

    def probability_info(self) -> Info:
        """The record of the probability maps."""
        stack, kind = self.stack, np.dtype(np.float32)
        return labels_info(self.info, stack.axes, stack.sizes, self.size, kind, 1)

    def write_labels(self, target: str, *, force: bool) -> None:
        with output(target, force=force, seekable=True) as file:
            write_labels(file, self.label_planes(), self.labels_info())

    def write(self, kind: str, target: str, *, force: bool) -> None:
        """One of ENDINGS, except the probability maps, which are written as they come."""
        if kind == "overlay":
            picture = self.picture()
            info = Info("png", picture.dtype, *picture.shape)
            write_image(target, iter((picture,)), info, WriteOptions(), force=force)
            self._write_at_full_size(target, force=force)
            return
        opened: AbstractContextManager[BinaryIO] = output(target, force=force, seekable=False)
        with opened as file:
            tables = {
                "table": lambda: (self.table_columns(), self.rows),
                "tracks": lambda: tracks_table(self),
                "volumes": lambda: volumes_table(self),
                "spots": lambda: (["image", "plane", *self.stack.columns, *SPOTS], self.spot_rows),
            }
            if kind in tables:
                file.write(csv_text(*tables[kind]()).encode("utf-8", "surrogateescape"))
            else:
                (self.rois if kind == "rois" else self.features).write(file)

    def _write_at_full_size(self, picture: str, *, force: bool) -> None:
        """A large image's picture once more, beside its PNG, as a pyramid of tiles."""
        if not self.at_full_size:
            return
        target = picture.removesuffix(".png") + ".tif"
        height, width, _ = self.at_full_size.plane.shape
        layout = TiffLayout(compression="jpeg", tile=(TILE, TILE), levels=_halves(height, width))
        info = Info(
            "tiff", np.dtype(np.uint8), height, width, 3, tiff=layout,
            resolution=resolution_of(self.size) if self.size else self.info.resolution,
        )  # fmt: skip
        plane: Any = BandedPlane((height, width, 3), info.dtype, self.at_full_size.rows())
        write_image(target, iter((plane,)), info, WriteOptions(), force=force)
        self.further.append(target)

    def table_columns(self) -> list[str]:
        names = columns(self.stack.names, self.size)
        tracks = ["track", "parent"] if self.linked and self.linked.tracks else []
        spots = [*self.spots.columns] if self.spots else []
        said = [name for name in self.place if name not in self.stack.columns]
        return ["image", *said, "plane", *self.stack.columns, names[0], *tracks, *names[1:], *spots]

    def picture(self) -> np.ndarray:
        """RGB uint8 (H, W, 3): all planes that are shown, with file, count and scale."""
        titles, pictures = zip(*self.pictures, strict=True)
        shown = sheet(pictures, titles) if len(pictures) > 1 else pictures[0]
        side = self.size[0] * self.info.width / pictures[0].shape[1] if self.size else None
        return with_caption(shown, [self.image, self._count_words()], side)

    def _count_words(self) -> str:
        count, planes = sum(row["count"] for row in self.summary), len(self.summary)
        words = f"{count} object{'' if count == 1 else 's'}"
        return f"{words} in {planes} planes" if planes > 1 else words

    def totals(self) -> dict[str, Any]:
        """Figures of all fields together, for the summary line and --json."""
        counts = [row["count"] for row in self.summary]
        pixels = self.info.height * self.info.width * len(counts)
        square = self.size[0] * self.size[1] if self.size else None
        diameters = [row["diameter_px"] for row in self.summary if row["diameter_px"]]
        found: dict[str, Any] = {"count": sum(counts)}
        found |= {"planes": len(counts)} if len(counts) > 1 else {}
        found["density_per_megapixel"] = sum(counts) * 1e6 / pixels
        found |= {"density_per_mm2": sum(counts) * 1e6 / (pixels * square)} if square else {}
        found |= _medians(self.areas, square)
        if self.linked:
            counts_linked = {"tracks": self.linked.tracks, "volumes": self.linked.volumes}
            found |= {name: n for name, n in counts_linked.items() if n}
        found |= {"spots": len(self.spot_rows)} if self.spots else {}
        return found | ({"diameter_px": float(np.median(diameters))} if diameters else {})


def _halves(height: int, width: int) -> tuple[tuple[int, int], ...]:
    """The sizes of a pyramid, down to what is seen at a glance."""
    found = []
    while max(height, width) > 2 * TILE:
        height, width = -(-height // 2), -(-width // 2)
        found.append((height, width))
    return tuple(found)


def _medians(areas: list[float], square: float | None) -> dict[str, float]:
    """The median area in pixels and, if a pixel's is known, in µm²; nothing of no objects."""
    if not areas:
        return {}
    area = float(np.median(areas))
    return {"median_area_px": area} | ({"median_area_um2": area * square} if square else {})
