"""BMP, through Pillow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO

from imgconv.errors import InputError

from ..image import Image, one_plane
from ..limits import Limits
from ..options import WriteOptions
from .record import PILLOW, Format, Reader, begins


def _open(file: BinaryIO, name: str, limits: Limits) -> Reader:
    from PIL.BmpImagePlugin import BmpImageFile

    from .raster import Raster

    data, notes = _whole(file.read(), name, limits)
    reader = Raster(data, name, limits, "bmp", BmpImageFile)
    reader.notes[:0] = notes
    return reader


def _whole(data: bytes, name: str, limits: Limits) -> tuple[bytes, list[str]]:
    """A BMP names its size: one that is shorter is truncated."""
    size = int.from_bytes(data[2:6], "little")
    start = int.from_bytes(data[10:14], "little")
    if start >= len(data):
        raise InputError(f"{name}: truncated or damaged BMP (it ends before its pixels)")
    if not len(data) < size <= start + (1 << 32):
        return data, []
    limits.refuse_truncated(name, "BMP")
    if size > 64 * len(data):
        raise InputError(f"{name}: damaged BMP (too little of it is left)")
    return data.ljust(size, b"\0"), ["truncated: the missing part is black"]


def _write(file: BinaryIO, images: Sequence[Image], options: WriteOptions) -> None:
    """Write one plane (H, W, 1 or 3) of uint8."""
    from .raster import pillow_image, save

    (image,) = images
    dpi = image.info.dpi
    save(file, pillow_image(one_plane(image)), "BMP", **({"dpi": dpi} if dpi else {}))


BMP = Format(
    "bmp",
    (".bmp", ".dib"),
    begins(b"BM"),
    _open,
    _write,
    depths=(8,),
    reads_with=PILLOW,
    writes_with=PILLOW,
)
