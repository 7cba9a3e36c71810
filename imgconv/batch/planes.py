"""The step most commands are: read, change each plane on its own, write."""

# Names stay the text that was typed: pathlib would turn ./-x.png into -x.png.
from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from imgconv.images import WriteOptions, open_image, shown, srgb_info, to_srgb, write_image
from imgconv.images.imports import PROFILES
from imgconv.memory import share

from .item import Done, Item
from .running import check_abandoned, make_folder
from .targets import is_known

if TYPE_CHECKING:
    import numpy as np

    from imgconv.images import Info, Source

PlaneFunction = Callable[["np.ndarray", "Info"], "np.ndarray"]
"""(H, W, C) in, (H', W', C') out, pure; picklable (a frozen dataclass with __call__)."""


def unchanged(info: Info) -> Info:
    return info


@dataclass(frozen=True)
class EachPlane:
    """Call `function(plane, info)` for every plane of the item's source and write the results.

    `describe(info)` says how the record changes with the planes (a scaled pixel size).
    `reading` are open_image's options. Planes pass one by one: a long stack is never in memory.
    """

    function: PlaneFunction
    writing: WriteOptions = field(default_factory=WriteOptions)
    reading: dict[str, Any] = field(default_factory=dict)
    describe: Callable[[Info], Info] = unchanged
    force: bool = False
    skip_existing: bool = False
    to_srgb: bool = False  # convert from the colour profile first

    @property
    def imports(self) -> tuple[str, ...]:
        """What it imports when it works."""
        return PROFILES if self.to_srgb else ()

    def __call__(self, item: Item) -> Done:
        with open_image(item.source, **self.reading) as source, share(_needed(source.info)):
            if item.paged:
                return self._pages(item, source)
            notes = self._write(item.target, self._planes(source), self._info(source.info))
            return Done((item.target,), (*source.notes, *notes))

    def _planes(self, source: Source) -> Iterator[np.ndarray]:
        for plane in source.planes():
            check_abandoned()
            yield self._changed(plane, source.info)

    def _changed(self, plane: np.ndarray, info: Info) -> np.ndarray:
        if self.to_srgb:
            plane, info = to_srgb(plane, info), srgb_info(info)
        return self.function(plane, info)

    def _info(self, info: Info) -> Info:
        return self.describe(srgb_info(info) if self.to_srgb else info)

    def _pages(self, item: Item, source: Source) -> Done:
        """Each page into a file of its own."""
        written: list[str] = []
        notes: list[str] = []
        for number, plane in enumerate(source.planes(), 1):
            target = item.page(number)
            if self.skip_existing and os.path.lexists(target):
                notes.append(f"page {number} skipped, {shown(target)} exists")
                continue
            check_abandoned()
            make_folder(target)
            page = self._changed(plane, source.info)
            notes += self._write(target, iter((page,)), self._info(source.info).one_plane())
            written.append(target)
        return Done(tuple(written), (*source.notes, *dict.fromkeys(notes)))

    def _write(self, target: str, planes: Iterator[np.ndarray], info: Info) -> list[str]:
        options = self.writing
        if options.format is None and target != "-" and not is_known(target):
            options = replace(options, format=info.format)
        return write_image(target, planes, info, options, force=self.force)


def _needed(info: Info) -> int:
    """Bytes that one plane takes on its way: as read, as computed, as encoded."""
    return 3 * info.height * info.width * info.channels * info.dtype.itemsize
