"""TIFF in, through tifffile: which pages make one image, and which are images of their own."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, BinaryIO

from imgconv.errors import InputError
from imgconv.images import pixelsize
from imgconv.images.formats.foreign import DEVELOP
from imgconv.images.image import Image
from imgconv.images.limits import Limits, Room
from imgconv.images.listening import listening
from imgconv.images.notes import Notes
from imgconv.text import Detail, Fact

from . import raw, tags
from .apart import join
from .pages import Pages

if TYPE_CHECKING:
    from imgconv.images.metadata.ome_pages import Own

DAMAGE = re.compile("offset|missing|incomplete|out of range|failed to read|corrupt", re.IGNORECASE)
TAG = re.compile(r"(?:TiffTag |tag #)(\d+)")
# Without these no pixel is where it should be: size, bits, compression, offsets, lengths, order.
ESSENTIAL = frozenset({
    256, 257, 258, 259, 262, 273, 277, 278, 279, 284, 317, 320, 322, 323, 324, 325, 330, 338, 339,
    347, 529, 530,
})  # fmt: skip
MANY_PLANES, TIMES_PLANES = 100_000, 100  # of all files that an OME text tells of
UNDECLARED = ("generic", "uniform")  # tifffile's kinds of series that no description declares


class Tiff:
    """One TIFF file: `images` and `notes` from its tags."""

    def __init__(self, file: BinaryIO, name: str, limits: Limits) -> None:
        self.name, self.limits = name, limits
        self.notes = Notes()
        self.room = Room()
        with listening("tifffile") as heard:
            self._open(file)
        self._judge(heard)
        parts = list(self._alike(list(self._parts())))
        self._note_differences(parts)
        self.orientation = parts[0].orientation
        self._note_pixel_sizes(parts)
        self.images = [
            join(Image(part.info, part.planes, part.region, part.rows_together)) for part in parts
        ]

    def _open(self, file: BinaryIO) -> None:
        self.tiff = _tiff_file(file)
        if not len(self.tiff.pages):
            raise InputError(f"{self.name}: the TIFF holds no image")
        if maker := raw.maker(self.tiff):
            raise InputError(f"{self.name}: {DEVELOP.format(maker)}")
        self.kind = tags.kind_of(self.tiff, self.tiff.pages.first)
        self.own = self._own_part(file)
        if self.own:
            self.kind = "ome"
            self.tiff = _tiff_file(file, omexml=self.own.whole)
            for note in self.own.notes:
                self.notes.add(note)
        elif self.kind == "ome":  # the text is about other pages, or about none
            self.kind = "plain"
            self.tiff = _tiff_file(file, is_ome=False)
        known = [s for s in self.tiff.series if s.keyframe is not None]
        above = [s for s in known if len(_place(s.keyframe)) == 1]
        self.series = above or known  # those below a page (SubIFDs) are left out, with a note
        if any(len(s.levels) > 1 for s in self.series):
            self.notes.add(Detail("pyramid: only the full resolution is read"))

    def _own_part(self, file: BinaryIO) -> Own | None:
        """What a text of several files says of this one."""
        if not self.tiff.is_ome and not self.tiff.is_micromanager:
            return None
        from imgconv.images.metadata import ome_pages  # parses XML

        text = self.tiff.ome_metadata or ome_pages.from_index(self.tiff)
        try:
            told, held = ome_pages.count_planes(text), len(self.tiff.pages)
        except ValueError:  # sizes that are no numbers
            return None
        if told > max(MANY_PLANES, TIMES_PLANES * held):
            raise InputError(
                f"{self.name}: damaged TIFF: its OME text tells of {told:,} planes, the file "
                f"holds {held:,} pages"
            )
        return ome_pages.own_part(text, self.tiff, str(getattr(file, "name", "")))

    def _judge(self, heard: list[str]) -> None:
        """What tifffile complains of is a tag that nothing depends on, or the file is damaged."""
        for told in filter(DAMAGE.search, heard):
            tag = TAG.search(told)
            if tag and int(tag[1]) not in ESSENTIAL:
                self.notes.add(Fact(f"tag {tag[1]} cannot be read and is left out"))
            elif "micromanager_metadata" not in told:  # its display settings and the like
                self.limits.refuse_truncated(self.name, "TIFF")

    def _parts(self) -> Iterator[Pages]:
        """A stack that a description declares is one image; other pages are each their own."""
        kind = self.kind if len(self.series) == 1 or self.kind == "shaped" else "plain"
        loose = [s for s in self.series if s.kind.lower() in UNDECLARED]
        texts = self._texts(len(self.series) - len(loose))
        for series in self.series:
            if series not in loose:
                text, name = next(texts, (None, ""))
                pages = list(series.pages)
                part = self._make("ome" if text else kind, series.keyframe, pages, series, text)
                yield part.name_images(name or (series.name if len(self.series) > 1 else ""))
        pages = [page.aspage() for series in loose for page in series.pages]
        above = [page for page in pages if len(_place(page)) == 1]
        for page in sorted(above or pages, key=_place):
            yield self._make(kind, page, [page], None)

    def _texts(self, count: int) -> Iterator[tuple[str, str]]:
        """Each image's own OME text and name."""
        if self.own and count == len(self.own.images):
            yield from zip(self.own.images, self.own.names, strict=True)

    def _make(
        self, kind: str, keyframe: Any, pages: list[Any], series: Any, text: str | None = None
    ) -> Pages:
        return Pages(
            self.tiff, kind, keyframe, pages, series, self.name, self.limits, self.notes, self.room,
            text,
        )  # fmt: skip

    def _alike(self, parts: list[Pages]) -> Iterator[Pages]:
        """Pages in a row of which all is the same but the pixels are one stack."""
        begin = 0
        for end in range(1, len(parts) + 1):
            if end == len(parts) or parts[end].likeness != parts[begin].likeness:
                yield parts[begin].stack_with(parts[begin + 1 : end])
                begin = end

    def _note_differences(self, parts: list[Pages]) -> None:
        if len({(part.page.shape, str(part.page.dtype)) for part in parts}) > 1:
            count = sum(part.info.planes for part in parts)
            self.notes.add(Fact(f"{count} pages of different sizes or types, one after the other"))

    def _note_pixel_sizes(self, parts: list[Pages]) -> None:
        if self.limits.stored and len({pixelsize.pixel_size(part.info) for part in parts}) > 1:
            self.notes.add(Fact("its images have pixels of different sizes: none is taken"))


def _tiff_file(file: BinaryIO, **told: Any) -> Any:
    """The file alone: companion files of a multi-file OME-TIFF are inputs of their own, and so are
    Micro-Manager's positions, which tifffile would add as "mmstack"."""
    import tifffile

    file.seek(0)
    return tifffile.TiffFile(file, _multifile=False, is_mmstack=False, **told)


def _place(page: Any) -> tuple[int, ...]:
    """Where a page stands: its number, behind it that of a directory of its own."""
    index = page._index
    return index if isinstance(index, tuple) else (index,)


def software(path: str | os.PathLike[str]) -> str:
    """The Software tag of the first page, "" where there is none."""
    import tifffile

    try:
        with listening("tifffile"), tifffile.TiffFile(path) as tiff:
            return tiff.pages.first.software
    except Exception:
        return ""
