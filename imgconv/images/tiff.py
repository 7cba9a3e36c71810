"""TIFF in, through tifffile: axes from the metadata, planes one at a time."""

from __future__ import annotations

import logging
import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, BinaryIO

import numpy as np

from imgconv.errors import InputError

from . import exif, pixelsize, samples, tifftags
from .info import Info
from .limits import Limits

ALPHA = {1: "premultiplied", 2: "straight"}  # the ExtraSamples tag
PHOTOMETRICS = ("miniswhite", "minisblack", "rgb", "palette", "separated", "ycbcr", "mask")
SILENCE = logging.NullHandler()
DAMAGE = re.compile("offset|missing|incomplete|out of range|failed to read|corrupt", re.IGNORECASE)


class Tiff:
    """One TIFF file: `info` and `notes` from its tags, `planes()` reads page by page."""

    def __init__(self, file: BinaryIO, name: str, limits: Limits) -> None:
        self.name, self.limits = name, limits
        self.notes: list[str] = []
        with _listening() as heard:
            self._open(file)
            kind = tifftags.kind_of(self.tiff, self.first)
        damage = next((h for h in heard if DAMAGE.search(h)), None)
        if damage and not limits.allow_truncated:
            limits.refuse_truncated(name, "TIFF")
        self._check_page()
        self.info = self._read_info(kind)

    def _open(self, file: BinaryIO) -> None:
        import tifffile

        # Companion files of a multi-file OME-TIFF are inputs of their own.
        self.tiff = tifffile.TiffFile(file, _multifile=False)
        if not len(self.tiff.pages):
            raise InputError(f"{self.name}: the TIFF holds no image")
        self.first = self.tiff.pages.first
        everything = self.tiff.series
        self.series = [s for s in everything if s.keyframe is not None]
        if any(len(s.levels) > 1 for s in self.series):
            self.notes.append("pyramid: only the full resolution is read")
        self.page: Any = self.series[0].keyframe

    def _check_page(self) -> None:
        page = self.page
        for each in self.series:
            self.limits.check(self.name, each.keyframe.imagelength, each.keyframe.imagewidth)
        self.photometric = tifftags.photometric_name(page)
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

    def _read_info(self, kind: str) -> Info:
        page, dtype = self.page, self.page.dtype.newbyteorder("=")
        if page.bitspersample == 1:
            dtype = np.dtype(bool)
        if said := samples.note(dtype, self.limits):
            self.notes.append(said)
        if any(tag in page.tags for tag in tifftags.DIRECTORIES):
            self.notes.append("the camera's EXIF directory is not kept: TIFF writing has no place")
        self.orientation = int(page.tags.valueof(tifftags.ORIENTATION, default=1) or 1)
        self._choose_values(kind)
        channels, extra = self._channels(), tuple(int(e) for e in page.extrasamples)
        height, width = page.imagelength, page.imagewidth
        resolution = tifftags.resolution(self.first, kind)
        if self.orientation >= 5:
            height, width = width, height
            resolution = resolution.turned() if resolution else None
        axes, shape = self._stack()
        plane = (height, width) + ((channels,) if channels > 1 else ())
        layout = tifftags.layout(self.tiff, self.first, kind if len(self.series) == 1 else "plain")
        if self.limits.stored and pixelsize.ome_disagrees(layout):
            self.notes.append("its images have pixels of different sizes: none is taken")
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
            icc=page.tags.valueof(tifftags.ICC) or None,
            xmp=_bytes(page.tags.valueof(tifftags.XMP)),
            resolution=resolution, software=self.first.software, tiff=layout,
        )  # fmt: skip

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
            self.notes.append("numbers are read, not the colours that its table gives them")
        if self.photometric == "miniswhite" and not self.invert:
            self.notes.append("numbers are read as they stand: the file shows 0 as white")

    def _channels(self) -> int:
        # Samples that the axes count as C or so are planes like any others.
        self.apart = "S" not in self.series[0].axes and len(self.series) == 1
        count = 1 if self.apart else self.page.samplesperpixel
        if self.expand:
            self.notes.append("palette expanded to RGB")
            return 3
        if self.photometric == "separated":
            if count != 4:
                raise InputError(
                    f"{self.name}: a TIFF of {count} inks cannot be converted to RGB; allowed are "
                    "the 4 of CMYK"
                )
            self.notes.append("CMYK converted to RGB")
            return 3
        return count

    def _stack(self) -> tuple[str, tuple[int, ...]]:
        """The axes that count planes, and how long they are."""
        series = self.series[0]
        if len(self.series) > 1:
            count = sum(self._count(s) for s in self.series)
            shapes = {(s.keyframe.shape, str(s.dtype)) for s in self.series}
            if len(shapes) > 1:
                self.notes.append(f"{count} pages of different sizes or types, one after the other")
            return "I", (count,)
        known = [(a, n) for a, n in zip(series.axes, series.shape, strict=True) if a not in "YXS"]
        count = self._count(series)
        if np.prod([n for _, n in known], dtype=np.int64) != count:
            return ("I", (count,)) if count > 1 else ("", ())
        return "".join(a for a, _ in known), tuple(n for _, n in known)

    def _count(self, series: Any) -> int:
        """How many planes a series holds, also where its one page stands for many."""
        page = series.keyframe
        samples_each = 1 if self.apart else page.samplesperpixel
        per_plane = page.imagelength * page.imagewidth * samples_each
        return max(1, series.size // per_plane)

    def planes(self) -> Iterator[np.ndarray]:
        for series in self.series:
            page, pages = series.keyframe, list(series.pages)
            if len(pages) == 1 and self._count(series) > page.shaped[0] * page.shaped[1]:
                yield from self._finished(self._contiguous(series))
                continue
            for each in pages:
                yield from self._finished(self._page(each, page))

    def _contiguous(self, series: Any) -> Iterator[np.ndarray]:
        """Planes of a stack that stands in one piece behind a single page (ImageJ above 4 GB)."""
        page, file = series.keyframe, self.tiff.filehandle
        dtype = page.dtype.newbyteorder(self.tiff.byteorder)
        size = int(np.prod(page.shape)) * dtype.itemsize
        for n in range(self._count(series)):
            file.seek(series.dataoffset + n * size)
            data = file.read(size)
            if len(data) < size:
                self.limits.refuse_truncated(self.name, "TIFF")
                data = data.ljust(size, b"\0")
            yield from _split(np.frombuffer(data, dtype), page)

    def _page(self, each: Any, keyframe: Any) -> Iterator[np.ndarray]:
        from imgconv import threads

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


def software(path: str | os.PathLike[str]) -> str:
    """The Software tag of the first page, "" where there is none."""
    import tifffile

    try:
        with _listening(), tifffile.TiffFile(path) as tiff:
            return tiff.pages.first.software
    except Exception:
        return ""


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


@contextmanager
def _listening() -> Iterator[list[str]]:
    """What tifffile logs in this thread; nothing of it reaches the terminal."""
    logger, heard, here = logging.getLogger("tifffile"), [], threading.get_ident()

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.thread == here:
                heard.append(record.getMessage())

    ear = Ear()
    logger.addHandler(SILENCE)
    logger.addHandler(ear)
    logger.propagate = False
    try:
        yield heard
    finally:
        logger.removeHandler(ear)
