"""PNG, still and animated."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import BinaryIO

from imgconv.images.formats.content import Content
from imgconv.images.formats.record import Format, Reader, begins
from imgconv.images.image import Image
from imgconv.images.limits import Limits
from imgconv.images.options import WriteOptions

LARGE = 16 << 20  # bytes of a file, of which no copy is wanted in memory


def _open(file: BinaryIO, name: str, limits: Limits) -> Reader:
    from .read import Png

    content = Content(file)
    return Png(content if len(content) > LARGE else content[:], name, limits)


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
    holds="frames", mark=_mark, regions=True, streams=True,
    reads_with=(
        "imgconv.images.formats.png.read", "imagecodecs:png_decode", "isal.isal_zlib",
    ),
    writes_with=(
        "imgconv.images.formats.png.write", "imagecodecs:deflate_encode", "isal.isal_zlib",
    ),
)  # fmt: skip
