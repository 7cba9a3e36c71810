"""JPEG."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import BinaryIO

import numpy as np

from imgconv.images.formats.record import PILLOW, Format, Reader, begins
from imgconv.images.image import Image
from imgconv.images.info import Info
from imgconv.images.limits import Limits
from imgconv.images.options import WriteOptions


def _open(file: BinaryIO, name: str, limits: Limits) -> Reader:
    from .read import Jpeg

    return Jpeg(file.read(), name, limits)


def _write(file: BinaryIO, images: Sequence[Image], options: WriteOptions) -> None:
    from .write import write

    write(file, images, options)


def _mark(path: str | os.PathLike[str], head: bytes) -> str:
    from .read import software

    return software(head)


def _doubts(plane: np.ndarray, info: Info, options: WriteOptions) -> list[str]:
    from .write import doubts

    return doubts(plane, info, options)


JPEG = Format(
    "jpeg", (".jpg", ".jpeg", ".jpe", ".jfif"), begins(b"\xff\xd8\xff"), _open, _write,
    depths=(8,), mark=_mark, doubts=_doubts, largest=65500,  # what libjpeg encodes
    keeps=frozenset({"exif", "xmp", "icc", "iptc", "text", "comments", "resolution"}),
    reads_with=("imgconv.images.formats.jpeg.read", "imagecodecs:jpeg8_decode", *PILLOW),
    writes_with=("imgconv.images.formats.jpeg.write", "imagecodecs:jpeg8_encode", *PILLOW),
)  # fmt: skip
