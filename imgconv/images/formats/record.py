"""What a format is, as one record; each stands in its format's own file, beside reader and writer.

Readers and writers are functions that import what they need when they are called, so that a
program that meets a PNG never loads what a TIFF takes.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np

from imgconv.images.image import Image
from imgconv.images.info import Info
from imgconv.images.limits import Limits
from imgconv.images.options import WriteOptions

PILLOW = (  # it imports these plugins itself, whichever is wanted
    "imgconv.images.formats.raster", "PIL.BmpImagePlugin", "PIL.GifImagePlugin",
    "PIL.JpegImagePlugin", "PIL.PpmImagePlugin", "PIL.PngImagePlugin",
)  # fmt: skip

Holds = Literal["image", "frames", "stack", "pages"]
"""One plane; an animation's frames of one size; planes of one size and type; images of any."""


class Reader(Protocol):
    """A file whose headers have been read: its images, and notes for the user."""

    @property
    def images(self) -> Sequence[Image]: ...

    @property
    def notes(self) -> list[str]: ...


def no_doubts(plane: np.ndarray, info: Info, options: WriteOptions) -> list[str]:
    return []


def no_mark(path: str | os.PathLike[str], head: bytes) -> str:
    return ""


class Format(NamedTuple):
    """Everything that a command may want to know of a format before it opens a file."""

    name: str
    suffixes: tuple[str, ...]  # the first is the one given to files
    recognises: Callable[[bytes], bool]  # by the first 32 bytes
    reader: Callable[[Any, str, Limits], Reader]  # the file, its name for messages, limits
    writer: Callable[[Any, Sequence[Image], WriteOptions], None]  # planes are fitted already
    depths: tuple[int, ...]  # bits a sample: 8, 16, 32 (float)
    alpha: bool = False
    colours: tuple[int, ...] = (1, 3)  # how many channels beside alpha; () is any number
    keeps: frozenset[str] = frozenset()  # the fields of Info that have a place: "exif" "icc" ...
    keeps_partly: frozenset[str] = frozenset()  # how far, is among its `doubts`
    holds: Holds = "image"
    largest: int | None = None  # rows and columns at most
    seeks: bool = False  # whether the writer needs a file that it can go back in
    regions: bool = False  # whether a part can be read without the whole
    folder: bool = False  # whether it is a folder: reader and writer get a name
    streams: bool = False  # whether the writer takes planes as bands (see `bands`)
    doubts: Callable[[np.ndarray, Info, WriteOptions], list[str]] = no_doubts  # of what is kept
    reads_with: tuple[str, ...] = ()  # what reading imports: see `imports`
    writes_with: tuple[str, ...] = ()
    mark: Callable[[str | os.PathLike[str], bytes], str] = no_mark  # the program that wrote it

    @property
    def suffix(self) -> str:
        return self.suffixes[0]


def begins(*magic: bytes) -> Callable[[bytes], bool]:
    """Recognises a format by the bytes its files begin with."""
    return lambda head: head.startswith(magic)
