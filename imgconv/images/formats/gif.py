"""GIF, still and animated, through Pillow."""

from __future__ import annotations

import os
import struct
from collections.abc import Sequence
from typing import Any, BinaryIO

import numpy as np

from imgconv.images.image import Image
from imgconv.images.info import Info
from imgconv.images.limits import Limits
from imgconv.images.options import WriteOptions
from imgconv.text import SOFTWARE, Fact

from .record import PILLOW, Format, Reader, begins

SIDES, PLACE = struct.Struct("<HH"), 6  # of the canvas, and where they stand in a file
HALF, HIDDEN = 128, 255  # of alpha; the index that is transparent
TO_BACKGROUND = 2  # Pillow's number for a frame that is taken away before the next


def _open(file: BinaryIO, name: str, limits: Limits) -> Reader:
    from PIL.GifImagePlugin import GifImageFile

    from .raster import Raster

    data = file.read()
    reader = Raster(data, name, limits, "gif", GifImageFile)
    sides = SIDES.pack(*reader.image.size)
    if sides == data[PLACE : PLACE + SIDES.size]:
        return reader
    # Pillow's canvas grows at a frame that reaches beyond it; all frames are to be of one size.
    data = data[:PLACE] + sides + data[PLACE + SIDES.size :]
    reader = Raster(data, name, limits, "gif", GifImageFile)
    reader.notes.append(
        Fact("its frames reach beyond the size that it names: all of them is shown")
    )
    return reader


def _write(file: BinaryIO, images: Sequence[Image], options: WriteOptions) -> None:
    """Write planes (H, W, 1 to 4) of uint8, each in at most 256 colours, one of which may be
    transparent."""
    from .raster import animation, save

    first, info, more = animation(images, _paletted)
    if any(image.info.alpha != "none" for image in images) and more:
        more["disposal"] = TO_BACKGROUND  # where a frame is transparent, the last one is gone
    if more.get("loop") == 1:  # a GIF that says nothing of loops is shown once
        del more["loop"]
    texts = (f"{key}: {value}".encode() for key, value in info.text)
    said = b"\n".join((SOFTWARE.encode("ascii"), *info.comments, *texts))
    save(file, first, "GIF", comment=said, **more)


def _paletted(plane: np.ndarray) -> Any:
    """Pillow's image of a plane; of one with alpha, with index 255 where it is transparent."""
    from PIL import Image as PillowImage

    from .raster import pillow_image

    if plane.shape[2] in (1, 3):
        return pillow_image(plane)
    hidden = plane[..., -1] < HALF
    colour = plane[..., :-1].copy()
    colour[hidden] = colour[~hidden][0] if not hidden.all() else 0
    rgb = pillow_image(colour if colour.shape[2] == 3 else colour.repeat(3, axis=2))
    image = rgb.convert("P", palette=PillowImage.Palette.ADAPTIVE, colors=HIDDEN)
    numbers = np.array(image)
    numbers[hidden] = HIDDEN
    found = PillowImage.fromarray(numbers, "P")
    colours = (image.getpalette() or [])[: 3 * HIDDEN]
    found.putpalette(colours + [0] * (768 - len(colours)), "RGB")
    found.info["transparency"] = HIDDEN
    return found


def _doubts(plane: np.ndarray, info: Info, options: WriteOptions) -> list[str]:
    """What becomes of alpha between the two that a GIF knows."""
    if plane.shape[2] in (1, 3) or np.isin(plane[..., -1], (0, 255)).all():
        return []
    return [
        "GIF knows no half transparency: what covers less than half is left out; PNG and WebP keep "
        "it"
    ]


def _mark(path: str | os.PathLike[str], head: bytes) -> str:
    return "imgconv " if b"\x21\xfe" in head and b"imgconv " in head else ""


GIF = Format(
    "gif", (".gif",), begins(b"GIF87a", b"GIF89a"), _open, _write, depths=(8,), alpha=True,
    keeps=frozenset({"duration", "text", "comments"}), holds="frames", largest=65535,
    mark=_mark, doubts=_doubts,
    reads_with=PILLOW, writes_with=PILLOW,
)  # fmt: skip
