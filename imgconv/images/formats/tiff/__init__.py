"""TIFF and BigTIFF: plain, ImageJ's and OME's."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import BinaryIO

from ...image import Image
from ...limits import Limits
from ...options import WriteOptions
from ..record import Format, Reader, begins


def _open(file: BinaryIO, name: str, limits: Limits) -> Reader:
    from .read import Tiff

    return Tiff(file, name, limits)


def _write(file: BinaryIO, images: Sequence[Image], options: WriteOptions) -> None:
    from .write import write

    write(file, images, options)


def _mark(path: str | os.PathLike[str], head: bytes) -> str:
    from .read import software

    return software(path)


TIFF = Format(
    "tiff", (".tif", ".tiff", ".btf", ".tf8"),
    begins(b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), _open, _write,
    depths=(8, 16, 32), alpha=True, colours=(), keeps=frozenset({"xmp", "icc"}),
    holds="pages", seeks=True, regions=True, mark=_mark,
)  # fmt: skip
