"""An image of any size to labels, in the memory of some of its rows.

Levels, scale, typical diameter and doubt are found on a sample of the image (`sample`), by as many
looks as it takes, and hold for all of it. Then the whole passes once, from top to bottom: levels,
network, maps, objects. Labels equal, to the pixel, those that the whole image at once would get at
these levels and this scale.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from copy import copy
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np

from imgconv.tasks.card import Card
from imgconv.tasks.labels.packed import PackedLabels
from imgconv.tasks.labels.select import Selection
from imgconv.tasks.large_plane import LargePlane
from imgconv.threads import check_abandoned

from .bands import Bands, Window, resize_bands, spans, with_neighbours
from .complete import Completer, Pairs
from .levels import Levels
from .prepare import at_levels, with_compressed
from .read import Relief, probability, reach, relief
from .run import Viewer, look_and_read, middles, rules_at, scaled
from .sample import sample
from .sizes import DIM, FREE
from .stained import find_holes

LARGE = 5000 * 5000
"""Pixels of an image that is done in bands: less is done as a whole, in up to 1.5 GB."""
MAPS = 3  # of the network's four: its sense of size is asked at the sample


class RowNetwork(Protocol):
    """A network that takes an image whole, (4, H, W) to (4, H, W), or row by row."""

    def __call__(self, image: np.ndarray) -> np.ndarray: ...

    def rows(
        self,
        rows: Callable[[int, int], np.ndarray],
        shape: tuple[int, int, int],
        prepare: Callable[[np.ndarray], np.ndarray],
    ) -> Iterator[np.ndarray]: ...


@dataclass(frozen=True)
class Pass:
    """How the whole is looked at."""

    levels: Levels
    scale: float


@dataclass(frozen=True)
class Facts:
    """What a sample tells of the whole: the look that decides, those that add objects of other
    sizes, the diameter of a typical object, why the numbers may be wrong, and whether it is a
    stain that light passes through."""

    first: Pass
    others: tuple[Pass, ...]
    diameter: float | None
    doubt: tuple[str, ...]
    through: bool = False


@dataclass(eq=False)
class LargeSegmentation:
    labels: PackedLabels
    probability: Callable[[], Iterator[np.ndarray]] | None  # (h, W) after (h, W)
    diameter: float | None
    scale: float
    doubt: tuple[str, ...]


def segment_large(
    plane: LargePlane,
    network: RowNetwork,
    card: Card,
    diameter: float | None = None,
    selection: Selection = Selection(),  # noqa: B008 (immutable)
    *,
    likely: bool = False,
) -> LargeSegmentation:
    """As `segment`, of a plane (H, W, 1 or 3), with what the user selects. likely: the probability
    is wanted too."""
    facts = find_facts(sample(plane), network, card, diameter)
    return segment_by(facts, plane, network, card, selection, likely=likely)


def find_facts(
    planes: np.ndarray, network: RowNetwork, card: Card, diameter: float | None = None
) -> Facts:
    """Of an image (H, W, C) that is there as a whole."""
    viewer = Viewer(planes, network, card)
    found, looks = look_and_read(viewer, diameter)
    through = viewer.passes_light(looks[0])
    first, *others = (Pass(look.levels, look.scale) for look in looks)
    return Facts(first, tuple(others), found.diameter, found.doubt, through)


def segment_by(
    facts: Facts,
    plane: LargePlane,
    network: RowNetwork,
    card: Card,
    selection: Selection = Selection(),  # noqa: B008 (immutable)
    *,
    likely: bool = False,
) -> LargeSegmentation:
    """A plane by facts that are known."""
    looks = [look(plane, network, card, one, likely) for one in (facts.first, *facts.others)]
    labels, same, firsts = looks[0].labels, looks[0].same, [0]
    for one, other in zip(looks[1:], facts.others, strict=True):
        if len(firsts) == 1:
            labels.number(same)
            same = []
            firsts.append(labels.largest)
        one.labels.number(one.same)
        firsts.append(firsts[-1] + one.labels.largest)
        labels = add_missed_rows(labels, one.labels, plane, other.levels, firsts[-2])
    origin = copy(labels)
    without = None
    if facts.through and facts.diameter:
        labels.number(same)
        levels, count = facts.first.levels, labels.largest
        holes = find_holes(plane, labels.window, count, facts.diameter, levels)
        without = holes[labels.numbers]
    labels.number(
        same, least=selection.min_area, most=selection.max_area,
        exclude_border=selection.exclude_border, without=without,
    )  # fmt: skip
    chance = partial(_chances, looks, origin, firsts) if likely else None
    typical = facts.diameter if labels.largest else None
    return LargeSegmentation(labels, chance, typical, facts.first.scale, facts.doubt)


@dataclass(eq=False)
class LookAtAll:
    """Labels of one look, not numbered yet, pairs that are one object, and the first map."""

    labels: PackedLabels
    same: Pairs
    chance: _Kept | None


def look(
    plane: LargePlane, network: RowNetwork, card: Card, at: Pass, likely: bool = False
) -> LookAtAll:
    """What `_read` makes of one look at the whole, row by row."""
    size, seen = plane.shape[:2], scaled(plane.shape[:2], at.scale)
    rules, prepare = rules_at(at.scale, card), card.prepare
    shown = (at_levels(plane.rows(top, bottom), prepare, at.levels) for top, bottom in spans(*size))
    rows = Window(resize_bands(shown, size, seen))
    shape = (plane.shape[2], *seen)
    maps = network.rows(rows, shape, lambda piece: with_compressed(piece, prepare))
    bands: Bands = (band[:MAPS] for band in maps)
    first = _Kept(seen, size) if likely else None
    if first:
        bands = first.keep(bands)
    if at.scale <= 1.0:  # large objects get smooth outlines
        bands = resize_bands(bands, seen, size)
    made, scale = (seen, 1.0) if at.scale > 1.0 else (size, at.scale)
    completer = Completer(rules, rules["smallest"] / scale**2)
    labels = PackedLabels(size[1])
    found = _complete(bands, made, completer, rules, scale)
    for band in _sample_rows(found, made, size) if made != size else found:
        labels.add(band)
    return LookAtAll(labels, completer.same, first)


def _complete(
    bands: Bands,
    size: tuple[int, int],
    completer: Completer,
    rules: Mapping[str, Any],
    scale: float,
) -> Iterator[np.ndarray]:
    """(h, W) int32 labels of bands of maps."""
    done = 0
    for window, core in with_neighbours(bands, size, reach(rules, scale)):
        check_abandoned()
        ground = relief(window, rules, scale)
        done += core.stop - core.start
        yield completer.add(Relief(*(one[core] for one in ground)), last=done == size[0])


def _sample_rows(
    labels: Iterator[np.ndarray], size: tuple[int, int], wanted: tuple[int, int]
) -> Iterator[np.ndarray]:
    """Labels of an image at a smaller size: those at the middles of its pixels."""
    window = Window(band[None] for band in labels if len(band))
    rows, columns = (middles(*pair) for pair in zip(wanted, size, strict=True))
    for top, bottom in spans(*wanted):
        mine = rows[top:bottom]
        yield window(int(mine[0]), int(mine[-1]) + 1)[0][mine - mine[0]][:, columns]


def add_missed_rows(
    labels: PackedLabels, others: PackedLabels, plane: LargePlane, levels: Levels, first: int
) -> PackedLabels:
    """`add_missed` of all rows: those objects of `others` (numbered) that lie beside `labels` and
    are about as bright, with numbers from first + 1 on."""
    count = others.largest + 1
    areas, free, light = np.zeros(count), np.zeros(count), np.zeros(count)
    windows = list(plane.spans())
    for top, bottom in windows:
        theirs, mine = others.window(top, bottom), labels.window(top, bottom)
        grey = plane.rows(top, bottom).mean(2, dtype=np.float32)
        seen = (grey - levels.zero) / levels.span
        areas += np.bincount(theirs.ravel(), minlength=count)
        free += np.bincount(theirs[mine == 0], minlength=count)
        light += np.bincount(theirs.ravel(), seen.ravel(), count)
    added = (free >= (1 - FREE) * areas) & (light >= DIM * areas)
    numbers = np.where(added, np.arange(count, dtype=np.int32) + np.int32(first), 0)
    numbers[0] = 0
    both = PackedLabels(labels.width)
    for top, bottom in windows:
        mine = labels.window(top, bottom)
        both.add(np.where(mine == 0, numbers[others.window(top, bottom)], mine))
    return both


def _chances(looks: list[LookAtAll], origin: PackedLabels, firsts: list[int]) -> Iterator[Any]:
    """Rows (h, W) of the probability, once: of the first look, and of each other in what that
    added."""
    with ExitStack() as opened:
        kept = [opened.enter_context(one.chance) for one in looks if one.chance]
        yield from _chosen([Window(one.bands()) for one in kept], origin, firsts)


def _chosen(windows: list[Window], origin: PackedLabels, firsts: list[int]) -> Iterator[Any]:
    for top, bottom in spans(*origin.shape):
        made = windows[0](top, bottom)[0]
        for window, begin, end in zip(windows[1:], firsts[1:-1], firsts[2:], strict=True):
            numbers, theirs = origin.window(top, bottom), window(top, bottom)[0]
            made = np.where((numbers > begin) & (numbers <= end), theirs, made)
        yield made


class _Kept:
    """The first map of a look in a temporary file. A context manager."""

    def __init__(self, seen: tuple[int, int], size: tuple[int, int]) -> None:
        """Of an image of this size, which was seen at another."""
        self.file = tempfile.TemporaryFile()  # noqa: SIM115 (closed by who reads it)
        self.seen, self.size = seen, size

    def __enter__(self) -> _Kept:
        return self

    def __exit__(self, *error: object) -> None:
        self.file.close()

    def keep(self, bands: Bands) -> Bands:
        """The same bands."""
        for band in bands:
            self.file.write(np.ascontiguousarray(band[0]).data)
            yield band

    def bands(self) -> Bands:
        """(1, h, W) of the probability, at the size of the image."""
        for band in resize_bands(self._read(), self.seen, self.size):
            yield probability(band)[None]

    def _read(self) -> Bands:
        self.file.seek(0)
        for top, bottom in spans(*self.seen):
            data = self.file.read((bottom - top) * self.seen[1] * 4)
            yield np.frombuffer(data, np.float32).reshape(1, bottom - top, self.seen[1])
