"""The step of `measure`: labels of any tool and the images that they lie on become a table."""

# ruff: noqa: PTH119
# Names stay the text that was typed: pathlib would turn ./-x.png into -x.png.
from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from typing import Any, ClassVar, NamedTuple

import numpy as np

from imgconv import doing
from imgconv.atomic import output
from imgconv.batch import Done, Item
from imgconv.errors import InputError, UsageError
from imgconv.images import Source, open_image
from imgconv.memory import share
from imgconv.tasks.channel_names import columns_of
from imgconv.tasks.csv_table import csv_text
from imgconv.tasks.fields_of_view import Field, Stack, stack_of
from imgconv.tasks.labels.select import Size
from imgconv.tasks.labels.truth import doubt, doubt_of_file, label_planes
from imgconv.tasks.measure.table import EVERY, USUAL, Wanted
from imgconv.tasks.plate.names import NamePattern
from imgconv.tasks.positions import Positions, positions_of
from imgconv.tasks.quantities import Quantity, pixel_sides, quantity
from imgconv.text import Fact
from imgconv.threads import check_abandoned

BYTES = 60  # per pixel: labels, distances and the nearest object
IMPORTS = ("skimage.measure", "skimage.morphology", "scipy.ndimage", "scipy.spatial")


@dataclass(frozen=True)
class Settings:
    """What the user asked for."""

    families: tuple[str, ...] = USUAL
    expand: Quantity | None = None
    ring: tuple[Quantity | None, Quantity] | None = None  # None: from the object's border
    names: tuple[str, ...] = ()  # of the channels of all images, in order
    axes: str | None = None
    size: Size = None

    def wanted(self, size: Size) -> Wanted:
        expand = self.expand.pixels(size) if self.expand else None
        ring = None
        if self.ring:
            begin, end = self.ring
            ring = (begin.pixels(size) if begin else 0.0, end.pixels(size))
        return Wanted(self.families, expand, ring)


class Table(NamedTuple):
    """What was measured in one file: the columns in order, and a dict for each object."""

    columns: list[str]
    rows: list[dict[str, Any]]
    planes: int
    channels: tuple[str, ...]
    notes: tuple[str, ...] = ()  # what is odd about the labels


def settings_of(
    *,
    features: Any = None,
    expand: Any = None,
    ring: Any = None,
    names: Any = None,
    axes: str | None = None,
    pixel_size: Any = None,
) -> Settings:
    """The settings as typed, or as Python has them. Raises UsageError."""
    return Settings(
        _families(features), quantity("expand", expand, 1), _ring(ring), tuple(_words(names)),
        axes, pixel_sides(pixel_size),
    )  # fmt: skip


def _words(text: Any) -> list[str]:
    return [word.strip() for word in text.split(",")] if isinstance(text, str) else list(text or ())


def _families(features: Any) -> tuple[str, ...]:
    words = _words(features) or list(USUAL)
    wrong = next((word for word in words if word not in (*EVERY, "all")), None)
    if wrong is not None:
        raise UsageError(f"`features={wrong!r}`: allowed are {', '.join(EVERY)}, all")
    return EVERY if "all" in words else tuple(dict.fromkeys(words))


def _ring(text: Any) -> tuple[Quantity | None, Quantity] | None:
    """From "2-8", "2-8um", "0-3um" or a pair."""
    if text is None:
        return None
    found = re.fullmatch(r"\s*([\d.]+)\s*-\s*([\d.]+)\s*([a-zµμ]*)\s*", str(text))
    pair = found.groups() if found else (*text, "") if isinstance(text, (tuple, list)) else ()
    try:
        begin, end = float(pair[0]), float(pair[1])
    except (ValueError, IndexError):
        begin, end = 1.0, 0.0
    if not 0 <= begin < end:
        raise UsageError(
            f"`ring={text!r}`: give from where to where outside the object, in pixels (2-8) or "
            "micrometres (1-3um)"
        )
    ends = [quantity("ring", f"{n}{pair[2]}", 1) if n else None for n in (begin, end)]
    assert ends[1] is not None
    return ends[0], ends[1]


@dataclass(frozen=True, eq=False)
class MeasureFile:
    """Measure the labels of the item's source on `images[source]`, write the table."""

    imports: ClassVar = IMPORTS  # when it works
    settings: Settings
    images: Mapping[str, tuple[str, ...]]  # of each label file
    cells: Mapping[str, str] = field(default_factory=dict)  # labels of the cells, where given
    reading: Mapping[str, Any] = field(default_factory=dict)
    force: bool = False
    names: NamePattern | None = None  # what file names say of the images

    def __call__(self, item: Item) -> Done:
        given = self.images[item.source]
        settings, place = self._named(given)
        with ExitStack() as opened:
            enter = opened.enter_context
            labels = enter(self._open(item.source, "labels"))
            images = [enter(self._open(path, "measured")) for path in given]
            beside = self.cells.get(item.source)
            cells = enter(self._open(beside, "labels")) if beside else None
            pixels = labels.info.height * labels.info.width
            opened.enter_context(share(pixels * BYTES))
            doing.say("measuring")
            table = measured(labels, images, settings, cells)
        head = {"image": os.path.basename(given[0]), **place}
        said = [name for name in place if name not in table.columns]
        rows = [head | row for row in table.rows]
        with output(item.target, force=self.force, seekable=False) as file:
            text = csv_text(["image", *said, *table.columns], rows)
            file.write(text.encode("utf-8", "surrogateescape"))
        record = {"count": len(rows), "planes": table.planes, "channels": list(table.channels)}
        notes = [note for source in (labels, *images) for note in source.notes]
        notes += table.notes
        return Done((item.target,), (*dict.fromkeys(notes), Fact(_line(table, given))), record)

    def _named(self, given: Sequence[str]) -> tuple[Settings, dict[str, str]]:
        """What the names of the images say: the channels, for columns, and their place."""
        if self.names is None:
            return self.settings, {}
        channels = [self.names(path).channel for path in given]
        words = columns_of(len(given), channels) if len(given) > 1 and all(channels) else ()
        known = self.settings.names or words
        return replace(self.settings, names=known), self.names(given[0]).columns

    def _open(self, path: str, values: str) -> Source:
        return open_image(path, **{**self.reading, "values": values})


def _line(table: Table, given: Sequence[str]) -> str:
    """One line for people: how many objects, and what the channels are called."""
    count = len(table.rows)
    words = f"{count} object{'' if count == 1 else 's'}"
    if len(given) > 1:
        names = zip(table.channels, given, strict=False)
        if len(given) == len(table.channels):
            words += " on " + ", ".join(f"{os.path.basename(p)} ({n})" for n, p in names)
    return words


def measured(labels: Any, images: Sequence[Any], settings: Settings, cells: Any = None) -> Table:
    """The table of a file of labels on opened images. Raises InputError where they do not fit."""
    on = [positions_of(source) for source in images]
    stacks = [stack_of(one.info, one.name, settings.axes, "1", one.names) for one in on]
    channels = _names(stacks, settings.names, labels.name)
    size = settings.size or on[0].size
    wanted = settings.wanted(size)
    rows: list[dict[str, Any]] = []
    columns: dict[str, None] = {}
    planes, odd = 0, ""
    dtype = labels.info.source_dtype or str(labels.info.dtype)
    for one, numbers, whole in _together(labels, on, stacks, cells):
        check_abandoned()
        planes += 1
        odd = odd or doubt(numbers, dtype)
        found = wanted(numbers, one.pixels, channels, size, whole)
        columns |= dict.fromkeys(found)
        head = {"plane": one.number, **stacks[0].place(one)}
        each = zip(*(column.tolist() for column in found.values()), strict=True)
        rows += [head | dict(zip(found, values, strict=True)) for values in each]
    notes = tuple(filter(None, (doubt_of_file(labels), odd)))
    return Table(["plane", *stacks[0].columns, *columns], rows, planes, channels, notes)


def _names(stacks: Sequence[Stack], given: tuple[str, ...], name: str) -> tuple[str, ...]:
    """What the channels of all images are called in columns."""
    count = sum(stack.channels for stack in stacks)
    if given and len(given) != count:
        raise InputError(
            f"{name}: the images have {count} channels, `names` gives {len(given)}: "
            f"{', '.join(given)}"
        )
    if given:
        return given
    return stacks[0].names if len(stacks) == 1 else tuple(f"c{n}" for n in range(1, count + 1))


def _together(
    labels: Any, on: Sequence[Positions], stacks: Sequence[Stack], cells: Any
) -> Iterator[tuple[Field, np.ndarray, np.ndarray | None]]:
    """Each field with the channels of all images, its labels, and those of the cells."""
    numbers = label_planes(labels)
    wholes = label_planes(cells) if cells is not None else None
    fields = [stack.read(one) for stack, one in zip(stacks, on, strict=True)]
    names = [one.name for one in on]
    for plane, *found in zip_longest(numbers, *fields):
        if plane is None or any(one is None for one in found):
            counts = [stack.fields for stack in stacks]
            lone = next(
                (n for n, c in zip(names, counts, strict=True) if c != labels.info.planes), ""
            )
            raise InputError(
                f"{labels.name}: has {labels.info.planes} planes, {lone or names[0]} "
                f"{max(counts)}: they do not belong together"
            )
        whole = next(wholes, None) if wholes else None
        for other, name in zip(
            (*(o.pixels for o in found), whole), (*names, "the cells"), strict=True
        ):
            if other is not None and other.shape[:2] != plane.shape:
                raise InputError(
                    f"{labels.name}: is {plane.shape[1]}x{plane.shape[0]} pixels, {name} "
                    f"{other.shape[1]}x{other.shape[0]}: they do not belong together"
                )
        if wholes and whole is None:
            raise InputError(f"{labels.name}: the labels of the cells have fewer planes")
        pixels = np.concatenate([one.pixels for one in found], axis=2)
        yield Field(found[0].number, found[0].place, pixels), plane, whole
