"""WebP, still and animated, through Pillow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO

from imgconv.images.image import Image
from imgconv.images.limits import Limits
from imgconv.images.options import WriteOptions

from .record import PILLOW, Format, Reader

QUALITY = 92


def _recognises(head: bytes) -> bool:
    return head[:4] == b"RIFF" and head[8:12] == b"WEBP"


def _open(file: BinaryIO, name: str, limits: Limits) -> Reader:
    from PIL.WebPImagePlugin import WebPImageFile

    from .raster import Raster

    return Raster(file.read(), name, limits, "webp", WebPImageFile)


def _write(file: BinaryIO, images: Sequence[Image], options: WriteOptions) -> None:
    """Write planes (H, W, 1 to 4) of uint8; quality 100 is lossless."""
    from .raster import animation, pillow_image, save

    quality = QUALITY if options.quality is None else options.quality
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
