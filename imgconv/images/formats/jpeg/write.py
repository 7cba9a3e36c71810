"""JPEG out: encoded by libjpeg-turbo through imagecodecs, metadata segments put in front."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import BinaryIO

import numpy as np

from imgconv.images.image import Image, one_plane
from imgconv.images.info import Info
from imgconv.images.metadata import iptc, xmp_extended
from imgconv.images.metadata.blocks import update
from imgconv.images.options import WriteOptions
from imgconv.text import SOFTWARE

from . import restarts, tables
from .read import EXIF, ICC, XMP

QUALITY = 92
SEGMENT = 65533  # bytes a segment can hold


def write(file: BinaryIO, images: Sequence[Image], options: WriteOptions) -> None:
    """Write one plane (H, W, 1 or 3) of uint8."""
    (image,) = images
    plane = one_plane(image)
    info = update(image.info, plane)
    encoded = _encode(plane, info, options)
    file.write(b"\xff\xd8")
    for marker, content in _segments(info, plane.shape[2]):
        file.write(struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content)
    file.write(memoryview(encoded)[_after_jfif(encoded) :])


def _encode(plane: np.ndarray, info: Info, options: WriteOptions) -> bytes:
    """As the source was quantised if it was a JPEG and no quality is asked for, else 4:4:4."""
    grey = plane.shape[2] == 1
    quality, subsampling = options.quality, "444"
    if quality is None and info.jpeg and len(info.jpeg.components) == plane.shape[2]:
        quality = tables.quality(info.jpeg)
        subsampling = tables.subsampling(info.jpeg)
        if quality is None:
            return tables.encode(plane, info.jpeg)
    elif quality is None and info.jpeg:  # grey became colour, or the other way round
        quality = tables.nearest(info.jpeg)
    return restarts.encode(
        plane[..., 0] if grey else plane,
        QUALITY if quality is None else quality,
        None if grey else subsampling,
    )


def _after_jfif(encoded: bytes) -> int:
    """Where the encoder's own segments go on after its JFIF header, which ours replaces."""
    if encoded[2:4] != b"\xff\xe0":
        return 2
    return 4 + struct.unpack_from(">H", encoded, 4)[0]


def _segments(info: Info, channels: int) -> Iterator[tuple[int, bytes]]:
    yield 0xE0, b"JFIF\0\1\1" + _density(info) + b"\0\0"
    if info.exif and _fits(EXIF + info.exif):
        yield 0xE1, EXIF + info.exif
    if info.xmp:
        yield from ((0xE1, content) for content in _xmp(info.xmp))
    if info.icc and info.icc[16:20] == (b"GRAY" if channels == 1 else b"RGB "):
        size = SEGMENT - len(ICC) - 2
        parts = [info.icc[at : at + size] for at in range(0, len(info.icc), size)]
        for number, part in enumerate(parts, 1):
            yield 0xE2, ICC + bytes((number, len(parts))) + part
    if info.iptc:
        block = iptc.resource(info.iptc)
        size = SEGMENT - len(iptc.HEADER)
        for at in range(0, len(block), size):
            yield 0xED, iptc.HEADER + block[at : at + size]
    yield 0xFE, SOFTWARE.encode("ascii")
    for comment in (*info.comments, *map(_comment, info.text)):
        yield 0xFE, comment[:SEGMENT]


def _comment(pair: tuple[str, str]) -> bytes:
    """A PNG's text."""
    key, value = pair
    return (value if key == "Comment" else f"{key}: {value}").encode("utf-8")


def _xmp(packet: bytes) -> Iterator[bytes]:
    """The packet, in several parts if it must be; nothing where it cannot be."""
    if _fits(XMP + packet):
        yield XMP + packet
    elif parts := xmp_extended.split(packet):
        yield XMP + parts[0]
        yield from xmp_extended.segments(parts[1])


def _fits(content: bytes) -> bool:
    return len(content) <= SEGMENT


def doubts(plane: np.ndarray, info: Info, options: WriteOptions) -> list[str]:
    """What is too long for a segment."""
    said = []
    if info.exif and not _fits(EXIF + info.exif):
        said.append(
            f"JPEG holds at most 64 KB of EXIF: its {len(info.exif):,} bytes are left out; PNG "
            "keeps them"
        )
    if info.xmp and not any(_xmp(info.xmp)):
        said.append(
            f"JPEG holds no XMP like its {len(info.xmp):,} bytes: they are left out; PNG keeps them"
        )
    return said


def _density(info: Info) -> bytes:
    known = info.resolution
    if known is None:
        return struct.pack(">BHH", 0, 1, 1)
    unit, ratio = (1, known.per("inch")) if known.dpi else (0, None if known.unit else known)
    x, y = (round(ratio.x), round(ratio.y)) if ratio else (1, 1)
    if known.unit == "cm":
        unit, x, y = 2, round(known.x), round(known.y)
    if not (0 < x < 65536 and 0 < y < 65536):
        return struct.pack(">BHH", 0, 1, 1)
    return struct.pack(">BHH", unit, x, y)
