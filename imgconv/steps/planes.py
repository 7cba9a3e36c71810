"""The step most commands are: read, change each plane on its own, write."""

# Names stay the text that was typed: pathlib would turn ./-x.png into -x.png.
from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from imgconv import doing
from imgconv.batch import Done, Item
from imgconv.batch.running import make_folder
from imgconv.batch.targets import is_known
from imgconv.images import (
    Image,
    WriteOptions,
    open_image,
    show_name,
    srgb_info,
    to_srgb,
    write_images,
)  # fmt: skip
from imgconv.images.image import frames
from imgconv.images.imports import PROFILES, imports_to_write
from imgconv.images.target import takes_bands
from imgconv.memory import share
from imgconv.text import Fact
from imgconv.threads import check_abandoned

from .bands import MEMORY, is_large, like, stream_planes
from .blocks import Block, Elsewhere, make_block, write_in_blocks
from .operation import Operation, Result

if TYPE_CHECKING:
    import numpy as np

    from imgconv.images import Info, Source

T = TypeVar("T")


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class FileStep:
    """What steps from image files to image files have in common.

    `reading` are open_image's options. Planes pass one by one: a long stack is never in memory.
    """

    reading: Mapping[str, Any] = field(default_factory=dict)
    writing: WriteOptions = field(default_factory=WriteOptions)
    force: bool = False
    skip_existing: bool = False
    to_srgb: bool = False  # convert from the colour profile first

    @property
    def imports(self) -> tuple[str, ...]:
        """What it imports when it works."""
        return (*imports_to_write(self.writing), *(PROFILES if self.to_srgb else ()))

    def info(self, source: Source) -> Info:
        """The Info of the planes as the step sees them."""
        return srgb_info(source.info) if self.to_srgb else source.info

    def planes(self, source: Source) -> Iterator[np.ndarray]:
        """Each plane (H, W, C) as the step sees it; ends when the batch was abandoned."""
        return (plane for plane, _ in self.frames(source))

    def frames(self, source: Source) -> Iterator[tuple[np.ndarray, Info]]:
        """Each plane as the step sees it, and its Info; people see which of how many it is."""
        images = self.images(source)
        return doing.count("plane", frames(images), sum(one.info.planes for one in images))

    def images(self, source: Source) -> list[Image]:
        """Each image of the file, with its own Info, as the step sees it."""
        return [self._converted(image) for image in source.images]

    def _converted(self, image: Image) -> Image:
        planes = partial(self._planes, image)
        if not self.to_srgb:
            return replace(image, read_planes=planes)
        region = partial(_region_in_srgb, image) if image.read_region else None
        info = srgb_info(image.info)
        return replace(image, info=info, read_planes=planes, read_region=region)

    def _planes(self, image: Image) -> Iterator[np.ndarray]:
        for plane in image.planes():
            check_abandoned()
            yield to_srgb(plane, image.info) if self.to_srgb else plane

    def pages(self, item: Item, planes: Iterable[T], notes: list[str]) -> Iterator[tuple[str, T]]:
        """Each plane with the file of its own, without those that are there and may stay."""
        for number, plane in enumerate(planes, 1):
            target = item.page(number)
            if self.skip_existing and os.path.lexists(target):
                notes.append(Fact(f"page {number} skipped, {show_name(target)} exists"))
            else:
                make_folder(target)
                yield target, plane

    def write(self, target: str, images: Sequence[Image]) -> list[str]:
        """Write a file; notes for the user."""
        options = self._options(target, images[0].info)
        return write_images(target, images, options, force=self.force)

    def _options(self, target: str, info: Info) -> WriteOptions:
        """With the image's own format where the name says none."""
        if self.writing.format is None and target != "-" and not is_known(target):
            return replace(self.writing, format=info.format)
        return self.writing


@dataclass(frozen=True, eq=False, repr=False)
class EachPlane(FileStep):
    """Every plane of the item's source through `operation`, and the results written."""

    operation: Operation

    def __call__(self, item: Item) -> Done:
        told: list[Result] = []
        with open_image(item.source, **self.reading) as source:
            streamed = [] if item.paged else self.streams(item, source, told)
            if streamed:
                with share(MEMORY):
                    notes = self.write(item.target, streamed)
                return self.done([item.target], [*source.notes, *notes], told)
            return self._whole(item, source, told)

    def streams(self, item: Item, source: Source, told: list[Result]) -> list[Image]:
        """The results as images whose planes come in bands, if all of them can; else none."""
        found = []
        for image in self.images(source):
            if not is_large(image):
                return []
            rows = self.operation.by_rows(image.info) or self.operation.by_bands(image.info)
            if rows is None:
                return []
            info = self.operation.describe(image.info)
            if not takes_bands(item.target, like(rows), info, self._options(item.target, info)):
                return []
            planes = partial(stream_planes, image, rows, self.operation, told)
            found.append(Image(info, planes))
        return found

    def _whole(self, item: Item, source: Source, told: list[Result]) -> Done:
        with share(_bytes_needed(source.info)):
            planes = self.arguments(item, source)
            if item.paged:
                written, notes = self._pages(item, planes, told)
            else:
                notes = self.write(item.target, self._results(source, planes, told))
                written = [item.target]
            return self.done(written, [*source.notes, *notes], told)

    def in_blocks(self, item: Item, elsewhere: Elsewhere) -> Done | None:
        """The item done by others, if it is that large: see `write_in_blocks`."""
        if type(self).__call__ is not EachPlane.__call__:
            return None
        return write_in_blocks(self, item, elsewhere)

    def block(self, block: Block, folder: str) -> tuple[str, dict[str, int]]:
        """A block of an item that is done in blocks, as a file in this folder."""
        return make_block(self, block, folder)

    def arguments(self, item: Item, source: Source) -> Iterator[tuple[Any, ...]]:
        """The operation's arguments for each plane: itself, the Info of its image, and more."""
        return self.frames(source)

    def _results(
        self, source: Source, planes: Iterator[tuple[Any, ...]], told: list[Result]
    ) -> list[Image]:
        """The images made of the source's; `planes` are those of all of them in a row."""
        changed = self._change(planes, told)
        return [
            self._result(image.info, islice(changed, image.info.planes))
            for image in self.images(source)
        ]

    def _result(self, info: Info, planes: Iterable[np.ndarray]) -> Image:
        return Image.of(self.operation.describe(info), planes, self.operation.size(info))

    def _change(
        self, planes: Iterable[tuple[Any, ...]], told: list[Result]
    ) -> Iterator[np.ndarray]:
        """What the operation makes of each plane; what it says is kept in `told`."""
        for given in planes:
            doing.say("computing")
            result = self.operation(*given)
            told.append(result._replace(pixels=result.pixels[:0]))
            doing.say("writing")
            yield result.pixels

    def _pages(
        self, item: Item, planes: Iterable[tuple[Any, ...]], told: list[Result]
    ) -> tuple[list[str], list[str]]:
        """Each page into a file of its own: their names, and notes."""
        written: list[str] = []
        notes: list[str] = []
        for target, given in self.pages(item, planes, notes):
            image = self._result(given[1], self._change([given], told))
            image = replace(image, info=image.info.one_plane())
            notes += self.write(target, [image])
            written.append(target)
        return written, notes

    def done(self, written: list[str], notes: list[str], told: list[Result]) -> Done:
        said, record = self.operation.summary([result.facts for result in told])
        notes += [note for result in told for note in result.notes]
        values = [result.value for result in told if result.value is not None]
        return Done(tuple(written), tuple(dict.fromkeys((*notes, *said))), record, values or None)


def _region_in_srgb(image: Image, rows: slice, columns: slice, plane: int) -> np.ndarray:
    return to_srgb(image.region(rows, columns, plane), image.info)


def _bytes_needed(info: Info) -> int:
    """Bytes that one plane takes on its way: as read, as computed, as encoded."""
    return 3 * info.height * info.width * info.channels * info.dtype.itemsize
