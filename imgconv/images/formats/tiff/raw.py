"""Cameras' raw files that are TIFFs: a thumbnail in front, the sensor's samples in a directory
behind it, which no reader of TIFF should take for pictures."""

from __future__ import annotations

from typing import Any

DNG_VERSION, MAKE, SUBIFDS, PHOTOMETRIC, COMPRESSION = 50706, 271, 330, 262, 259
SENSOR = (32803, 34892)  # photometric: colour filter array, linear raw
PACKED = (32767, 32769, 32770, 34713, 65000, 65535)  # Sony, Epson, Samsung, Nikon, Kodak, Pentax
CANON = b"CR"  # at byte 8 of a CR2


def maker(tiff: Any) -> str:
    """Whose raw file it is ("Adobe's DNG", "NIKON"), else ""."""
    first = tiff.pages.first
    if DNG_VERSION in first.tags:
        return "Adobe's DNG"
    tiff.filehandle.seek(8)
    if tiff.filehandle.read(2) == CANON:
        return "Canon's CR2"
    if any(_is_sensor(page) for page in _directories(tiff)):
        return str(first.tags.valueof(MAKE, default="") or "a sensor's samples").strip()
    return ""


def _directories(tiff: Any) -> list[Any]:
    """The first pages and what hangs below them."""
    first = tiff.pages.first
    below = first.pages if SUBIFDS in first.tags and first.pages is not None else ()
    return [first, *below]


def _is_sensor(page: Any) -> bool:
    photometric = int(page.tags.valueof(PHOTOMETRIC, default=0) or 0)
    packed = int(page.tags.valueof(COMPRESSION, default=1) or 1) in PACKED
    return photometric in SENSOR or (packed and MAKE in page.tags)
