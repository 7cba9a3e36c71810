"""One image of a TIFF: a page, or a stack of them, with what its own tags say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from imgconv.errors import InputError

from ... import samples
from ...info import Info
from ...limits import Limits
from ...metadata import exif
from . import regions, tags

ALPHA = {1: "premultiplied", 2: "straight"}  # the ExtraSamples tag
PHOTOMETRICS = ("miniswhite", "minisblack", "rgb", "palette", "separated", "ycbcr", "mask")


class Notes(list[str]):
    """What the user should hear, each thing once."""

    def add(self, words: str) -> None:
        if words not in self:
            self.append(words)


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
    ) -> None:
        self.tiff, self.page, self.pages, self.series = tiff, keyframe, pages, series
        self.name, self.limits, self.notes = name, limits, notes
        limits.check(name, keyframe.imagelength, keyframe.imagewidth)
        self._check_page()
        # Samples that the axes count as C or so are planes like any others.
        counted = series is not None and "S" not in series.axes
        self.apart = counted and keyframe.samplesperpixel > 1
        self.orientation = int(keyframe.tags.valueof(tags.ORIENTATION, default=1) or 1)
        self._choose_values(kind)
        self.info = self._read_info(kind)

    def _check_page(self) -> None:
        page = self.page
        self.photometric = tags.photometric_name(page)
        if self.photometric not in PHOTOMETRICS:
            raise InputError(
                f"{self.name}: a TIFF of colour space {self.photometric} cannot be processed; "
                "convert it to grey or RGB first"
            )
        if page.dtype is None:
            raise InputError(
                f"{self.name}: samples of {page.bitspersample} bit (format {page.sampleformat}) "
                "cannot be read"
            )
        if any(tag in page.tags for tag in tags.DIRECTORIES):
            self.notes.add("the camera's EXIF directory is not kept: TIFF writing has no place")

    def _choose_values(self, kind: str) -> None:
        """Whether colours are looked up and white goes up, or the numbers stay as they stand.

        ImageJ measures what stands behind its colour tables, and so does everybody; other
        palettes are those of pictures, unless the numbers are labels. One bit is never inverted
        to look at it: which of the two is white is a matter of how scanners write.
        """
        wanted, one_bit = self.limits.values, self.page.bitspersample == 1
        as_table = wanted == "labels" or (wanted == "measured" and kind == "imagej")
        self.expand = self.photometric == "palette" and not as_table
        self.invert = self.photometric == "miniswhite" and (one_bit or not self.limits.stored)
        if self.photometric == "palette" and as_table:
            self.notes.add("numbers are read, not the colours that its table gives them")
        if self.photometric == "miniswhite" and not self.invert:
            self.notes.add("numbers are read as they stand: the file shows 0 as white")

    def _read_info(self, kind: str) -> Info:
        page, dtype = self.page, self.page.dtype.newbyteorder("=")
        if page.bitspersample == 1:
            dtype = np.dtype(bool)
        if said := samples.note(dtype, self.limits):
            self.notes.add(said)
        channels, extra = self._channels(), tuple(int(e) for e in page.extrasamples)
        height, width = page.imagelength, page.imagewidth
        resolution = tags.resolution(page, kind)
        if self.orientation >= 5:
            height, width = width, height
            resolution = resolution.turned() if resolution else None
        axes, shape = self._stack()
        plane = (height, width) + ((channels,) if channels > 1 else ())
        layout = tags.layout(self.tiff, page, kind)
        if self.apart:
            layout, extra = replace(layout, planar=False, extrasamples=()), ()
        bits = page.bitspersample if isinstance(page.bitspersample, int) else 0
        found = f"uint{bits}" if bits % 8 else str(dtype)
        delivered = samples.delivered(dtype, self.name)
        return Info(
            format="tiff", dtype=delivered, height=height, width=width, channels=channels,
            alpha=ALPHA.get(extra[-1], "none") if extra and channels in (2, 4) else "none",
            axes=axes + ("YXS" if channels > 1 else "YX"), shape=shape + plane,
            source_dtype="" if found == str(delivered) else found, compression=layout.compression,
            icc=page.tags.valueof(tags.ICC) or None,
            xmp=_bytes(page.tags.valueof(tags.XMP)),
            resolution=resolution, software=page.software, tiff=layout,
        )  # fmt: skip

    def _channels(self) -> int:
        count = 1 if self.apart else self.page.samplesperpixel
        if self.expand:
            self.notes.add("palette expanded to RGB")
            return 3
        if self.photometric == "separated":
            if count != 4:
                raise InputError(
                    f"{self.name}: a TIFF of {count} inks cannot be converted to RGB; allowed are "
                    "the 4 of CMYK"
                )
            self.notes.add("CMYK converted to RGB")
            return 3
        return count

    def _stack(self) -> tuple[str, tuple[int, ...]]:
        """The axes that count planes, and how long they are."""
        count = self._count()
        if self.series is not None:
            both = zip(self.series.axes, self.series.shape, strict=True)
            known = [(axis, length) for axis, length in both if axis not in "YXS"]
            if np.prod([length for _, length in known], dtype=np.int64) == count:
                return "".join(axis for axis, _ in known), tuple(length for _, length in known)
        return ("I", (count,)) if count > 1 else ("", ())

    def _count(self) -> int:
        """How many planes there are, also where one page stands for many."""
        page = self.page
        samples_each = 1 if self.apart else page.samplesperpixel
        per_plane = page.imagelength * page.imagewidth * samples_each
        size = self.series.size if self.series is not None else page.size * len(self.pages)
        return max(1, size // per_plane)

    def stacked(self, others: list[Pages]) -> Pages:
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
        if len(self.pages) == 1 and self._count() > page.shaped[0] * page.shaped[1]:
            yield from self._finished(self._contiguous())
            return
        for each in self.pages:
            yield from self._finished(self._page(each))

    def region(self, rows: slice, columns: slice, plane: int) -> np.ndarray:
        """Part of a plane, of which only the strips or tiles that it touches are decoded."""
        page = self.pages[plane] if plane < len(self.pages) else None
        whole = self.orientation != 1 or self.apart or self.info.planes != len(self.pages)
        if whole or page is None or not regions.can_read(page):
            everything = (one for number, one in enumerate(self.planes()) if number == plane)
            return next(everything)[rows, columns]
        return self._converted(regions.read(page, rows, columns))

    def _contiguous(self) -> Iterator[np.ndarray]:
        """Planes of a stack that stands in one piece behind a single page (ImageJ above 4 GB)."""
        page, file = self.page, self.tiff.filehandle
        dtype = page.dtype.newbyteorder(self.tiff.byteorder)
        size = int(np.prod(page.shape)) * dtype.itemsize
        for n in range(self._count()):
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
        size = self.tiff.filehandle.size
        ends = (o + n for o, n in zip(each.dataoffsets, each.databytecounts, strict=False))
        short = len(each.dataoffsets) < np.prod(keyframe.chunked, dtype=np.int64)
        if short or not all(each.databytecounts) or max(ends, default=0) > size:
            self.limits.refuse_truncated(self.name, "TIFF")
        yield from _split(each.asarray(maxworkers=threads.count()), keyframe)

    def _finished(self, planes: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
        for plane in planes:
            parts = np.moveaxis(plane, 2, 0)[..., None] if self.apart else plane[None]
            yield from map(self._converted, parts)

    def _converted(self, plane: np.ndarray) -> np.ndarray:
        """One plane as it is delivered: colours expanded, samples converted, upright."""
        if self.expand:
            table = self.page.colormap
            index = np.minimum(plane[..., 0], table.shape[1] - 1)
            colours = table.T[index]
            deep = self.page.dtype.itemsize > 1
            plane = colours if deep else (colours >> 8).astype(np.uint8)
        elif self.photometric == "separated":
            plane = _rgb_of_inks(plane)
        if self.page.bitspersample == 1:
            plane = plane.astype(bool) ^ self.invert
        plane = samples.convert(plane, self.name, self.limits)
        if self.invert and self.page.bitspersample != 1 and plane.dtype.kind == "u":
            plane = ~plane
        return exif.turn(plane, self.orientation)


def _bytes(value: Any) -> bytes | None:
    return value.encode("utf-8") if isinstance(value, str) else value or None


def _split(data: np.ndarray, page: Any) -> Iterator[np.ndarray]:
    """A page's planes (H, W, C): tifffile's five dimensions are planes S, Z, Y, X, samples s."""
    whole = data.reshape(page.shaped)
    for z in range(whole.shape[1]):
        separate, height, width, contiguous = whole[:, z].shape
        plane = np.moveaxis(whole[:, z], 0, 2)
        yield plane.reshape(height, width, separate * contiguous)


def _rgb_of_inks(plane: np.ndarray) -> np.ndarray:
    """RGB = (1 - CMY) (1 - K), what every viewer without the inks' profile shows."""
    if plane.dtype.kind != "u":
        raise InputError(f"CMYK samples of type {plane.dtype} cannot be converted to RGB")
    top = np.float32(np.iinfo(plane.dtype).max)
    white = top - plane.astype(np.float32)
    return np.rint(white[..., :3] * (white[..., 3:] / top)).astype(plane.dtype)
