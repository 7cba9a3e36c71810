"""JPEG in: the segments walked here, the pixels decoded by libjpeg-turbo through imagecodecs.

ITU-T T.81 (markers), JFIF (density), EXIF, ICC.1 annex B.4 (profiles in APP2), XMP part 3.
"""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from imgconv.errors import InputError

from ... import colour
from ...image import Image
from ...info import Info, JpegTables
from ...limits import Limits
from ...metadata import exif
from ...resolution import Resolution

EXIF, XMP, ICC = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0", b"ICC_PROFILE\0"
FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")  # within entropy-coded data: not stuffed, not RST
ZIGZAG = sorted(range(64), key=lambda n: (n // 8 + n % 8, n if (n // 8 + n % 8) % 2 else -n))


class Jpeg:
    """One JPEG file: `info` and `notes` from its segments, `planes()` decodes."""

    def __init__(self, data: bytes, name: str, limits: Limits) -> None:
        self.data, self.name, self.limits = data, name, limits
        self.notes: list[str] = []
        self.segments: list[tuple[int, memoryview]] = []
        self.complete = self._walk()
        self.images = [Image(self._read_info(), self._planes)]

    def _planes(self) -> Iterator[np.ndarray]:
        yield exif.turn(self._pixels(), self.orientation)

    def _walk(self) -> bool:
        """Collect the segments; True when the end-of-image marker was reached."""
        view, at = memoryview(self.data), 2
        while at + 4 <= len(view):
            if view[at] != 0xFF:
                return False
            marker = view[at + 1]
            if marker == 0xFF:
                at += 1
                continue
            if marker == 0xD9:
                return True
            (length,) = struct.unpack_from(">H", view, at + 2)
            self.segments.append((marker, view[at + 4 : at + 2 + length]))
            at += 2 + max(length, 2)
            if marker == 0xDA:
                after = MARKER.search(self.data, at)
                if after is None:
                    return False
                at = after.start()
        return self.data[at : at + 2] == b"\xff\xd9"

    def _read_info(self) -> Info:
        frame = next((s for m, s in self.segments if m in FRAMES), None)
        if frame is None or len(frame) < 6 or len(frame) < 6 + 3 * frame[5]:
            raise InputError(f"{self.name}: damaged JPEG (no valid frame header)")
        depth, height, width, self.components = struct.unpack_from(">BHHB", frame)
        if depth != 8 or self.components not in (1, 3, 4):
            raise InputError(
                f"{self.name}: a {depth}-bit JPEG with {self.components} components; "
                "allowed are 8 bit with 1, 3 or 4; convert it to TIFF with another program"
            )
        self.limits.check(self.name, height, width)
        if not self.complete:
            self.limits.refuse_truncated(self.name, "JPEG")
            self.notes.append("truncated: the missing part is grey")
        self._check_amount(height * width)
        self.shape = (height, width)
        exif_block, resolution = self._exif(), self._resolution()
        if self.orientation >= 5:
            height, width = width, height
            resolution = resolution.turn() if resolution else None
        text = [_comment(s) for m, s in self.segments if m == 0xFE]
        if self.components == 4:
            self.inks = self._icc()
            self.notes.append(colour.note_of_inks(self.inks))
        return Info(
            format="jpeg", dtype=np.dtype(np.uint8), height=height, width=width,
            channels=min(self.components, 3), compression="jpeg",
            exif=exif_block, icc=None if self.components == 4 else self._icc(),
            xmp=self._app(0xE1, XMP), resolution=resolution,
            text=tuple(("Comment", t) for t in text if not t.startswith("imgconv ")),
            software=next((t for t in text if t.startswith("imgconv ")), ""),
            jpeg=self._tables(frame) if self.components != 4 else None,
        )  # fmt: skip

    def _check_amount(self, pixels: int) -> None:
        """Each block of 64 samples takes at least a bit: a header that promises more is a lie."""
        if pixels > 1024 * len(self.data) and not self.limits.allow_truncated:
            raise InputError(
                f"{self.name}: truncated or damaged JPEG: the header promises {pixels:,} pixels, "
                f"the file holds {len(self.data):,} bytes"
            )

    def _pixels(self) -> np.ndarray:
        import imagecodecs

        if self.components == 4:
            return self._cmyk()
        return imagecodecs.jpeg8_decode(self.data).reshape(*self.shape, -1)

    def _cmyk(self) -> np.ndarray:
        """(H, W, 3); Pillow knows that Adobe writes its inks inverted."""
        from PIL.JpegImagePlugin import JpegImageFile

        inks = np.asarray(JpegImageFile(io.BytesIO(self.data)))
        return colour.rgb_of_inks(inks, self.inks)

    def _app(self, marker: int, prefix: bytes) -> bytes | None:
        found = (s for m, s in self.segments if m == marker and s[: len(prefix)] == prefix)
        segment = next(found, None)
        return None if segment is None else bytes(segment[len(prefix) :])

    def _exif(self) -> bytes | None:
        block = self._app(0xE1, EXIF)
        self.orientation = exif.orientation(block) if block else 1
        return exif.upright(block) if block else None

    def _icc(self) -> bytes | None:
        start = len(ICC)
        parts = [s for m, s in self.segments if m == 0xE2 and s[:start] == ICC and len(s) > 14]
        parts.sort(key=lambda s: s[start])
        if not parts:
            return None
        if [s[start] for s in parts] != list(range(1, len(parts) + 1)):
            self.notes.append("the colour profile is damaged and was dropped")
            return None
        return b"".join(bytes(s[start + 2 :]) for s in parts)

    def _resolution(self) -> Resolution | None:
        jfif = self._app(0xE0, b"JFIF\0")
        if jfif is None or len(jfif) < 7:
            return None
        unit, x, y = struct.unpack_from(">BHH", jfif, 2)
        names = {0: "", 1: "inch", 2: "cm"}
        if not x or not y or unit not in names or (unit == 0 and x == y):
            return None
        return Resolution(Fraction(x), Fraction(y), names[unit])

    def _tables(self, frame: memoryview) -> JpegTables | None:
        """The quantisation tables in natural order and each component's table and sampling."""
        tables: dict[int, tuple[int, ...]] = {}
        for marker, segment in self.segments:
            at = 0
            while marker == 0xDB and at < len(segment):
                wide, index = segment[at] >> 4, segment[at] & 15
                kind = ">64H" if wide else "64B"
                if at + 1 + struct.calcsize(kind) > len(segment):
                    return None
                values = struct.unpack_from(kind, segment, at + 1)
                natural = sorted(zip(ZIGZAG, values, strict=True))
                tables[index] = tuple(v for _, v in natural)
                at += 1 + struct.calcsize(kind)
        parts = [frame[6 + 3 * n : 9 + 3 * n] for n in range(self.components)]
        if any(p[2] not in tables for p in parts):
            return None
        order = sorted({p[2] for p in parts})
        return JpegTables(
            quantisation=tuple(tables[n] for n in order),
            components=tuple(order.index(p[2]) for p in parts),
            sampling=tuple((p[1] >> 4, p[1] & 15) for p in parts),
        )


def software(data: bytes) -> str:
    """Our mark among the comments before the frame header, "" where there is none."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] not in FRAMES | {0xDA}:
        (length,) = struct.unpack_from(">H", data, at + 2)
        if data[at + 1] == 0xFE and data[at + 4 : at + 12] == b"imgconv ":
            return _comment(memoryview(data)[at + 4 : at + 2 + length])
        at += 2 + length
    return ""


def _comment(segment: memoryview) -> str:
    return bytes(segment).rstrip(b"\0").decode("utf-8", "replace")
