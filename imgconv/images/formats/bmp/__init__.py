"""BMP: through Pillow; with masks, alpha or a colour profile here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from imgconv.errors import InputError
from imgconv.images.formats.record import PILLOW, Format, Reader, begins
from imgconv.images.image import Image, one_plane
from imgconv.images.limits import Limits
from imgconv.images.options import WriteOptions

if TYPE_CHECKING:
    from .header import Header


def _open(file: BinaryIO, name: str, limits: Limits) -> Reader:
    from PIL.BmpImagePlugin import BmpImageFile

    from imgconv.images.formats.raster import Raster

    from . import header
    from .masks import Masked

    data = file.read()
    found = header.read(data, name)
    if found and found.compression in (header.JPEG, header.PNG) and not found.is_os2:
        return _open_inner(data, found, name, limits)
    data, notes = _whole(data, found, name, limits)
    if found and found.is_masked:
        reader: Raster | Masked = Masked(data, found, name, limits)
    else:
        data = header.with_usual(data, found) if found else data
        reader = Raster(data, name, limits, "bmp", BmpImageFile)
    reader.add_profile(found.profile if found else None)
    reader.notes[:0] = notes
    return reader


def _open_inner(data: bytes, found: Header, name: str, limits: Limits) -> Reader:
    """A whole JPEG or PNG in a BMP, as for printers."""
    from imgconv.images.formats.jpeg.read import Jpeg
    from imgconv.images.formats.png.read import Png

    from . import header

    kind = Jpeg if found.compression == header.JPEG else Png
    reader = kind(data[found.start :], name, limits)
    (image, *_) = reader.images
    known = image.info.resolution or found.resolution
    info = replace(image.info, format="bmp", resolution=known)
    reader.images = [replace(image, info=info)]
    return reader


def _whole(data: bytes, found: Header | None, name: str, limits: Limits) -> tuple[bytes, list[str]]:
    """The file, filled up if it is cut off. That depends on its pixels, not on what it says of
    its own length, where these can be counted."""
    from . import header, runs

    size = int.from_bytes(data[2:6], "little")
    start = int.from_bytes(data[10:14], "little")
    if start >= len(data):
        raise InputError(f"{name}: truncated or damaged BMP (it ends before its pixels)")
    if found and found.compression in (header.RLE8, header.RLE4):
        end = runs.find_end(data, found)
        if end is not None:
            return runs.fill(data, found, end), []
    needed = found.length if found else None
    if needed is None:
        needed = 0 if size > start + (1 << 32) else size
    if len(data) >= needed:
        more = len(data) > size and data[size : size + 2] == b"BM"
        filled = data.ljust(needed + header.ROUND, b"\0") if found else data
        return filled, ["only the first of the several pictures in the file is read"] * more
    limits.check_held(name, "BMP", needed, len(data))
    return data.ljust(needed + header.ROUND, b"\0"), ["truncated: the missing part is black"]


def _write(file: BinaryIO, images: Sequence[Image], options: WriteOptions) -> None:
    """Write one plane (H, W, 1, 3 or 4) of uint8; grey with alpha as RGB with alpha."""
    from imgconv.images.formats.raster import pillow_image, save

    (image,) = images
    plane, info = one_plane(image), image.info
    if info.format != "bmp" and plane.shape[2] in (2, 4) and (plane[..., -1] == 255).all():
        plane = plane[..., :-1]  # which every program reads
    fits = info.icc and info.icc[16:20] == (b"GRAY" if plane.shape[2] < 3 else b"RGB ")
    if plane.shape[2] in (2, 4) or fits:
        _write_v5(file, plane, image, (info.icc if fits else b"") or b"")
        return
    save(file, pillow_image(plane), "BMP", **({"dpi": info.dpi} if info.dpi else {}))


def _write_v5(file: BinaryIO, plane: np.ndarray, image: Image, profile: bytes) -> None:
    """With the newest header, which alone has a place for alpha and the profile."""
    from . import header

    if plane.shape[2] == 2:
        plane = plane[..., [0, 0, 0, 1]]
    height, width, channels = plane.shape
    greys = 256 if channels == 1 else 0
    file.write(header.write(width, height, channels, greys, image.info.resolution, profile))
    table = np.arange(greys, dtype=np.uint8)[:, None] * np.array([1, 1, 1, 0], np.uint8)
    file.write(table.tobytes())
    order = {1: [0], 3: [2, 1, 0], 4: [2, 1, 0, 3]}[channels]
    rows = np.zeros((height, (width * channels + 3) // 4 * 4), np.uint8)
    rows[:, : width * channels] = plane[::-1, :, order].reshape(height, -1)
    file.write(rows.tobytes())
    file.write(profile)


BMP = Format(
    "bmp", (".bmp", ".dib"), begins(b"BM"), _open, _write, depths=(8,), alpha=True,
    keeps=frozenset({"icc", "resolution"}),
    reads_with=(*PILLOW, f"{__name__}.header", f"{__name__}.masks", f"{__name__}.runs"),
    writes_with=PILLOW,
)  # fmt: skip
