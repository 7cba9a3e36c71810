"""Files in: the format by content, the header at once, the pixels plane by plane."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Protocol

import numpy as np

from imgconv.errors import InputError
from imgconv.text import shown

from .failures import translated
from .formats import FORMATS, foreign, sniff
from .info import Info
from .limits import MAX_PIXELS, Limits, Values

HEAD = 32  # bytes that tell the format
TURNED = (
    "its pixels are turned upright, as its orientation tag says: in programs that ignore the tag, "
    "labels and outlines do not lie on the image"
)


class Reader(Protocol):
    """What each format's module offers: made from the file, it has read the header."""

    info: Info
    notes: list[str]

    def planes(self) -> Iterator[np.ndarray]: ...


class Source:
    """An opened image: `info`, `notes` for the user, and its planes. A context manager."""

    def __init__(self, name: str, reader: Reader, close: Callable[[], None]) -> None:
        self.name, self._reader, self._close = name, reader, close
        self.info: Info = reader.info
        self.notes: list[str] = reader.notes

    def planes(self) -> Iterator[np.ndarray]:
        """Each plane (H, W, C), C-contiguous, native byte order, one at a time.

        Raises InputError where the pixels are damaged or end early.
        """
        planes = self._reader.planes()
        while True:
            with translated(self.name, self.info.format.upper()):
                ready = [
                    np.ascontiguousarray(p, p.dtype.newbyteorder("=")) for p in islice(planes, 1)
                ]
            if not ready:
                return
            yield ready.pop()  # nothing here holds the plane while it is worked on

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


def open_image(
    source: str | os.PathLike[str],
    *,
    max_pixels: int = MAX_PIXELS,
    allow_truncated: bool = False,
    allow_rounding: bool = False,
    values: Values = "shown",
) -> Source:
    """Open an image file ("-" is standard input) by its content and read its header.

    `allow_truncated` takes what is readable of a file that ends early, `allow_rounding` lets wide
    integers lose their last bits in float32. `values` other than "shown" are those that the file
    stores (see `Values`). Raises InputError for whatever is wrong with the file: one line that
    names it.
    """
    name = shown(source)
    if not os.fspath(source):
        raise InputError("the name of the input is empty")
    limits = Limits(max_pixels, allow_truncated, allow_rounding, values)
    try:
        file = _opened(source)
    except (OSError, ValueError) as error:
        raise _cannot_open(source, name, error) from error
    try:
        reader = _reader(file, name, limits)
        if limits.stored and getattr(reader, "orientation", 1) != 1:
            reader.notes.append(TURNED)
    except BaseException:
        file.close()
        raise
    return Source(name, reader, file.close)


def _opened(source: str | os.PathLike[str]) -> BinaryIO:
    """The file; what cannot seek (a pipe) is read into memory, if its head is an image's."""
    if os.fspath(source) == "-":
        if sys.stdin.buffer.isatty():
            raise InputError("standard input is a terminal: pipe an image into it, or name a file")
        return _buffered(sys.stdin.buffer)
    file = Path(source).open("rb")  # noqa: SIM115 (Source closes it)
    if file.seekable():
        return file
    with file:
        return _buffered(file)


def _buffered(stream: BinaryIO) -> BinaryIO:
    head = stream.read(HEAD)
    return io.BytesIO(head + stream.read() if sniff(head) else head)


def _cannot_open(source: str | os.PathLike[str], name: str, error: Exception) -> InputError:
    if isinstance(error, FileNotFoundError):
        return InputError(f"{name}: no such file")
    if isinstance(error, IsADirectoryError):
        return InputError(f"{name}: is a folder, not an image")
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return InputError(f"{name}: cannot be opened ({reason})")


def _reader(file: BinaryIO, name: str, limits: Limits) -> Reader:
    with translated(name, "file"):
        head = file.read(HEAD)
        file.seek(0)
    if not head:
        raise InputError(f"{name}: the file is empty")
    kind = sniff(head)
    if kind is None:
        raise InputError(
            f"{name}: not an image of a known format (it looks like {foreign(head)}); "
            f"allowed are {', '.join(FORMATS)}"
        )
    with translated(name, kind.upper()):
        return _made(kind, file, name, limits)


def _made(kind: str, file: BinaryIO, name: str, limits: Limits) -> Reader:
    if kind == "png":
        from .png import Png

        return Png(file.read(), name, limits)
    if kind == "jpeg":
        from .jpeg import Jpeg

        return Jpeg(file.read(), name, limits)
    if kind == "tiff":
        from .tiff import Tiff

        return Tiff(file, name, limits)
    if kind == "npy":
        from .npy import Npy

        return Npy(file, name, limits)
    if kind in ("pnm", "pfm"):
        from .netpbm import Netpbm

        return Netpbm(file.read(), name, limits)
    from .pillow import Raster

    return Raster(file.read(), name, limits, kind)
