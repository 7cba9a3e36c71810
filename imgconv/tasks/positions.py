"""Which of a file's images are looked at: all positions of a stage, not the label of a slide."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from imgconv.errors import InputError
from imgconv.images import Image, Info, Source
from imgconv.images.image import join_infos
from imgconv.images.pixelsize import pixel_size

AXIS = "R"  # tifffile's letter for positions
BESIDE = ("thumbnail", "label", "macro", "overview", "slide")  # images beside that of a slide


@dataclass(frozen=True)
class Positions:
    """Images of one size and meaning, as one stack."""

    name: str  # of the file, for messages
    images: Sequence[Image]
    info: Info  # of all together: axes R... where the images have names
    names: tuple[str, ...] = ()  # of the images, where there are several and they have names
    notes: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()  # names of samples of a pixel that are no colours

    def planes(self) -> Iterator[np.ndarray]:
        """Each plane (H, W, C) of each image."""
        for image in self.images:
            yield from image.planes()

    @property
    def size(self) -> tuple[float, float] | None:
        """Width and height of a pixel in µm, where all images have the same; else None."""
        sizes = {pixel_size(image.info) for image in self.images}
        return sizes.pop() if len(sizes) == 1 else None


def positions_of(source: Source, position: str | None = None) -> Positions:
    """The images of a file that are fields of view; `position` is the name or number of one.

    Raises InputError where they are of different sizes, and for a name that is not there.
    """
    if position is not None:
        return _one(source, position)
    known = [image for image in source.images if image.info.name]
    notes: tuple[str, ...] = ()
    left = [image for image in known if image.info.name.lower() in BESIDE]
    if left and len(left) < len(source.images):
        images = [image for image in source.images if image not in left]
        words = ", ".join(image.info.name for image in left)
        notes = (f"a slide: {words} left out; `position=NAME` takes one of them",)
    else:
        images = list(source.images)
    if len(images) == 1 or not all(image.info.name for image in images):
        return Positions(
            source.name, images, join_infos([image.info for image in images]), (), notes
        )
    return _together(source.name, images, notes)


def _one(source: Source, position: str) -> Positions:
    names = [image.info.name for image in source.images]
    found = [n for n, name in enumerate(names) if name.lower() == position.lower()]
    if not found and position.isdecimal() and 0 < int(position) <= len(names):
        found = [int(position) - 1]
    if len(found) != 1:
        named = f" or {_listed([name for name in names if name])}" if any(names) else ""
        raise InputError(
            f"{source.name}: no one position {position}; allowed are 1 to {len(names)}{named}"
        )
    image = source.images[found[0]]
    return Positions(source.name, (image,), image.info)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")


def _together(name: str, images: Sequence[Image], notes: tuple[str, ...]) -> Positions:
    infos = [image.info for image in images]
    if len({(one.axes, one.shape, one.dtype) for one in infos}) > 1:
        each = [f"{one.name} ({one.axes} {one.shape})" for one in infos]
        raise InputError(
            f"{name}: its {len(images)} images differ: {_listed(each)}; "
            "take one with `position=NAME`"
        )
    names = tuple(one.name for one in infos)
    first = infos[0]
    axes, shape = AXIS + first.axes, (len(images), *first.shape)
    return Positions(name, images, replace(first, axes=axes, shape=shape), names, notes)
