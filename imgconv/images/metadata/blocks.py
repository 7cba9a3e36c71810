"""EXIF and XMP of an image together: what of them holds for its pixels as they are delivered, and
as they are written."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from imgconv.images.resolution import Resolution

from . import exif, xmp

if TYPE_CHECKING:
    from imgconv.images.info import Info


class Blocks(NamedTuple):
    """What a file says, for pixels that are turned upright."""

    exif: bytes | None
    xmp: bytes | None
    orientation: int  # by which its pixels are to be turned, as EXIF counts it
    resolution: Resolution | None  # of the pixels as the file has them


def deliver(block: bytes | None, packet: bytes | None) -> Blocks:
    """The EXIF block's orientation counts; where it has none, the XMP packet's."""
    how = (block and exif.orientation(block)) or (packet and xmp.orientation(packet)) or 1
    return Blocks(
        exif.upright(block) if block else None,
        xmp.deliver(packet) if packet else None,
        how,
        exif.resolution(block) if block else None,
    )


def update(info: Info, plane: np.ndarray) -> Info:
    """The record with EXIF and XMP that are true of a plane (H, W, C) of another size."""
    height, width, _ = plane.shape
    known = info.resolution
    return replace(
        info,
        exif=exif.update(info.exif, height, width, known) if info.exif else None,
        xmp=xmp.update(info.xmp, height, width, known) if info.xmp else None,
    )


def with_resolution(info: Info) -> Info:
    """The record with an EXIF block that gives the resolution, for want of a better place."""
    if info.resolution is None:
        return info
    if info.exif:
        return replace(info, exif=exif.with_resolution(info.exif, info.resolution))
    return replace(info, exif=exif.of_resolution(info.resolution))
