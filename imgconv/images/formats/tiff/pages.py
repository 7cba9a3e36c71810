"""One image of a TIFF: a page, or a stack of them, with what its own tags say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from imgconv.images.info import Info
from imgconv.images.limits import Limits, Room
from imgconv.images.metadata import exif, iptc, xmp
from imgconv.images.notes import Notes
from imgconv.text import Fact

from . import regions, segments, tags, ycbcr
from .meaning import Meaning

DECISIVE = (tags.ORIENTATION, 320, tags.ICC, *ycbcr.TAGS)  # 320: the colour table


class Pages:
    """Pages of one size, type and meaning; `series` where a description declares their axes."""

    def __init__(
        self,
        tiff: Any,
        kind: str,
        keyframe: Any,
        pages: list[Any],
        series: Any,
        name: str,
        limits: Limits,
        notes: Notes,
        room: Room,
        text: str | None = None,
    ) -> None:
        """`text` is the description where it is not the first page's own; `room` is for tags."""
        self.text = text
        self.tiff, self.page, self.pages, self.series = tiff, keyframe, pages, series
        self.name, self.limits, self.notes, self.room = name, limits, notes, room
        counted = 1 if keyframe.planarconfig == 2 else keyframe.samplesperpixel
        limits.check(name, keyframe.imagelength, keyframe.imagewidth, counted)
        # Samples that the axes count as C or so are planes like any others; behind X, C are
        # those of a pixel.
        counted = series is not None and "S" not in series.axes and series.axes[-3:] != "YXC"
        self.apart = counted and keyframe.samplesperpixel > 1
        self.orientation = int(keyframe.tags.valueof(tags.ORIENTATION, default=1) or 1)
        self.meaning = Meaning(keyframe, kind, self.apart, name, limits, notes)
        if any(tag in keyframe.tags for tag in tags.DIRECTORIES):
            notes.add("the camera's EXIF directory is not kept in TIFF; PNG and JPEG keep it")
        for code, words in tags.UNTRUE.items():
            if code in keyframe.tags:
                notes.add(Fact(f"{words} left out: they show the image as it was"))
        if tags.SUBIFDS in keyframe.tags and not self._is_pyramid():
            notes.add(Fact("images below the page (SubIFDs) are left out"))
        self.info = self._read_info(kind)

    def _is_pyramid(self) -> bool:
        return self.series is not None and len(self.series.levels) > 1

    def _levels(self) -> tuple[tuple[int, int], ...]:
        """Rows and columns of the smaller images of a pyramid."""
        if not self._is_pyramid() or self.orientation != 1:
            return ()
        pages = [level.keyframe for level in self.series.levels[1:]]
        return tuple((page.imagelength, page.imagewidth) for page in pages)

    def _read_info(self, kind: str) -> Info:
        page = self.page
        height, width = page.imagelength, page.imagewidth
        text = (page.description or "") if self.text is None else self.text
        resolution = tags.resolution(page, kind, text)
        packet = tags.block(page, tags.XMP, self.notes)
        if self.orientation >= 5:
            height, width = width, height
            resolution = resolution.turn() if resolution else None
        layout = replace(
            tags.layout(self.tiff, page, kind, self.room), description=text,
            photometric=self.meaning.photometric, levels=self._levels(),
        )  # fmt: skip
        if self.apart:
            layout = replace(layout, planar=False, extrasamples=())
        found = Info(
            format="tiff", dtype=page.dtype, height=height, width=width, channels=1,
            compression=layout.compression, xmp=xmp.deliver(packet) if packet else None,
            iptc=self._iptc(),
            resolution=resolution, software=page.software, tiff=layout,
        )  # fmt: skip
        info = self.meaning.apply_to(found)
        axes, shape = self._stack()
        return replace(info, axes=axes + info.axes, shape=shape + info.shape)

    def _iptc(self) -> bytes | None:
        """From its own tag, else from among Photoshop's resources."""
        found = (tags.bytes_of(tags.content(self.tiff, self.page, code)) for code in tags.IPTC)
        return next((known for one in found if one and (known := iptc.records(one))), None)

    def _stack(self) -> tuple[str, tuple[int, ...]]:
        """The axes that count planes, and how long they are."""
        count = self._count_words()
        if self.series is not None:
            both = zip(self.series.axes, self.series.shape, strict=True)
            known = [(axis, length) for axis, length in both if axis not in "YXS"]
            known = known if self.apart or self.series.axes[-3:] != "YXC" else known[:-1]
            if np.prod([length for _, length in known], dtype=np.int64) == count:
                return "".join(axis for axis, _ in known), tuple(length for _, length in known)
        return ("I", (count,)) if count > 1 else ("", ())

    def _count_words(self) -> int:
        """How many planes there are, also where one page stands for many."""
        page = self.page
        samples_each = 1 if self.apart else page.samplesperpixel
        per_plane = page.imagelength * page.imagewidth * samples_each
        size = self.series.size if self.series is not None else page.size * len(self.pages)
        return max(1, size // per_plane)

    def name_images(self, name: str) -> Pages:
        """With the name that the image has in its file."""
        self.info = replace(self.info, name=name)
        return self

    @property
    def likeness(self) -> tuple[Any, ...]:
        """What two pages of one stack have in common: their record, and the tags by which samples
        become what is delivered."""
        return self.info, *(str(self.page.tags.valueof(tag)) for tag in DECISIVE)

    def stack_with(self, others: list[Pages]) -> Pages:
        """Together with pages of which all is the same: one stack."""
        if others:
            count = self.info.planes * (1 + len(others))
            shape = (count, self.info.height, self.info.width, self.info.channels)
            axes = "I" + self.info.plane_axes
            self.info = replace(self.info, axes=axes, shape=shape[: len(axes)])
            self.pages += [page for other in others for page in other.pages]
        return self

    def planes(self) -> Iterator[np.ndarray]:
        page = self.page
        if len(self.pages) == 1 and self.series is not None and self.series.size > page.size:
            yield from self._finish(self._contiguous())
            return
        for each in self.pages:
            yield from self._finish(self._page(each))

    def region(self, rows: slice, columns: slice, plane: int) -> np.ndarray:
        """Part of a plane, of which only the strips or tiles that it touches are decoded."""
        page = self.pages[plane] if plane < len(self.pages) else None
        if not self._has_places() or page is None or not regions.can_read(page):
            everything = (one for number, one in enumerate(self.planes()) if number == plane)
            return next(everything)[rows, columns]
        segments.check(page, self.page, self.name, self.limits, (rows, columns))
        return self._converted(regions.read(page, rows, columns))

    def _has_places(self) -> bool:
        """Whether each plane is a page, as it stands in the file."""
        return self.orientation == 1 and not self.apart and self.info.planes == len(self.pages)

    def rows_together(self) -> int:
        """Rows of a tile or strip; 0 where planes are read as a whole."""
        page = self.page
        known = self._has_places() and all(
            each is not None
            and regions.can_read(each)
            and not segments.are_missing(each, page, self.tiff.filehandle.size)
            for each in self.pages
        )
        if not known:
            return 0
        for each in self.pages:
            self._note_sparse(each)
        return int(page.tilelength if page.is_tiled else min(page.rowsperstrip, page.imagelength))

    def _contiguous(self) -> Iterator[np.ndarray]:
        """Planes of a stack that stands in one piece behind a single page (ImageJ above 4 GB)."""
        page, file = self.page, self.tiff.filehandle
        dtype = page.dtype.newbyteorder(self.tiff.byteorder)
        size = int(np.prod(page.shape)) * dtype.itemsize
        count = self._count_words()
        held = max(0, file.size - self.series.dataoffset)
        self.limits.check_held(self.name, "TIFF", count * size, held)
        for n in range(count):
            file.seek(self.series.dataoffset + n * size)
            data = file.read(size)
            if len(data) < size:
                self.limits.refuse_truncated(self.name, "TIFF")
                data = data.ljust(size, b"\0")
            yield from _split(np.frombuffer(data, dtype), page)

    def _page(self, each: Any) -> Iterator[np.ndarray]:
        from imgconv import threads

        keyframe = self.page
        if each is None:
            self.limits.refuse_truncated(self.name, "TIFF")
            yield from _split(np.zeros(keyframe.shape, keyframe.dtype), keyframe)
            return
        if segments.are_missing(each, keyframe, self.tiff.filehandle.size):
            self.limits.refuse_truncated(self.name, "TIFF")
        self._note_sparse(each)
        if ycbcr.is_subsampled(keyframe):
            yield ycbcr.read(each, self.name)
            return
        segments.check(each, keyframe, self.name, self.limits)
        yield from _split(each.asarray(maxworkers=threads.count()), keyframe)

    def _note_sparse(self, each: Any) -> None:
        if not all(each.databytecounts):
            self.notes.add(Fact("strips or tiles that the file leaves out are 0, or without data"))

    def _finish(self, planes: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
        for plane in planes:
            parts = np.moveaxis(plane, 2, 0)[..., None] if self.apart else plane[None]
            yield from map(self._converted, parts)

    def _converted(self, plane: np.ndarray) -> np.ndarray:
        return exif.turn(self.meaning(plane), self.orientation)


def _split(data: np.ndarray, page: Any) -> Iterator[np.ndarray]:
    """A page's planes (H, W, C): tifffile's five dimensions are planes S, Z, Y, X, samples s."""
    whole = data.reshape(page.shaped)
    for z in range(whole.shape[1]):
        separate, height, width, contiguous = whole[:, z].shape
        plane = np.moveaxis(whole[:, z], 0, 2)
        yield plane.reshape(height, width, separate * contiguous)
