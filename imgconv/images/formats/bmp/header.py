"""The header of a BMP: BITMAPFILEHEADER, then BITMAPINFOHEADER, one of its successors to V5, or
that of OS/2 2, which is as long as its writer liked.

https://learn.microsoft.com/windows/win32/api/wingdi/ns-wingdi-bitmapv5header
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from fractions import Fraction

from imgconv.errors import InputError
from imgconv.images.resolution import Resolution

OS2, OS2_2, INFO, V5 = 12, 64, 40, 124  # bytes of headers
USUAL = (OS2, INFO, 52, 56, OS2_2, 108, V5)  # which Pillow reads
RGB, RLE8, RLE4, BITFIELDS, JPEG, PNG, ALPHA_BITFIELDS = range(7)  # compressions
BITS = (0, 1, 2, 4, 8, 16, 24, 32)  # of a pixel; 0 where a JPEG or PNG says it
MOST_COLOURS = 256
ROUND = 3  # bytes at most that fill up a row
EMBEDDED, SRGB = b"DEBM", b"BGRs"  # where the colours are said
FIELDS = struct.Struct("<IiiHHIIiiII")
HIGH_COLOUR = (0x7C00, 0x03E0, 0x001F)  # the masks of 16 bit where none are said


@dataclass(frozen=True)
class Header:
    """What of it matters here."""

    start: int  # of the pixels
    size: int  # of the header itself
    width: int
    height: int
    bottom_up: bool
    bits: int
    compression: int
    masks: tuple[int, ...]  # red, green, blue and, 0 where there is none, alpha
    resolution: Resolution | None
    profile: bytes | None

    @property
    def is_os2(self) -> bool:
        """Of OS/2, where the larger numbers of compressions are others."""
        return self.size < INFO or self.size == OS2_2

    @property
    def stride(self) -> int:
        """Bytes of a row."""
        return (self.width * self.bits + 31) // 32 * 4

    @property
    def length(self) -> int | None:
        """Bytes of the file up to the last pixel; None where only decoding them tells."""
        if self.compression not in (RGB, BITFIELDS, ALPHA_BITFIELDS) or not self.bits:
            return None
        last = (self.width * self.bits + 7) // 8  # without what fills up the row
        return self.start + self.stride * (self.height - 1) + last if self.height else self.start

    @property
    def is_masked(self) -> bool:
        if self.is_os2:
            return False
        masked = self.compression in (BITFIELDS, ALPHA_BITFIELDS) and self.bits in (16, 32)
        return masked or (self.bits == 16 and self.compression == RGB)


def read(data: bytes, name: str) -> Header | None:
    """None for OS/2's first headers, and for what is cut off."""
    size = int.from_bytes(data[14:18], "little")
    if size <= OS2 or len(data) < 14 + min(size, V5):
        return None
    fields = data[14 : 14 + min(size, INFO)].ljust(INFO, b"\0")
    _, width, height, _, bits, compression, _, x, y, _, _ = FIELDS.unpack(fields)
    if width < 0 or bits not in BITS:
        raise InputError(f"{name}: damaged BMP (a width of {width}, {bits} bits a pixel)")
    return Header(
        int.from_bytes(data[10:14], "little"), size, abs(width), abs(height), height > 0, bits,
        compression, _masks(data, size, compression), _resolution(x, y), _profile(data, size),
    )  # fmt: skip


def with_usual(data: bytes, found: Header) -> bytes:
    """The file with a header that Pillow knows, and no more colours than there are."""
    fields = data[18 : 14 + min(found.size, INFO)].ljust(INFO - 4, b"\0")
    if found.size in USUAL and int.from_bytes(fields[28:32], "little") <= MOST_COLOURS:
        return data
    table = data[14 + found.size : found.start]
    fields = fields[:28] + struct.pack("<I", min(len(table) // 4, 1 << found.bits)) + fields[32:]
    start = 14 + INFO + len(table)
    head = struct.pack("<2sIHHII", b"BM", 0, 0, 0, start, INFO)
    return head + fields + table + data[found.start :]


def _masks(data: bytes, size: int, compression: int) -> tuple[int, ...]:
    if compression == RGB:
        return HIGH_COLOUR
    if len(data) < 70:
        return HIGH_COLOUR
    count = 4 if size >= 56 or compression == ALPHA_BITFIELDS else 3
    return struct.unpack_from(f"<{count}I", data, 54)


def _resolution(x: int, y: int) -> Resolution | None:
    return Resolution(Fraction(x), Fraction(y), "m") if x > 0 and y > 0 else None


def _profile(data: bytes, size: int) -> bytes | None:
    if size < V5 or data[70:74] != EMBEDDED:
        return None
    at, length = struct.unpack_from("<II", data, 14 + 112)
    return data[14 + at : 14 + at + length] or None


def write(
    width: int, height: int, channels: int, colours: int, known: Resolution | None, profile: bytes
) -> bytes:
    """A V5 header in front of so many colours of a table, then rows from the bottom up of 8, 24
    or 32 bit (B, G, R, A), then the profile."""
    bits, stride = 8 * channels, (width * channels + 3) // 4 * 4
    table, size = 4 * colours, stride * height
    start = 14 + V5 + table
    per_metre = known.per("m") if known else None
    x, y = (round(v) for v in (per_metre.x, per_metre.y)) if per_metre else (0, 0)
    compression, masks = RGB, (0, 0, 0, 0)
    if channels == 4:
        compression, masks = BITFIELDS, (0x00FF0000, 0x0000FF00, 0x000000FF, 0xFF000000)
    whole = start + size + len(profile)
    return (
        struct.pack("<2sIHHI", b"BM", whole, 0, 0, start)
        + FIELDS.pack(V5, width, height, 1, bits, compression, size, x, y, colours, 0)
        + struct.pack("<4I4s48x", *masks, EMBEDDED if profile else SRGB)
        + struct.pack("<IIII", 4, V5 + table + size if profile else 0, len(profile), 0)
    )
