"""EXIF blocks: facts read, and patched in place where they would be untrue.

A block is a small TIFF file. Rewriting it through a library would move the maker's notes, whose
offsets nobody can repair; so what filtering makes untrue is patched where it stands: the
orientation (it has been applied), the link to the thumbnail (it shows the old image), the size and
the resolution. Tags by their numbers in CIPA DC-008 (EXIF 2.32).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from imgconv.images.resolution import Resolution, ratio_of_32_bits

ORIENTATION, SOFTWARE, X_RESOLUTION, Y_RESOLUTION, UNIT = 0x0112, 0x0131, 282, 283, 296
EXIF, INTEROPERABILITY, COLOUR_SPACE, UNCALIBRATED = 0x8769, 0xA005, 0xA001, 0xFFFF
WIDTHS, HEIGHTS = (256, 0xA002), (257, 0xA003)  # ImageWidth, PixelXDimension; and so on
INTEGERS = {1: "B", 3: "H", 4: "I"}  # by the numbers of types
ASCII, RATIONAL = 2, 5
WORDS = (270, 271, 272, 306, 315, 33432)  # description, maker, model, time, author, copyright
ELSEWHERE = (ORIENTATION, SOFTWARE, X_RESOLUTION, Y_RESOLUTION, UNIT, 256, 257, 531)
UNITS = {2: "inch", 3: "cm"}


class Entry(NamedTuple):
    """One tag; its value, or the place of it, is at offset `at` of the block."""

    tag: int
    type: int
    number: int  # of values
    at: int


def orientation(block: bytes) -> int | None:
    """1 to 8 as EXIF counts them, in whatever type; None where nothing is said, or nonsense."""
    value = _number(block, ORIENTATION)
    return value if value is not None and 1 <= value <= 8 else None


def upright(block: bytes) -> bytes:
    """The block with orientation 1 and without its thumbnail."""
    patched = bytearray(block)
    entries = list(_first_entries(block))
    for entry in entries:
        if entry.tag == ORIENTATION:
            _put(patched, entry, 1)
    behind = entries[-1].at + 4 if entries else len(patched)
    if behind + 4 <= len(patched):
        struct.pack_into(_order(block) + "I", patched, behind, 0)
    return bytes(patched)


def resolution(block: bytes) -> Resolution | None:
    """What XResolution, YResolution and ResolutionUnit say."""
    found = {entry.tag: entry for entry in _first_entries(block)}
    x, y = (_ratio(block, found.get(tag)) for tag in (X_RESOLUTION, Y_RESOLUTION))
    unit = UNITS.get(_number(block, UNIT) or 2, "")
    return Resolution(x, y, unit) if x and y else None


def update(block: bytes, height: int, width: int, known: Resolution | None) -> bytes:
    """The block with this size, and this resolution where it names one."""
    patched = bytearray(block)
    ratio = known and (known if known.unit in ("inch", "cm") else known.per("inch"))
    for entry in (*_first_entries(block), *_entries(block, _number(block, EXIF) or 0)):
        if entry.tag in WIDTHS:
            _put(patched, entry, width)
        elif entry.tag in HEIGHTS:
            _put(patched, entry, height)
        elif ratio and entry.tag == UNIT:
            _put(patched, entry, 2 if ratio.unit == "inch" else 3)
        elif ratio and entry.tag in (X_RESOLUTION, Y_RESOLUTION):
            value = ratio.x if entry.tag == X_RESOLUTION else ratio.y
            if _ratio(block, entry) != value:
                _put_ratio(patched, entry, value)
    return bytes(patched)


def of_resolution(known: Resolution) -> bytes | None:
    """A block that says nothing else, for formats without a place of their own."""
    ratio = known if known.unit in ("inch", "cm") else known.per("inch")
    if ratio is None:
        return None
    unit = 2 if ratio.unit == "inch" else 3
    entries = ((X_RESOLUTION, RATIONAL, 50), (Y_RESOLUTION, RATIONAL, 58), (UNIT, 3, unit))
    rows = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in entries)
    values = struct.pack("<4I", *ratio_of_32_bits(ratio.x), *ratio_of_32_bits(ratio.y))
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + rows + bytes(4) + values


def with_resolution(block: bytes, known: Resolution) -> bytes:
    """The block, whose first directory names the resolution if it did not: then a longer copy of
    that directory stands at the end, and all that others point at stays in its place."""
    ratio = known if known.unit in ("inch", "cm") else known.per("inch")
    entries = list(_first_entries(block))
    if ratio is None or not entries or resolution(block):
        return block
    order, start = _order(block), len(block) + len(block) % 2
    names = (X_RESOLUTION, Y_RESOLUTION, UNIT)
    rows = {e.tag: block[e.at - 8 : e.at + 4] for e in entries if e.tag not in names}
    values = start + 2 + 12 * (len(rows) + 3) + 4
    unit = struct.pack(order + "HHIHH", UNIT, 3, 1, 2 if ratio.unit == "inch" else 3, 0)
    rows |= {
        X_RESOLUTION: struct.pack(order + "HHII", X_RESOLUTION, RATIONAL, 1, values),
        Y_RESOLUTION: struct.pack(order + "HHII", Y_RESOLUTION, RATIONAL, 1, values + 8),
        UNIT: unit,
    }
    sides = (*ratio_of_32_bits(ratio.x), *ratio_of_32_bits(ratio.y))
    return (
        block[:4] + struct.pack(order + "I", start) + block[8:].ljust(start - 8, b"\0")
        + struct.pack(order + "H", len(rows)) + b"".join(rows[tag] for tag in sorted(rows))
        + bytes(4) + struct.pack(order + "4I", *sides)
    )  # fmt: skip


def words(block: bytes) -> dict[int, bytes]:
    """What the first directory says of the picture in words: see `WORDS`."""
    found = {}
    for entry in _first_entries(block):
        if entry.tag in WORDS and entry.type == ASCII and entry.number:
            at = entry.at if entry.number <= 4 else _integer(block, entry._replace(type=4)) or 0
            found[entry.tag] = block[at : at + entry.number].split(b"\0")[0]
    return {tag: value for tag, value in found.items() if value.strip()}


def has_more(block: bytes) -> bool:
    """Whether it says more than words, and what is told elsewhere or true of its file alone."""
    return any(entry.tag not in (*WORDS, *ELSEWHERE) for entry in _first_entries(block))


def colour_space(block: bytes) -> str:
    """What a camera announces: "adobe", "unknown" where it is not sRGB and nothing more is said,
    else "". Adobe RGB is (DCF 2.0) uncalibrated with an interoperability other than sRGB's R98."""
    found = {entry.tag: entry for entry in _entries(block, _number(block, EXIF) or 0)}
    space = found.get(COLOUR_SPACE)
    if space is None or _integer(block, space) not in (UNCALIBRATED, 2):
        return ""
    link = found.get(INTEROPERABILITY)
    if link is None:
        return "unknown"
    names = [block[e.at : e.at + 3] for e in _entries(block, _integer(block, link) or 0)
             if e.tag == 1]  # fmt: skip
    return "" if b"R98" in names else "adobe"


def as_srgb(block: bytes) -> bytes:
    """The block of an image whose colours became sRGB."""
    patched = bytearray(block)
    for entry in _entries(block, _number(block, EXIF) or 0):
        if entry.tag == COLOUR_SPACE:
            _put(patched, entry, 1)
        elif entry.tag == INTEROPERABILITY:
            for one in _entries(block, _integer(block, entry) or 0):
                if one.tag == 1 and one.type == ASCII:
                    patched[one.at : one.at + 4] = b"R98\0"
    return bytes(patched)


def turn(plane: np.ndarray, how: int) -> np.ndarray:
    """The plane (H, W, C) as orientation `how` (1 to 8) wants it shown, C-contiguous."""
    if how >= 5:
        plane = plane.swapaxes(0, 1)
    if how in (3, 4, 7, 8):
        plane = plane[::-1]
    if how in (2, 3, 6, 7):
        plane = plane[:, ::-1]
    return np.ascontiguousarray(plane)


def _order(block: bytes) -> str:
    return ">" if block[:2] == b"MM" else "<"


def _first_entries(block: bytes) -> Iterator[Entry]:
    """Those of the first directory."""
    if len(block) >= 14 and block[:2] in (b"II", b"MM"):
        yield from _entries(block, struct.unpack_from(_order(block) + "I", block, 4)[0])


def _entries(block: bytes, start: int) -> Iterator[Entry]:
    """Those of the directory at `start`; none where it does not lie within the block."""
    order = _order(block)
    if not 8 <= start <= len(block) - 2:
        return
    (count,) = struct.unpack_from(order + "H", block, start)
    if start + 2 + 12 * count > len(block):
        return
    for at in range(start + 2, start + 2 + 12 * count, 12):
        tag, kind, number = struct.unpack_from(order + "HHI", block, at)
        yield Entry(tag, kind, number, at + 8)


def _number(block: bytes, tag: int) -> int | None:
    """The integer that the first directory gives for the tag."""
    entry = next((entry for entry in _first_entries(block) if entry.tag == tag), None)
    return None if entry is None else _integer(block, entry)


def _integer(block: bytes, entry: Entry) -> int | None:
    kind = INTEGERS.get(entry.type)
    return struct.unpack_from(_order(block) + kind, block, entry.at)[0] if kind else None


def _put(block: bytearray, entry: Entry, value: int) -> None:
    """Replace an integer by one that its type holds."""
    kind = INTEGERS.get(entry.type)
    if kind and value < 256 ** struct.calcsize(kind):
        struct.pack_into(_order(bytes(block[:2])) + kind, block, entry.at, value)


def _ratio(block: bytes, entry: Entry | None) -> Fraction | None:
    if entry is None or entry.type != RATIONAL:
        return None
    (at,) = struct.unpack_from(_order(block) + "I", block, entry.at)
    if at + 8 > len(block):
        return None
    top, under = struct.unpack_from(_order(block) + "II", block, at)
    return Fraction(top, under) if under else None


def _put_ratio(block: bytearray, entry: Entry, value: Fraction) -> None:
    order = _order(bytes(block[:2]))
    (at,) = struct.unpack_from(order + "I", block, entry.at)
    if entry.type == RATIONAL and 8 <= at <= len(block) - 8:
        struct.pack_into(order + "II", block, at, *ratio_of_32_bits(value))
