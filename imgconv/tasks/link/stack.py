"""The labels of a stack numbered through: one number for an object in all its planes and times."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import groupby

import numpy as np

from imgconv.errors import InputError
from imgconv.tasks.fields_of_view import Stack
from imgconv.tasks.labels.select import LabelStack

from .planes import join
from .tracks import GAP, REACH, Frame, track

Place = tuple[int, ...]


@dataclass(frozen=True)
class Links:
    """What is linked. `depth`: the step in z over the side of a pixel."""

    track: bool = False
    link_z: bool = False
    reach: float | None = None  # pixels from frame to frame; None: as objects are large
    gap: int = GAP
    depth: float = 1.0

    def check(self, stack: Stack, name: str) -> None:
        """Raises InputError for a stack that has not the axes."""
        for wanted, axis, option, word in (
            (self.track, "T", "track", "time"), (self.link_z, "Z", "link_z", "depth"),
        ):  # fmt: skip
            if wanted and axis not in stack.axes:
                raise InputError(
                    f"{name}: has no axis of {word} (its fields are counted by "
                    f"{stack.axes or 'nothing'}), which `{option}=True` needs: give `axes`, "
                    f"such as `axes='{axis}YX'`"
                )
        if self.track and not self.link_z and "Z" in stack.axes and _length(stack, "Z") > 1:
            raise InputError(
                f"{name}: is a time-lapse of stacks: `track=True` needs `link_z=True` too"
            )


@dataclass
class Linked:
    """Labels in the order of the fields; `parents` of the tracks of each position."""

    labels: LabelStack = field(default_factory=LabelStack)
    parents: dict[Place, dict[int, int]] = field(default_factory=dict)
    tracks: int = 0
    volumes: int = 0


def link(labels: LabelStack, stack: Stack, links: Links) -> Linked:
    """The labels (H, W) of each field, numbered through. Memory: those of one position."""
    axes, found = stack.axes, Linked()
    places = list(np.ndindex(*stack.sizes))
    planes = list(labels.planes())
    numbered: list[np.ndarray] = [np.empty(0)] * len(planes)
    for position, fields in _groups(places, axes, "TZ"):
        times = [list(one) for _, one in _groups_of(fields, places, axes, "Z")]
        stacks = [[planes[n].astype(np.int32) for n in one] for one in times]
        if links.link_z:
            stacks = [join(one) for one in stacks]
            found.volumes += sum(int(max(p.max(initial=0) for p in one)) for one in stacks)
        if links.track:
            stacks, found.parents[position] = _track(stacks, links)
            found.tracks += max((int(p.max(initial=0)) for one in stacks for p in one), default=0)
        for one, done in zip(times, stacks, strict=True):
            for n, plane in zip(one, done, strict=True):
                numbered[n] = plane
    for plane in numbered:
        found.labels.add(plane)
    return found


def position_of(place: dict[str, int]) -> Place:
    """Of a field: where along the axes that are no time and no depth."""
    return tuple(n - 1 for axis, n in place.items() if axis not in "TZ")


def _groups(places: list[Place], axes: str, inner: str) -> Iterator[tuple[Place, list[int]]]:
    """Numbers of the fields that differ along `inner` axes only."""

    def outer(n: int) -> Place:
        return tuple(at for axis, at in zip(axes, places[n], strict=True) if axis not in inner)

    order = sorted(range(len(places)), key=lambda n: (outer(n), n))
    for key, group in groupby(order, outer):
        yield key, list(group)


def _groups_of(
    fields: list[int], places: list[Place], axes: str, inner: str
) -> Iterator[tuple[Place, list[int]]]:
    """The same among some fields."""
    some = [places[n] for n in fields]
    for key, group in _groups(some, axes, inner):
        yield key, [fields[n] for n in group]


def _track(
    stacks: list[list[np.ndarray]], links: Links
) -> tuple[list[list[np.ndarray]], dict[int, int]]:
    """The stack of each time with the numbers of tracks."""
    known = [_frame(one, links.depth) for one in stacks]
    reach = links.reach or REACH * _diameter([frame for _, frame in known], links.link_z)
    found = track([frame for _, frame in known], reach, links.gap)
    done = []
    for one, (names, _), numbers in zip(stacks, known, found.numbers, strict=True):
        table = np.zeros(int(names.max(initial=0)) + 1, np.int32)
        table[names] = numbers
        done.append([table[plane] for plane in one])
    return done, found.parents


def _frame(planes: list[np.ndarray], depth: float) -> tuple[np.ndarray, Frame]:
    """The numbers of the objects of a time, and their centroids and sizes."""
    largest = max(int(plane.max(initial=0)) for plane in planes) + 1
    sums = np.zeros((4, largest))
    for z, plane in enumerate(planes):
        rows, columns = np.nonzero(plane)
        numbers = plane[rows, columns]
        for total, weights in zip(sums, (None, columns, rows, z * depth), strict=True):
            values = np.full(len(numbers), weights) if np.isscalar(weights) else weights
            total += np.bincount(numbers, values, largest)
    names = np.flatnonzero(sums[0])
    size = sums[0, names]
    return names, Frame((sums[1:, names] / size).T, size)


def _diameter(frames: list[Frame], solid: bool) -> float:
    """Of a typical object in pixels, from areas or volumes."""
    sizes = np.concatenate([frame.sizes for frame in frames])
    size = float(np.median(sizes)) if len(sizes) else 1.0
    return (6 * size / np.pi) ** (1 / 3) if solid else (4 * size / np.pi) ** 0.5


def _length(stack: Stack, axis: str) -> int:
    return stack.sizes[stack.axes.index(axis)]


def with_depth(links: Links, depth: float | None, side: float | None) -> Links:
    """The links at a step in z and a pixel's side in µm, where both are known."""
    return replace(links, depth=depth / side) if depth and side else links
