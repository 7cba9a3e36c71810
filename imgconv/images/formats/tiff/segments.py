"""Strips and tiles that are files of their own, and say themselves how large they are.

What the decoder would make of one is compared with the page before anything is decoded: a page of
16 x 16 pixels whose JPEG strip has 65,500 x 65,500 would take 4 GB.
"""

from __future__ import annotations

import math
import re
import struct
from typing import Any

import numpy as np

from imgconv.errors import InputError
from imgconv.images.formats.jpeg.segments import FRAMES, Segments
from imgconv.images.limits import Limits

from . import regions

JPEG = frozenset({6, 7, 33007, 34892})
JPEG_2000 = frozenset({33003, 33004, 33005, 34712})
OWN_SIZE = JPEG | JPEG_2000 | {22610, 34887, 34927, 34933, 34934, 50001, 50002, 52546}
SIZ = re.compile(rb"\xff\x4f\xff\x51")  # where a codestream of JPEG 2000 begins
TOLD = re.compile(r"[, ]shape=\(([\d, ]+)\)")  # imagecodecs, of an `out` that is not of that shape
END = b"\xff\xd9"
Window = tuple[slice, slice] | None  # rows and columns; None for all
EXPANSION, SLACK = 2, 1 << 16  # what compression may add to samples; and headers, tables


def are_missing(page: Any, keyframe: Any, size: int) -> bool:
    """Whether strips or tiles reach beyond a file of so many bytes, or are not named at all.

    Of samples that are not compressed, those that the page needs count, whatever length is told.
    One at 0 of length 0 is left out on purpose (GDAL's sparse files).
    """
    parts = list(zip(page.dataoffsets, page.databytecounts, strict=False))
    needed = 1 << 63
    if keyframe.compression == 1 and len(parts) == 1:
        needed = int(np.prod(keyframe.shape, dtype=np.int64)) * keyframe.bitspersample // 8
    if len(parts) < math.prod(keyframe.chunked) or not any(length for _, length in parts):
        return True
    return any(bool(at) != bool(length) or at + min(length, needed) > size for at, length in parts)


def check(page: Any, keyframe: Any, name: str, limits: Limits, window: Window = None) -> None:
    """Refuse strips and tiles (of part of a page) that do not belong to a page of this size."""
    numbers = regions.find_segments(keyframe, *window) if window else range(len(page.dataoffsets))
    room = _pixels_of_segment(keyframe)
    most = EXPANSION * room * keyframe.samplesperpixel * keyframe.dtype.itemsize + SLACK
    longest = max((page.databytecounts[n] for n in numbers), default=0)
    if keyframe.compression != 1 and longest > most:
        raise _damage(name, f"one takes {longest:,} bytes")
    if keyframe.compression in OWN_SIZE:
        for number in numbers:
            _check_size(_read(page, number), keyframe, room, name, limits)


def _read(page: Any, number: int) -> bytes:
    file = page.parent.filehandle
    file.seek(page.dataoffsets[number])
    return file.read(page.databytecounts[number])


def _pixels_of_segment(page: Any) -> int:
    if page.is_tiled:
        return int(page.tilewidth * page.tilelength * page.tiledepth)
    return int(page.imagewidth * min(page.rowsperstrip, page.imagelength))


def _check_size(data: bytes, page: Any, room: int, name: str, limits: Limits) -> None:
    pixels = _count_pixels(data, page)
    if pixels > room:
        raise _damage(name, f"one has {pixels:,} pixels, there is room for {room:,}")
    if page.compression in JPEG and not page.jpegheader and END not in data:
        limits.refuse_truncated(name, "TIFF")


def _damage(name: str, found: str) -> InputError:
    return InputError(
        f"{name}: damaged TIFF: its strips or tiles are no part of the page ({found})"
    )


def _count_pixels(data: bytes, page: Any) -> int:
    """As many as the decoder would make of it."""
    if page.compression in JPEG_2000:  # its decoder tells the size when all is done
        return max(
            (_size_of_codestream(data, found.end()) for found in SIZ.finditer(data)), default=0
        )
    told = _ask_decoder(data, page)
    if page.compression in JPEG:  # a lossless one has a decoder that tells the size too late
        frames = (one for one in Segments(data).of(*FRAMES) if len(one) >= 5)
        told = max([told, *(math.prod(struct.unpack_from(">HH", one, 1)) for one in frames)])
    return told


def _size_of_codestream(data: bytes, at: int) -> int:
    """Of JPEG 2000, as ISO/IEC 15444-1 A.5.1 has it."""
    if at + 20 > len(data):
        return 0
    _, _, right, bottom, left, top = struct.unpack_from(">HHIIII", data, at)
    return max(0, right - left) * max(0, bottom - top)


def _ask_decoder(data: bytes, page: Any) -> int:
    """It compares the size that the data have with the array for them, before it fills it."""
    import tifffile

    decode = tifffile.TIFF.DECOMPRESSORS[page.compression]
    if page.compression in JPEG:
        import imagecodecs

        decode = imagecodecs.jpeg8_decode
    try:
        decode(data, out=np.empty((0,) * 6, page.dtype))
    except Exception as error:  # what is damaged is told by who decodes it
        told = TOLD.search(str(error))
        return math.prod(map(int, re.findall(r"\d+", told[1])[:2])) if told else 0
    return 0
