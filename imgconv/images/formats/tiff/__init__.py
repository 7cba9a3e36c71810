"""TIFF and BigTIFF: plain, ImageJ's and OME's."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import BinaryIO

import numpy as np

from imgconv.images.formats.record import Format, Reader, begins
from imgconv.images.image import Image
from imgconv.images.info import Info
from imgconv.images.limits import Limits
from imgconv.images.options import WriteOptions


def _open(file: BinaryIO, name: str, limits: Limits) -> Reader:
    from .read import Tiff

    return Tiff(file, name, limits)


def _write(file: BinaryIO, images: Sequence[Image], options: WriteOptions) -> None:
    from .write import write

    write(file, images, options)


def _mark(path: str | os.PathLike[str], head: bytes) -> str:
    from .read import software

    return software(path)


def _doubts(plane: np.ndarray, info: Info, options: WriteOptions) -> list[str]:
    from .write import doubts

    return doubts(plane, info, options)


LIBRARIES = (
    "tifffile",
    "xml.etree.ElementTree",
    *(  # imagecodecs has each in a library of its own, loaded at its first use
        f"imagecodecs:{codec}_decode"
        for codec in (
            "zlib", "deflate", "lzw", "ccittrle", "jpeg8", "zstd", "webp", "jpegxl", "jpeg2k",
            "lerc", "lzma", "png", "jpegxr",
        )
    ),
)  # fmt: skip
TIFF = Format(
    "tiff", (".tif", ".tiff", ".btf", ".tf8"),
    begins(b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), _open, _write,
    depths=(8, 16, 32), alpha=True, colours=(),
    keeps=frozenset({"xmp", "icc", "iptc", "lut", "resolution", "tags"}),
    keeps_partly=frozenset({"exif", "text", "comments"}), holds="pages",
    seeks=True, regions=True, streams=True, mark=_mark, doubts=_doubts,
    reads_with=("imgconv.images.formats.tiff.read", "html", *LIBRARIES),
    writes_with=("imgconv.images.formats.tiff.write", *LIBRARIES),
)  # fmt: skip
