"""Files in: the format by content, the header at once, the pixels plane by plane."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import numpy as np

from imgconv.errors import InputError
from imgconv.text import show_name

from .colour import read_inks
from .failures import translate_failures
from .formats import Format, explain_refusal, folder_format, foreign, names, sniff
from .formats.foreign import BIO_FORMATS
from .formats.record import Reader
from .image import Image, join_infos
from .info import Info
from .limits import MAX_PIXELS, Limits, Palette, Values
from .named_pipe import Pipe

HEAD = 512  # bytes that tell the format, or what else it is
TURNED = (
    "its pixels are turned upright, as its orientation tag says: in programs that ignore the tag, "
    "labels and outlines do not lie on the image: turn it there, or use one that has no tag"
)


class Source:
    """An opened file: its `images`, and `notes` for the user. A context manager.

    `info` and `planes()` are those of all images one after the other, for those who do not mind
    that a file's pages may differ.
    """

    def __init__(self, name: str, kind: str, reader: Reader, close: Callable[[], None]) -> None:
        if not reader.images:
            raise InputError(f"{name}: damaged {kind.upper()}, it holds no image")
        self.name, self.notes, self._close = name, reader.notes, close
        self._what = kind.upper()
        self.images: tuple[Image, ...] = tuple(map(self._guard, reader.images))
        self.info: Info = join_infos([image.info for image in self.images])

    def planes(self) -> Iterator[np.ndarray]:
        """Each plane (H, W, C), C-contiguous, native byte order, one at a time.

        Raises InputError where the pixels are damaged or end early.
        """
        for image in self.images:
            yield from image.planes()

    def _guard(self, image: Image) -> Image:
        region = partial(self._region, image) if image.read_region else None
        planes = partial(self._planes, image)
        return replace(image, read_planes=planes, read_region=region)

    def _planes(self, image: Image) -> Iterator[np.ndarray]:
        planes = image.planes()
        while True:
            with translate_failures(self.name, self._what):
                ready = [native(plane) for plane in islice(planes, 1)]
            if not ready:
                return
            yield ready.pop()  # nothing here holds the plane while it is worked on

    def _region(self, image: Image, rows: slice, columns: slice, plane: int) -> np.ndarray:
        with translate_failures(self.name, self._what):
            return native(image.region(rows, columns, plane))

    def close(self) -> None:
        self._close()

    def __enter__(self) -> Source:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def native(plane: np.ndarray) -> np.ndarray:
    """The plane C-contiguous and in the machine's byte order."""
    return np.ascontiguousarray(plane, plane.dtype.newbyteorder("="))


def open_image(
    source: str | os.PathLike[str],
    *,
    max_pixels: int = MAX_PIXELS,
    allow_truncated: bool = False,
    allow_rounding: bool = False,
    values: Values = "shown",
    palette: Palette = "auto",
    channels: str = "",
    profile: str | os.PathLike[str] | None = None,
) -> Source:
    """Open an image file ("-" is standard input) by its content and read its header.

    `allow_truncated` takes what is readable of a file that ends early, `allow_rounding` lets wide
    integers lose their last bits in float32. `values` other than "shown" are those that the file
    stores (see `Values`). `palette` says what numbers under a colour table are, `channels` what
    those of an array are; `profile` is a file with the colour profile of CMYK, in place of the
    image's own. Raises InputError for whatever is wrong with the file: one line that
    names it.
    """
    name = show_name(source)
    if not os.fspath(source):
        raise InputError("the name of the input is empty")
    inks = None if profile is None else read_inks(profile)
    limits = Limits(max_pixels, allow_truncated, allow_rounding, values, palette, channels, inks)
    if folder := folder_format(source):
        with translate_failures(name, folder.name.upper()):
            return Source(name, folder.name, folder.reader(os.fspath(source), name, limits), _done)
    try:
        file = _open(source)
    except (OSError, ValueError) as error:
        raise _cannot_open(source, name, error) from error
    try:
        kind = _recognise(file, name)
        with translate_failures(name, kind.name.upper()):
            reader = kind.reader(file, name, limits)
        if limits.stored and getattr(reader, "orientation", 1) != 1:
            reader.notes.append(TURNED)
        return Source(name, kind.name, reader, file.close)
    except BaseException:
        file.close()
        raise


def _done() -> None:
    pass


def _open(source: str | os.PathLike[str]) -> BinaryIO:
    """The file; what cannot seek (a pipe) is read into memory, if its head is an image's."""
    if os.fspath(source) == "-":
        if sys.stdin is None:
            raise InputError("standard input is closed: pipe an image into it, or name a file")
        if sys.stdin.buffer.isatty():
            raise InputError("standard input is a terminal: pipe an image into it, or name a file")
        return _buffer(sys.stdin.buffer)
    if Path(source).is_fifo():
        return _buffer(io.BufferedReader(Pipe(source)))
    file = Path(source).open("rb")  # noqa: SIM115 (Source closes it)
    if file.seekable():
        return file
    with file:
        return _buffer(file)


def _buffer(stream: BinaryIO) -> BinaryIO:
    head = stream.read(HEAD)
    return io.BytesIO(head + stream.read() if sniff(head) else head)


def _cannot_open(source: str | os.PathLike[str], name: str, error: Exception) -> InputError:
    if isinstance(error, FileNotFoundError):
        if "://" in os.fspath(source):
            return InputError(
                f"{name}: of addresses only OME-Zarr is read; fetch the file first, or pipe it: "
                "curl -L ADDRESS | imgconv COMMAND -"
            )
        return InputError(f"{name}: no such file")
    if isinstance(error, IsADirectoryError):
        return InputError(f"{name}: is a folder, not an image")
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return InputError(f"{name}: cannot be opened ({reason})")


def _recognise(file: BinaryIO, name: str) -> Format:
    with translate_failures(name, "file"):
        head = file.read(HEAD)
        file.seek(0)
    if not head:
        raise InputError(f"{name}: the file is empty")
    if words := explain_refusal(head):
        raise InputError(f"{name}: {words}")
    if name.lower().endswith(".vsi"):  # a TIFF of the thumbnail; the image is in files beside it
        raise InputError(f"{name}: {BIO_FORMATS.format('an Olympus VSI slide')}")
    kind = sniff(head)
    if kind is None:
        raise InputError(
            f"{name}: not an image of a known format (it looks like {foreign(head)}); "
            f"allowed are {names()}"
        )
    return kind
