"""AVIF, through Pillow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO

from imgconv.images.image import Image
from imgconv.images.limits import Limits
from imgconv.images.options import WriteOptions

from .record import PILLOW, Format, Reader

QUALITY = 80  # of Pillow's scale, about as good as JPEG at 92


def _recognises(head: bytes) -> bool:
    return head[4:12] in (b"ftypavif", b"ftypavis")


def _open(file: BinaryIO, name: str, limits: Limits) -> Reader:
    from PIL.AvifImagePlugin import AvifImageFile

    from .raster import Raster

    return Raster(file.read(), name, limits, "avif", AvifImageFile)


def _write(file: BinaryIO, images: Sequence[Image], options: WriteOptions) -> None:
    """Write planes (H, W, 1 to 4) of uint8; quality 100 is the best there is, not lossless."""
    from .raster import animation, pillow_image, save

    first, info, more = animation(images, lambda plane: pillow_image(plane, "RGBA"))
    quality = QUALITY if options.quality is None else options.quality
    subsampling = {} if first.mode == "L" else {"subsampling": "4:4:4"}
    profile = info.icc if info.icc and info.icc[16:20] in (b"RGB ", b"GRAY") else b""
    save(file, first, "AVIF", quality=quality, exif=info.exif or b"", xmp=info.xmp or b"",
         icc_profile=profile, **subsampling, **more)  # fmt: skip


AVIF = Format(
    "avif", (".avif",), _recognises, _open, _write, depths=(8,), alpha=True,
    keeps=frozenset({"duration", "exif", "xmp", "icc", "resolution"}), holds="frames",
    largest=32768,
    reads_with=(*PILLOW, "PIL.AvifImagePlugin"), writes_with=(*PILLOW, "PIL.AvifImagePlugin"),
)  # fmt: skip
