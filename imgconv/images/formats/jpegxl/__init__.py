"""JPEG XL, by imagecodecs; its profiles by pylibjxl, which is an extra."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, BinaryIO

from imgconv.images.formats.record import Format, Reader, begins
from imgconv.images.image import Image
from imgconv.images.info import Info
from imgconv.images.limits import Limits
from imgconv.images.options import WriteOptions

from .signatures import BOXES, CODESTREAM

if TYPE_CHECKING:
    import numpy as np


def _open(file: BinaryIO, name: str, limits: Limits) -> Reader:
    from .file import JpegXl

    return JpegXl(file.read(), name, limits)


def _write(file: BinaryIO, images: Sequence[Image], options: WriteOptions) -> None:
    from .file import write

    write(file, images, options)


def _doubts(plane: np.ndarray, info: Info, options: WriteOptions) -> list[str]:
    from .file import doubts

    return doubts(plane, info, options)


JPEG_XL = Format(
    "jpegxl", (".jxl",), begins(CODESTREAM, BOXES), _open, _write, depths=(8, 16, 32),
    alpha=True, keeps=frozenset({"exif", "xmp", "icc", "resolution"}), doubts=_doubts,
    reads_with=(
        "imgconv.images.formats.jpegxl.file", "imagecodecs:jpegxl_decode",
        "imagecodecs:brotli_decode", "pylibjxl",
    ),
    writes_with=(
        "imgconv.images.formats.jpegxl.file", "imagecodecs:jpegxl_encode", "pylibjxl",
    ),
)  # fmt: skip
