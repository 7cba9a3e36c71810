"""Files out: the format chosen, the depth made to fit, the file written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO

import numpy as np

from imgconv.atomic import output
from imgconv.errors import OutputError
from imgconv.text import shown

from . import depth as depths
from .fit import fit
from .formats import format_for
from .info import Info
from .options import WriteOptions

KEEPS = {
    "exif": ("EXIF", ("png", "jpeg", "webp")),
    "xmp": ("XMP", ("png", "jpeg", "tiff", "webp")),
    "icc": ("the colour profile", ("png", "jpeg", "tiff", "webp")),
    "text": ("text", ("png", "jpeg")),
}  # field of Info -> its name, the formats that have a place for it
Encoder = Callable[[BinaryIO, Iterator[np.ndarray], Info, WriteOptions], None]
ANIMATED = ("gif", "webp")
STACKS = ("tiff", "npy")  # formats that hold more than one plane


def write_image(
    target: str | os.PathLike[str],
    planes: Iterable[np.ndarray],
    info: Info,
    options: WriteOptions = WriteOptions(),  # noqa: B008 (immutable)
    *,
    force: bool = False,
) -> list[str]:
    """Write planes (H, W, C) to a file ("-" is standard output); returns notes for the user.

    Size and dtype are taken from the planes, everything else that still holds from `info`.
    The file appears whole or not at all. Raises OutputError (and BrokenPipeError on a pipe).
    """
    name = shown(target) if os.fspath(target) != "-" else "standard output"
    kind = format_for(target, options.format, info.format)
    notes = [f"{kind.upper()} has no place for {lost}" for lost in _lost(info, kind)]
    ready = _fitted(planes, info, options, kind, name, notes)
    with output(target, force=force, seekable=kind == "tiff") as file:
        _encoder(kind)(file, ready, info, options)
    return notes


def _lost(info: Info, kind: str) -> list[str]:
    """What the format cannot keep of the metadata."""
    return [
        name for field, (name, kept) in KEEPS.items() if getattr(info, field) and kind not in kept
    ]


def _fitted(
    planes: Iterable[np.ndarray],
    info: Info,
    options: WriteOptions,
    kind: str,
    name: str,
    notes: list[str],
) -> Iterator[np.ndarray]:
    """Each plane in a dtype and with the channels that the format holds, checked."""
    if options.depth not in (None, *depths.DTYPES):
        raise OutputError(f"depth {options.depth} is unknown: allowed are 8, 16 and 32 (float)")
    for number, plane in enumerate(planes):
        if number == 1 and kind not in STACKS and info.format in ANIMATED:
            notes.append(f"only the first of {info.planes} frames is written; write TIFF for all")
            return
        if number == 1 and kind not in STACKS:
            raise OutputError(
                f"{name}: {kind.upper()} holds one plane, the image has "
                f"{info.planes if info.planes > 1 else 'more'}; write TIFF, or one file a plane "
                "with {page} in the name"
            )
        ready = fit(plane, info, options, kind, name, notes)
        if number == 0 and kind == "tiff":
            from .tiffwrite import doubts

            notes.extend(doubts(ready, info, options))
        yield ready


def _encoder(kind: str) -> Encoder:
    if kind == "png":
        from .pngwrite import write
    elif kind == "jpeg":
        from .jpegwrite import write
    elif kind == "tiff":
        from .tiffwrite import write
    elif kind == "npy":
        from .npy import write
    elif kind == "pnm":
        from .netpbm import write_pnm as write
    elif kind == "pfm":
        from .netpbm import write_pfm as write
    elif kind == "webp":
        from .pillow import write_webp as write
    elif kind == "bmp":
        from .pillow import write_bmp as write
    else:
        from .pillow import write_gif as write
    return write
