"""WebP, still and animated, through Pillow."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import replace
from typing import BinaryIO

from imgconv.images.image import Image
from imgconv.images.limits import Limits
from imgconv.images.options import WriteOptions

from .record import PILLOW, Format, Reader

QUALITY = 92


LOSSLESS = "webp lossless"
LOSSY = ("jpeg", "webp", "avif", "hevc")


def _recognises(head: bytes) -> bool:
    return head[:4] == b"RIFF" and head[8:12] == b"WEBP"


def _open(file: BinaryIO, name: str, limits: Limits) -> Reader:
    from PIL.WebPImagePlugin import WebPImageFile

    from .raster import Raster

    data = file.read()
    reader = Raster(data, name, limits, "webp", WebPImageFile)
    if is_lossless(data):
        reader.images = [
            replace(one, info=replace(one.info, compression=LOSSLESS)) for one in reader.images
        ]
    return reader


def is_lossless(data: bytes) -> bool:
    """Whether no picture in the file is of the lossy kind ("VP8 ")."""
    at = 12
    while at + 8 <= len(data):
        kind, length = struct.unpack_from("<4sI", data, at)
        if kind == b"VP8 ":
            return False
        at += 8 + (16 if kind == b"ANMF" else length + length % 2)  # a frame holds chunks
    return True


def _write(file: BinaryIO, images: Sequence[Image], options: WriteOptions) -> None:
    """Write planes (H, W, 1 to 4) of uint8; quality 100 is lossless, and usual for what was."""
    from .raster import animation, pillow_image, save

    lossy = any(image.info.compression in LOSSY for image in images)
    usual = QUALITY if lossy else 100
    quality = usual if options.quality is None else options.quality
    first, info, more = animation(images, lambda plane: pillow_image(plane, "RGBA"))
    profile = info.icc if info.icc and info.icc[16:20] == b"RGB " else b""
    save(file, first, "WEBP", quality=quality, lossless=quality == 100, exact=True,
         exif=info.exif or b"", icc_profile=profile, xmp=info.xmp or b"", **more)  # fmt: skip


WEBP = Format(
    "webp", (".webp",), _recognises, _open, _write, depths=(8,), alpha=True,
    keeps=frozenset({"duration", "exif", "xmp", "icc", "resolution"}), holds="frames",
    largest=16383,
    reads_with=(*PILLOW, "PIL.WebPImagePlugin"), writes_with=(*PILLOW, "PIL.WebPImagePlugin"),
)  # fmt: skip
