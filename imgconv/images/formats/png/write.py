"""PNG out: chunks around a stream whose rows a compiled kernel filters and ISA-L deflates."""

from __future__ import annotations

import itertools
import struct
import zlib
from collections.abc import Iterator, Sequence
from typing import BinaryIO

import numpy as np

from imgconv import kernels
from imgconv.errors import OutputError
from imgconv.images.bands import likeness_of
from imgconv.images.image import Image, frames, records
from imgconv.images.info import Info
from imgconv.images.metadata import iptc
from imgconv.images.metadata.blocks import update
from imgconv.images.options import WriteOptions
from imgconv.text import SOFTWARE

from .chunks import SIGNATURE
from .deflate import zlib_stream
from .read import RAW_PROFILE, XMP

COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}  # channels -> PNG colour type


def write(file: BinaryIO, images: Sequence[Image], options: WriteOptions) -> None:
    """Write planes (H, W, 1 to 4) of uint8 or uint16: one, or the frames of an animation."""
    kernels.png_filter_rows.warm_beside()
    planes = frames(images)
    plane, info = next(planes)  # which may compile what it needs
    like = likeness_of(plane)
    info = update(info, like)
    height, width, channels = like.shape
    depth = 8 * like.dtype.itemsize
    header = struct.pack(">IIBBBBB", width, height, depth, COLOUR_TYPES[channels], 0, 0, 0)
    file.write(SIGNATURE)
    _chunk(file, b"IHDR", header)
    for kind, content in _metadata(info, like):
        _chunk(file, kind, content)
    if (count := len(records(images))) > 1:
        _chunk(file, b"acTL", struct.pack(">II", count, info.loops))
        _chunk(file, b"fcTL", _frame(0, like, info))
    for part in zlib_stream(plane):
        _chunk(file, b"IDAT", part)
    _write_frames(file, planes, like.shape)
    _chunk(file, b"IEND", b"")


def _write_frames(
    file: BinaryIO, planes: Iterator[tuple[np.ndarray, Info]], shape: tuple[int, ...]
) -> None:
    """All frames after the first; each replaces the one before it."""
    numbers = itertools.count(1)
    for plane, info in planes:
        if plane.shape != shape:
            raise OutputError(f"PNG holds frames of one size, found {shape} and {plane.shape}")
        _chunk(file, b"fcTL", _frame(next(numbers), plane, info))
        for part in zlib_stream(plane):
            _chunk(file, b"fdAT", struct.pack(">I", next(numbers)) + part)


def _frame(number: int, plane: np.ndarray, info: Info) -> bytes:
    """Number of the chunk, size, place, duration (a fraction of a second), how it is laid on."""
    height, width, _ = plane.shape
    milliseconds = min(round(info.duration or 0), 65535)
    return struct.pack(">IIIIIHHBB", number, width, height, 0, 0, milliseconds, 1000, 0, 0)


def _chunk(file: BinaryIO, kind: bytes, content: bytes) -> None:
    file.write(struct.pack(">I4s", len(content), kind))
    file.write(content)
    file.write(struct.pack(">I", zlib.crc32(content, zlib.crc32(kind))))


def _metadata(info: Info, plane: np.ndarray) -> Iterator[tuple[bytes, bytes]]:
    """Every chunk between the header and the pixels, in the order the standard asks for."""
    channels = plane.shape[2]
    if info.icc and _profile_fits(info.icc, channels):
        yield b"iCCP", b"ICC profile\0\0" + zlib.compress(info.icc)
    yield from info.png_colour
    if len(info.background) == channels - (channels in (2, 4)) and plane.dtype == info.dtype:
        yield b"bKGD", struct.pack(f">{len(info.background)}H", *info.background)
    known = info.resolution
    per_metre = known.per("m") if known else None
    if known and (per_metre or not known.unit):
        ratio = per_metre or known
        x, y = (min(round(v), 0x7FFFFFFF) for v in (ratio.x, ratio.y))
        if x and y:
            yield b"pHYs", struct.pack(">IIB", x, y, 1 if per_metre else 0)
    yield b"tEXt", b"Software\0" + SOFTWARE.encode("ascii")
    for key, value in info.words:
        yield _text(key, value)
    if info.iptc:
        raw = iptc.to_text("iptc", iptc.resource(info.iptc)).encode("ascii")
        yield b"zTXt", RAW_PROFILE.encode("ascii") + b"iptc\0\0" + zlib.compress(raw)
    if info.xmp:
        yield b"iTXt", XMP.encode("ascii") + b"\0\0\0\0\0" + info.xmp
    if info.exif:
        yield b"eXIf", info.exif


def _profile_fits(profile: bytes, channels: int) -> bool:
    """A grey image may only carry a grey profile and a colour image a colour one."""
    return profile[16:20] == (b"GRAY" if channels < 3 else b"RGB ")


def _text(key: str, value: str) -> tuple[bytes, bytes]:
    keyword = key.encode("latin-1", "replace")[:79].strip() or b"Comment"
    try:
        return b"tEXt", keyword + b"\0" + value.replace("\0", "").encode("latin-1")
    except UnicodeEncodeError:
        return b"iTXt", keyword + b"\0\0\0\0\0" + value.encode("utf-8")
