"""The step of `segment`: a file's fields through the network, and all that is written of it."""

# ruff: noqa: PTH107, PTH113, PTH119
# Names stay the text that was typed: pathlib would turn ./-x.png into -x.png.
from __future__ import annotations

import math
import os
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

import numpy as np

from imgconv import doing
from imgconv.batch import Done, Item
from imgconv.errors import InputError, UsageError
from imgconv.images import (
    Info,
    Source,
    WriteOptions,
    folder_format,
    is_url,
    open_image,
    show_name,
    write_image,
)
from imgconv.memory import share
from imgconv.ops.sheet import IMPORTS
from imgconv.tasks.card import Card
from imgconv.tasks.channel_files import join_channels
from imgconv.tasks.labels.select import LabelStack, Selection, Size
from imgconv.tasks.link import assignment
from imgconv.tasks.link.stack import link
from imgconv.tasks.load import load
from imgconv.tasks.merged import only_channel
from imgconv.tasks.plate.names import NamePattern
from imgconv.tasks.positions import Positions, positions_of
from imgconv.tasks.segment.large import segment_large
from imgconv.tasks.segment.results import ENDINGS, Results
from imgconv.tasks.segment.run import Segmentation, segment
from imgconv.tasks.segment.run_record import sha256
from imgconv.text import Fact
from imgconv.threads import check_abandoned

from .segment_large import BYTES as LARGE_BYTES
from .segment_large import is_large, large_fields, probability_plane
from .segment_network import SegmentNetwork
from .segment_note import Segmented, write_note
from .segment_settings import Settings

NOTHING = np.empty((0, 0), np.float32)
BYTES = 100  # per pixel: the network's input and maps, labels and what the watershed needs


@dataclass(frozen=True, eq=False)
class SegmentFile:
    """Segment every field of the item's source and write labels, picture, tables, outlines."""

    network: SegmentNetwork
    card: Card
    settings: Settings
    kinds: tuple[str, ...] = ("overlay", "table")  # of ENDINGS, in the order of item.also
    reading: Mapping[str, Any] = field(default_factory=dict)
    force: bool = False
    zarr_labels: str = ""  # their name within the OME-Zarr that the image is of
    leave_note: bool = False  # of each image, for the folder's record: see `segment_note`
    names: NamePattern | None = None  # what file names say
    channels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # files of one image each

    @property
    def imports(self) -> tuple[str, ...]:
        """When it works."""
        return (*IMPORTS, *(assignment.IMPORTS if self.settings.is_linked else ()))

    def __call__(self, item: Item) -> Done:
        with ExitStack() as opened:
            files = self.channels.get(item.source, (item.source,))
            sources = [opened.enter_context(open_image(f, **self.reading)) for f in files]
            source, found = sources[0], self.positions(sources, files)
            info = found.info
            needed = info.height * info.width * (BYTES + info.channels * 4)
            with share(min(needed, LARGE_BYTES) if self._in_bands(info) else needed):
                results, scales = self._segment(item, found)
        said = (Fact(line(results, self.settings, scales)), *results.notes)
        notes = (*source.notes, *found.notes, *said, *doubts(self.settings.size))
        if item.target == "-":
            return Done(("-",), notes)
        return Done(
            (item.target, *item.also, *results.further),
            notes,
            results.totals(),
            self._told(item, results, scales),
        )

    def positions(self, sources: list[Source], files: tuple[str, ...]) -> Positions:
        """The images of a file, or of files that are its channels."""
        if len(files) == 1 or self.names is None:
            return positions_of(sources[0], self.settings.position)
        return join_channels(sources, [self.names(path).channel for path in files])

    def _segment(self, item: Item, source: Positions) -> tuple[Results, list[float]]:
        """Everything of one file computed and written; by how much its fields were resized."""
        begin = time.perf_counter()
        paths = dict(zip(self.kinds, item.also, strict=True)) if item.also else {}
        image = "stdin" if item.source == "-" else os.path.basename(item.source)
        results = self.settings.results(source, image, show_name(item.source), paths)
        results.place = self.names(item.source).columns if self.names else {}
        scales: list[float] = []
        maps = self.fields(source, results, scales)
        if "probability" in paths:
            options, record = WriteOptions(), results.probability_info()
            write_image(paths["probability"], maps, record, options, force=self.force)
        else:
            deque(maps, maxlen=0)
        doing.say("writing")
        self._clear(item)
        for kind, path in paths.items():
            if kind != "probability":
                results.write(kind, path, force=self.force)
        if self.leave_note and item.target != "-":
            seconds = round(time.perf_counter() - begin, 3)
            write_note(item.target, *self._told(item, results, scales), seconds)
        if self.zarr_labels:
            self._add_to_zarr(item, source, results)
        results.write_labels(item.target, force=self.force)  # last: they say that all is there
        return results, scales

    def _add_to_zarr(self, item: Item, source: Positions, results: Results) -> None:
        """The labels of each image into its own group."""
        if not folder_format(item.source) or is_url(item.source):
            raise InputError("is no OME-Zarr folder: leave out `zarr_labels`")
        from imgconv.images.formats.omezarr.labels import write_labels

        planes = map(results.labels.written, range(len(results.labels)))
        for image in source.images:
            counts = zip(image.info.stack_axes, image.info.stack_shape, strict=True)
            mine = islice(planes, math.prod(n for axis, n in counts if axis != "C"))
            write_labels(item.source, image.info, self.zarr_labels, mine, force=self.force)

    def _clear(self, item: Item) -> None:
        """Former labels go before anything beside them is replaced, so that whoever is stopped in
        between is not left with a table that belongs to others; so does what is not made anew."""
        if self.force and item.target != "-":
            for path in (item.target, *item.former):
                if os.path.isfile(path):
                    os.remove(path)

    def fields(
        self, source: Positions, results: Results, scales: list[float]
    ) -> Iterator[np.ndarray]:
        """Adds each field's labels to the results and yields its probability map (H, W, 1)."""
        settings, size = self.settings, results.size
        selection, card = settings.selection(size), self.card
        if settings.min_area:  # the user knows better than the model how small they are
            card = replace(card, read={**card.read, "least": selection.min_area})
        diameter = settings.across(size)
        links = settings.linking(results)
        if self._in_bands(source.info):
            yield from self._large_fields(source, results, scales, (card, diameter, selection))
            return
        held: list[Segmentation] = []
        first = LabelStack()
        fields = math.prod(results.stack.sizes)
        for one in doing.count("field", results.stack.read(source), fields):
            check_abandoned()
            doing.say("computing")
            self._check_merged(one.number, one.pixels, results)
            seen = one.pixels[..., results.stack.seen]
            found = segment(seen, self.network, card, diameter)
            found = replace(found, labels=selection(found.labels))
            scales.append(found.scale)
            yield found.probability[..., None]
            if not settings.is_linked:
                results.add(one, found)
            else:  # all labels have to be known before one is numbered
                first.add(found.labels)
                held.append(replace(found, labels=NOTHING, probability=NOTHING))
        if settings.is_linked:
            doing.say("linking")
            results.linked = link(first, results.stack, links)
            planes = zip(
                results.stack.read(source), held, results.linked.labels.planes(), strict=True
            )
            for one, found, labels in planes:
                results.add(one, replace(found, labels=labels.astype(np.int32)))

    def _told(self, item: Item, results: Results, scales: list[float]) -> Segmented:
        return Segmented(self._entry(item, results, scales), results.summary)

    def _in_bands(self, info: Info) -> bool:
        """Whether fields pass in bands: not where objects are linked, or spots are looked for."""
        return is_large(info) and not self.settings.is_linked and self.settings.spots is None

    def _large_fields(
        self,
        source: Positions,
        results: Results,
        scales: list[float],
        how: tuple[Card, float | None, Selection],
    ) -> Iterator[Any]:
        """As `fields`; the maps are planes in bands."""
        fields = math.prod(results.stack.sizes)
        card, diameter, selection = how
        for one, plane in doing.count("field", large_fields(results.stack, source), fields):
            doing.say("computing")
            if one.number == 1:
                some = plane.sampled(max(1, int((plane.shape[0] * plane.shape[1] / 1e6) ** 0.5)))
                self._check_merged(one.number, some, results)
            found = segment_large(
                plane.channels(results.stack.seen), self.network, card, diameter, selection,
                likely="probability" in results.kinds,
            )  # fmt: skip
            scales.append(found.scale)
            yield probability_plane(found)
            results.add_large(one, plane, found)

    def _check_merged(self, number: int, pixels: np.ndarray, results: Results) -> None:
        """Of merged fluorescence the one channel that carries anything is looked at."""
        stack = results.stack
        if number == 1 and len(stack.seen) == 3 and self.settings.channel is None:
            seen = only_channel(pixels[..., stack.seen], results.name)
            results.stack = replace(stack, seen=seen)

    def _entry(self, item: Item, results: Results, scales: list[float]) -> dict[str, Any]:
        """What the run record says of one image, beside its files."""
        settings, stack, size = self.settings, results.stack, results.size
        selection = settings.selection(size)
        areas = {
            "min_area_px": selection.min_area,
            "max_area_px": None if np.isinf(selection.max_area) else selection.max_area,
        }
        files = self.channels.get(item.source, ())
        return {
            "sha256": sha256(item.source),
            **({"channels_from": {path: sha256(path) for path in files}} if len(files) > 1 else {}),
            "axes": results.info.axes,
            "shape": [int(n) for n in results.info.shape],
            "channels_seen": [n + 1 for n in stack.seen],
            "pixel_size_um": list(size) if size else None,
            "pixel_size_from": None if not size else "pixel_size" if settings.size else "file",
            **areas,
            "count": [row["count"] for row in results.summary],
            "diameter_px": [row["diameter_px"] for row in results.summary],
            "scale": scales,
        }


def segmentation_of(model: Any, settings: Settings, threshold: float | None) -> SegmentFile:
    """The step of a model, with the usual outputs. Raises UsageError."""
    loaded, card = load(model, "segment")
    if threshold is not None:
        if not 0.01 <= threshold <= 0.99:
            raise UsageError(f"`threshold={threshold}`: must be a number from 0.01 to 0.99")
        card = replace(card, read={**card.read, "foreground": threshold})
    return SegmentFile(SegmentNetwork(loaded), card, settings)


def line(results: Results, settings: Settings, scales: list[float]) -> str:
    """One line for people: count, density, median area, diameter."""
    found = results.totals()
    count, planes = found["count"], found.get("planes", 1)
    parts = [f"{count} object{'' if count == 1 else 's'}"]
    parts[0] += f" in {planes} planes" if planes > 1 else ""
    if "density_per_mm2" in found:
        parts.append(f"{found['density_per_mm2']:,.4g} per mm²")
    else:
        parts.append(f"{found['density_per_megapixel']:,.4g} per megapixel")
    if "median_area_px" in found:
        metric = f" ({found['median_area_um2']:.4g} µm²)" if "median_area_um2" in found else ""
        parts.append(f"median area {found['median_area_px']:g} px{metric}")
    if "diameter_px" in found:
        how = "as given" if settings.diameter else "found"
        parts.append(f"diameter {found['diameter_px']:.3g} px {how}")
    for name, word in (("tracks", "track"), ("volumes", "object in space"), ("spots", "spot")):
        if name in found:
            parts.append(f"{found[name]} {word if found[name] == 1 else words_of(word)}")
    resized = sorted({round(scale, 3) for scale in scales} - {1.0})
    if resized:
        parts.append(f"looked at resized by {', '.join(f'{scale:g}' for scale in resized)}")
    return ", ".join(parts)


def words_of(word: str) -> str:
    """More than one of it."""
    return "objects in space" if word == "object in space" else f"{word}s"


def doubts(size: Size) -> list[str]:
    """What may be wrong with the pixel size that was typed: --pixel-size 1,5."""
    if not size or 0.5 <= size[0] / size[1] <= 2:
        return []
    return [f"pixels of {size[0]:g} x {size[1]:g} µm; write a decimal number with a point"]


def endings(kinds: tuple[str, ...]) -> list[str]:
    """How the names of the files beside the labels end."""
    return [ENDINGS[kind] for kind in kinds]
