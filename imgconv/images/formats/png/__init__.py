"""PNG, still and animated."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import BinaryIO

from imgconv.images.formats.record import Format, Reader, begins
from imgconv.images.image import Image
from imgconv.images.limits import Limits
from imgconv.images.options import WriteOptions


def _open(file: BinaryIO, name: str, limits: Limits) -> Reader:
    from .read import Png

    return Png(file.read(), name, limits)


def _write(file: BinaryIO, images: Sequence[Image], options: WriteOptions) -> None:
    from .write import write

    write(file, images, options)


def _mark(path: str | os.PathLike[str], head: bytes) -> str:
    from .read import software

    return software(head)


PNG = Format(
    "png", (".png", ".apng"), begins(b"\x89PNG\r\n\x1a\n"), _open, _write,
    depths=(8, 16), alpha=True, keeps=frozenset({
        "duration", "exif", "xmp", "icc", "iptc", "text", "comments", "png_colour", "background",
        "resolution",
    }),
    holds="frames", mark=_mark,
    reads_with=("imgconv.images.formats.png.read", "imagecodecs:png_decode"),
    writes_with=(
        "imgconv.images.formats.png.write", "imagecodecs:deflate_encode", "isal.isal_zlib",
    ),
)  # fmt: skip
