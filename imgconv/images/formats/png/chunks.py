"""The chunks of a PNG file, and its pixels: https://www.w3.org/TR/png-3/ ."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable

import numpy as np

from imgconv.images.limits import Room
from imgconv.images.listening import listening

SIGNATURE = b"\x89PNG\r\n\x1a\n"
Content = bytes | memoryview
SLACK = 1 << 16  # bytes at a time, and what rows of a small picture take beside its pixels


def chunk(kind: bytes, content: Content) -> bytes:
    """One chunk: length, type, content, checksum."""
    crc = zlib.crc32(content, zlib.crc32(kind))
    return b"".join((struct.pack(">I4s", len(content), kind), content, struct.pack(">I", crc)))


def stream(heads: Iterable[tuple[bytes, Content]], idat: Iterable[Content]) -> bytes:
    """A file of what says how, and of whole IDAT chunks; nothing else, for libpng prints what it
    finds wrong with it."""
    return b"".join((SIGNATURE, *(chunk(*head) for head in heads), *idat, chunk(b"IEND", b"")))


def decode(whole: bytes) -> np.ndarray:
    """Its pixels, as libpng gives them; what it only warns of is damage if the checksum of the
    pixels is wrong. Raises ValueError."""
    import imagecodecs

    with listening("imagecodecs") as heard:
        pixels = imagecodecs.png_decode(whole)
    if wrong := [line for line in heard if "data check" in line]:
        raise ValueError(wrong[0])
    return pixels


def text(content: bytes, room: Room) -> tuple[str, str] | None:
    """Keyword and text of a tEXt chunk."""
    key, zero, value = content.partition(b"\0")
    return (key.decode("latin-1"), value.decode("latin-1")) if zero else None


def compressed_text(content: bytes, room: Room) -> tuple[str, str] | None:
    """Those of a zTXt chunk; None where it is damaged or finds no room."""
    key, _, rest = content.partition(b"\0")
    value = inflate(rest[1:], room)
    return None if value is None else (key.decode("latin-1"), value.decode("latin-1"))


def international_text(content: bytes, room: Room) -> tuple[str, str] | None:
    """Those of an iTXt chunk; None where it is damaged or finds no room."""
    key, _, rest = content.partition(b"\0")
    parts = rest[2:].split(b"\0", 2)
    if len(parts) < 3:
        return None
    value = inflate(parts[2], room) if rest[:1] == b"\1" else parts[2]
    return None if value is None else (key.decode("latin-1"), value.decode("utf-8", "replace"))


def inflate(data: bytes, room: Room) -> bytes | None:
    """None where it is damaged, or is more than there is room for."""
    try:
        stream = zlib.decompressobj()
        out = stream.decompress(data, room.left + 1)
    except zlib.error:
        return None
    return out if room.take(len(out)) and stream.eof else None


def is_whole(parts: Iterable[Content], room: int) -> bool:
    """Whether a compressed stream in parts ends, and within so many bytes."""
    stream, left = zlib.decompressobj(), room + SLACK
    try:
        for part in parts:
            while part and left > 0:
                left -= len(stream.decompress(part, SLACK))
                part = stream.unconsumed_tail
    except zlib.error:
        return False
    return stream.eof and left > 0
