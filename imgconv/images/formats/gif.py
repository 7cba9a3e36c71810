"""GIF, still and animated, through Pillow."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import BinaryIO

from imgconv.text import SOFTWARE

from ..image import Image
from ..limits import Limits
from ..options import WriteOptions
from .record import PILLOW, Format, Reader, begins


def _open(file: BinaryIO, name: str, limits: Limits) -> Reader:
    from PIL.GifImagePlugin import GifImageFile

    from .raster import Raster

    return Raster(file.read(), name, limits, "gif", GifImageFile)


def _write(file: BinaryIO, images: Sequence[Image], options: WriteOptions) -> None:
    """Write planes (H, W, 1 or 3) of uint8, each in at most 256 colours."""
    from .raster import animation, save

    first, more = animation(images)
    if more.get("loop") == 1:  # a GIF that says nothing of loops is shown once
        del more["loop"]
    save(file, first, "GIF", comment=SOFTWARE.encode("ascii"), **more)


def _mark(path: str | os.PathLike[str], head: bytes) -> str:
    return "imgconv " if b"\x21\xfe" in head and b"imgconv " in head else ""


GIF = Format(
    "gif", (".gif",), begins(b"GIF87a", b"GIF89a"), _open, _write, depths=(8,),
    keeps=frozenset({"duration"}), holds="frames", mark=_mark,
    reads_with=PILLOW, writes_with=PILLOW,
)  # fmt: skip
