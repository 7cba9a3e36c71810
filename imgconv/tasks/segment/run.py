"""From an image to labels: looked at until its levels and its scale are those of its objects."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy import ndimage

from imgconv.tasks.card import Card
from imgconv.tasks.large_plane import LargePlane

from .card import USUAL
from .doubt import doubts, why_nothing
from .levels import Levels, find_levels, stain_levels, standing_out, weights
from .prepare import percentile_levels, prepare, resize_maps
from .read import instances, number, probability, typical_diameter
from .sizes import add_missed, missed_diameter
from .stained import find_holes

Network = Callable[[np.ndarray], np.ndarray]
LARGEST = 100e6
"""Pixels of an image as it is enlarged for the network: 8 GB of memory are enough for all of it."""
LOOKS = 4  # at most
NEAR = 0.05  # a diameter that is wrong by less changes no area by 1 %
DOUBTFUL, CLEAR = 0.1, 0.6  # of what stands out was found: look at other scales; look no further
OTHER_SCALES = (0.5, 0.25, 0.125, 2.0)
WELL_KNOWN = 36.0  # pixels: objects of larger diameters may be parts of what is larger still
OTHER = 0.7  # octaves between scales at which other objects are seen
LEAST, MOST = 0.06, 4.0  # by how much an image is resized
WORTH = 0.005  # of all objects: looks at a sample that add less are not worth one at the whole


@dataclass(frozen=True)
class Segmentation:
    labels: np.ndarray  # (H, W) int32, 1..n, 0 is background
    probability: np.ndarray  # (H, W) float32, of being inside an object
    diameter: float | None  # that set the scale: given, or found; None without any object
    scale: float  # by which the image was resized for the network; 1 is not at all
    doubt: tuple[str, ...] = ()  # why the numbers may be wrong, see `doubt`


@dataclass(frozen=True)
class Look:
    """What the network says of an image at certain levels and a certain scale."""

    levels: Levels
    scale: float
    maps: np.ndarray  # (4, h, w)

    @property
    def diameter(self) -> float | None:
        """Diameter of a typical object, in pixels of the image."""
        found = typical_diameter(self.maps)
        return found / self.scale if found else None


@dataclass(frozen=True, eq=False)
class Viewer:
    """An image, grey or RGB, that a network looks at."""

    planes: np.ndarray  # (H, W, C)
    network: Network
    card: Card

    @property
    def size(self) -> tuple[int, ...]:
        return self.planes.shape[:2]

    @cached_property
    def grey(self) -> np.ndarray:
        """(H, W) float32: the mean of the channels."""
        if self.colour:
            return self.planes.mean(2, np.float32)
        return self.planes[..., 0].astype(np.float32)

    @cached_property
    def colour(self) -> bool:
        return bool((self.planes != self.planes[..., :1]).any())

    def look(self, levels: Levels, scale: float) -> Look:
        size = scaled(self.size, scale)
        maps = self.network(prepare(self.planes, self.card.prepare, size, levels))
        return Look(levels, scale, maps)

    @property
    def by_objects(self) -> bool:
        return bool(self.card.prepare["levels"] == "objects")

    @cached_property
    def standing(self) -> tuple[Levels | None, np.ndarray]:
        """Levels by what stands out, and (H, W) where that is, before anything is known."""
        return standing_out(self.grey)

    def stands_out(self, look: Look) -> bool:
        """Whether objects are what stands out: not so where light passes through."""
        known = self.standing[0]
        return known is not None and (known.span > 0) == (look.levels.span > 0)

    def passes_light(self, look: Look) -> bool:
        """Whether it is a stain that light passes through."""
        known = self.standing[0] if self.by_objects and self.colour else None
        return known is not None and known.span < 0 < look.levels.span

    def first_levels(self) -> Levels:
        found = self.standing[0] if self.by_objects else None
        if found and found.span < 0 and self.colour:
            found = None  # a stain: only its objects tell
        if not found and self.by_objects and self.colour:
            found = self._stain_levels()
        return found or percentile_levels(self.planes, self.card.prepare)

    def _stain_levels(self) -> Levels | None:
        levels, where = self.standing
        if levels is None or levels.span > 0:
            return None
        return stain_levels(self.planes, where, self.card.prepare, self.card.read["usual"])

    def levels(self, look: Look) -> Levels:
        """As what was found says."""
        if not self.by_objects or look.diameter is None:
            return look.levels
        inside = look.maps[0] > 0
        planes = self.planes.astype(np.float32) if self.colour else self.grey[..., None]
        planes = resize_maps(planes.transpose(2, 0, 1), inside.shape).transpose(1, 2, 0)
        found = find_levels(planes, inside, look.diameter * look.scale)
        return found or look.levels

    def scale(self, diameter: float | None) -> float:
        """That brings objects of this diameter to the usual one, if the network does not know
        them well as they are."""
        low, high = self.card.read["diameters"]
        if diameter is None or low <= diameter <= high:
            return 1.0
        most = max(1.0, (LARGEST / (self.size[0] * self.size[1])) ** 0.5)
        wanted = float(np.clip(self.card.read["usual"] / diameter, LEAST, MOST))
        return min(wanted, most)


def segment(
    planes: np.ndarray,
    network: Network,
    card: Card = USUAL,
    diameter: float | None = None,
) -> Segmentation:
    """Find the objects of one image.

    planes: (H, W), (H, W, 1) or (H, W, 3) of any dtype. network: (4, H, W) float32 -> (4, H, W).
    card: how the image is prepared and the maps are read. diameter: of a typical object in pixels.

    The image is looked at as it is, and again with the levels and at the scale of the objects that
    were found, until these stay; a given diameter sets the scale.
    """
    viewer = Viewer(planes.reshape(*planes.shape[:2], -1), network, card)
    return look_and_read(viewer, diameter)[0]


def look_and_read(viewer: Viewer, diameter: float | None) -> tuple[Segmentation, list[Look]]:
    """What is found, and by which looks: the one that decides, then those that add other sizes."""
    looks, card = settle(viewer, diameter), viewer.card
    look, adding = looks[-1], []
    labels, likely = _read(look, viewer.size, card)
    if diameter is None and viewer.by_objects and viewer.stands_out(look):
        adding = _add_other_sizes(viewer, looks, labels, likely)
    typical = diameter or look.diameter
    if typical and viewer.passes_light(look):
        labels = _without_holes(viewer.planes, labels, typical, look.levels)
    typical = typical if labels.any() else None
    if labels.any():
        doubt = doubts(viewer.planes, labels, look.maps, look.scale, card.read, diameter)
    else:
        doubt = why_nothing(viewer.planes, viewer.standing[1])
    return Segmentation(labels, likely, typical, look.scale, doubt), [look, *adding]


def settle(viewer: Viewer, diameter: float | None) -> list[Look]:
    """Looks at the image until it would not change any more, which is the last."""
    look = viewer.look(viewer.first_levels(), viewer.scale(diameter))
    looks = [look]
    if diameter is None and viewer.by_objects:
        other = _elsewhere(viewer, look, viewer.standing[1])
        if other is not look:
            look = other
            looks.append(look)
    for _ in range(LOOKS - 1):
        levels = viewer.levels(look)
        scale = viewer.scale(diameter or look.diameter) if look.diameter else look.scale
        if levels.like(look.levels) and abs(np.log(scale / look.scale)) < NEAR:
            break
        again = viewer.look(levels, scale)
        if again.diameter is None:
            break
        look = again
        looks.append(look)
    return looks


def _add_other_sizes(
    viewer: Viewer, looks: list[Look], labels: np.ndarray, likely: np.ndarray
) -> list[Look]:
    """Objects of other sizes than the typical one are added to labels and probability (H, W): those
    of looks at other scales, and of one at what stands out and has been missed by all of them.
    Returns the looks that added a share (WORTH) of what is there then."""
    last = looks[-1]
    adding = [look for look in reversed(looks[:-1]) if _add(viewer, look, labels, likely) > WORTH]
    missed = missed_diameter(labels, viewer.standing[1])
    if missed and labels.any():
        scale = viewer.scale(missed)
        if not any(_alike(scale, look.scale) for look in looks):
            look = viewer.look(last.levels, scale)
            adding += [look] if _add(viewer, look, labels, likely) > WORTH else []
    return adding


def _add(viewer: Viewer, look: Look, labels: np.ndarray, likely: np.ndarray) -> float:
    """The share of objects that this look has added."""
    beside = (resize_maps(look.maps[:1], viewer.size)[0] > 0) & (labels == 0)
    if not ndimage.binary_erosion(beside).any():  # rims alone: no need to read it
        return 0.0
    others, probable = _read(look, viewer.size, viewer.card)
    seen = (viewer.grey - look.levels.zero) / look.levels.span
    together = add_missed(labels, others, seen)
    added = (together > 0) & (labels == 0)
    before = len(np.unique(labels))
    if added.any():
        labels[:] = number(together)
        likely[added] = probable[added]
    return 1 - before / (int(labels.max(initial=0)) + 1)


def _without_holes(
    planes: np.ndarray, labels: np.ndarray, diameter: float, levels: Levels
) -> np.ndarray:
    """Labels (H, W) of a picture (H, W, C) of stained tissue."""
    count = int(labels.max(initial=0))
    plane = LargePlane.of(planes)
    holes = find_holes(plane, lambda top, end: labels[top:end], count, diameter, levels)
    return number(np.where(holes[labels], 0, labels))


def _alike(one: float, other: float) -> bool:
    """Whether two scales show objects of the same sizes."""
    return bool(abs(np.log2(one / other)) < OTHER)


def _elsewhere(viewer: Viewer, first: Look, where: np.ndarray) -> Look:
    """A look at another scale, if little is found of what stands out, and at that scale most."""
    counts = weights(where)

    def agreement(look: Look) -> float:
        """Intersection over union of what was found and what stands out."""
        inside = resize_maps(look.maps[:1], where.shape)[0] > 0
        union = counts[inside | where].sum()
        return float(counts[inside & where].sum() / union) if union else 0.0

    least = agreement(first)
    known = first.diameter is not None and first.diameter < WELL_KNOWN
    if known or least > DOUBTFUL or not where.any():
        return first
    for scale in OTHER_SCALES:
        look = viewer.look(first.levels, scale)
        if agreement(look) > max(CLEAR, 1.5 * least):
            return look
    return first


def scaled(size: tuple[int, ...], scale: float) -> tuple[int, int]:
    """The size at which the network sees an image of this one."""
    height, width = (side if scale == 1.0 else max(16, round(side * scale)) for side in size)
    return height, width


def _read(look: Look, size: tuple[int, ...], card: Card) -> tuple[np.ndarray, ...]:
    """Labels (H, W) and probability of an image of this size."""
    rules = rules_at(look.scale, card)
    if look.scale > 1.0:  # small objects are told apart where they are large
        labels = _sample(instances(look.maps, rules), size)
        return labels, probability(resize_maps(look.maps[:1], size))
    maps = resize_maps(look.maps, size)  # large ones get smooth outlines
    return instances(maps, rules, look.scale), probability(maps)


def rules_at(scale: float, card: Card) -> dict[str, Any]:
    """How maps of an image that was resized by this are read."""
    rules = dict(card.read)
    if "least" in rules:
        rules["smallest"] = rules["least"] * scale**2
    return rules


def middles(small: int, large: int) -> np.ndarray:
    """Which of `large` rows lie in the middles of `small` ones."""
    return ((np.arange(small) + 0.5) * large / small).astype(np.intp)


def _sample(labels: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """Labels at a smaller size: those at the middles of its pixels, renumbered 1..n."""
    rows, columns = (middles(*pair) for pair in zip(size, labels.shape, strict=True))
    small = labels[rows[:, None], columns]
    there = np.bincount(small.ravel()) > 0
    there[0] = False
    return (np.cumsum(there) * there).astype(np.int32)[small]
