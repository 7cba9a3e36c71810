"""JPEG in: the segments walked here, the pixels decoded by libjpeg-turbo through imagecodecs.

ITU-T T.81 (markers), JFIF (density), EXIF, ICC.1 annex B.4 (profiles in APP2), XMP part 3.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np

from imgconv.errors import InputError
from imgconv.images import colour
from imgconv.images.depth import full_range
from imgconv.images.image import Image
from imgconv.images.info import Info, JpegTables, words_of
from imgconv.images.limits import Limits
from imgconv.images.metadata import exif, iptc, xmp_extended
from imgconv.images.metadata.blocks import deliver
from imgconv.images.notes import LOOK, PROFILE_DROPPED
from imgconv.images.resolution import Resolution
from imgconv.text import Detail, Fact

from .segments import FRAMES, SCAN, Segments

EXIF, XMP, ICC = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0", b"ICC_PROFILE\0"
GAIN_MAP = (b"hdr-gain-map", b"HDRGainMap", b"urn:iso:std:iso:ts:21496")
OURS = b"imgconv "  # what our own comments begin with
ADOBE = b"Adobe"  # whose inks are inverted
PROGRESSIVE = 0xC2
NOISE = bytes(range(1, 251, 3))  # any bits; no marker among them
USUAL_SCANS = 16  # of a progressive JPEG
ZIGZAG = sorted(range(64), key=lambda n: (n // 8 + n % 8, n if (n // 8 + n % 8) % 2 else -n))


class Jpeg:
    """One JPEG file: `info` and `notes` from its segments, `planes()` decodes."""

    def __init__(self, data: bytes, name: str, limits: Limits) -> None:
        self.data, self.name, self.limits = data, name, limits
        self.notes: list[str] = []
        self.segments = Segments(data)
        self.images = [Image(self._read_info(), self._planes)]

    def _planes(self) -> Iterator[np.ndarray]:
        yield exif.turn(self._pixels(), self.orientation)

    def _read_info(self) -> Info:
        segments = self.segments
        frame = next(segments.of(*FRAMES), None)
        if frame is None or len(frame) < 6 or len(frame) < 6 + 3 * frame[5]:
            raise InputError(f"{self.name}: damaged JPEG (no valid frame header)")
        self.depth, height, width, self.components = struct.unpack_from(">BHHB", frame)
        if not 2 <= self.depth <= 16 or self.components not in (1, 3, 4):
            raise InputError(
                f"{self.name}: a {self.depth}-bit JPEG with {self.components} components; "
                "allowed are 1, 3 or 4 of 2 to 16 bit; convert it to TIFF with another program"
            )
        if self.depth not in (8, 16) and not self.limits.stored:
            self.notes.append(
                Detail(f"{self.depth}-bit samples scaled to {8 if self.depth < 8 else 16} bit")
            )
        self.data, height = segments.with_height()
        self.limits.check(self.name, height, width)
        self._check_amount(height * width)
        self._check_scans(height * width)
        self.shape = (height, width)
        self._check_end()
        self._note_companions()
        block, packet = next(iter(segments.app(0xE1, EXIF)), None), self._xmp()
        known = deliver(block, packet)
        self.orientation = known.orientation
        resolution = self._density() or known.resolution
        if self.orientation >= 5:
            height, width = width, height
            resolution = resolution.turn() if resolution else None
        comments = [bytes(s).rstrip(b"\0") for s in segments.of(0xFE)]
        profile = self._icc()
        if self.components == 4:
            given, self.inks, profile = self.limits.inks, self.limits.inks or profile, None
            self.notes.append(colour.note_of_inks(self.inks, given is not None))
        return Info(
            format="jpeg", dtype=np.dtype(self.dtype), height=height, width=width,
            channels=min(self.components, 3), compression="jpeg",
            exif=known.exif, icc=profile, xmp=known.xmp, iptc=self._iptc(), resolution=resolution,
            comments=tuple(one for one in comments if not one.startswith(OURS)),
            software=next((words_of(one) for one in comments if one.startswith(OURS)), ""),
            source_dtype="" if self.depth in (8, 16) else f"uint{self.depth}",
            jpeg=self._tables(frame) if self.components != 4 and self.depth == 8 else None,
        )  # fmt: skip

    def _check_end(self) -> None:
        """A file that lacks its last marker alone holds the whole picture; one that has it may
        have been cut off before, and closed by a program that did not see it."""
        if self.segments.ended:
            progressive = next(self.segments.of(PROGRESSIVE), None)
            if progressive is not None and not self.segments.has_all_scans():
                self._refuse_part("the last details are missing")
            return
        if self.segments.has_all_scans() and self._is_whole():
            self.notes.append(Fact("the marker at its end is missing, the picture is whole"))
            self.data += b"\xff\xd9"
            return
        self._refuse_part("the missing part is grey")

    def _refuse_part(self, what: str) -> None:
        self.limits.refuse_truncated(self.name, "JPEG")
        self.notes.append(f"truncated: {what}; {LOOK}")

    def _is_whole(self) -> bool:
        """Whether bits that are put behind its last ones change nothing."""
        end = len(self.data) - len(self.segments.behind) - 2 if self.segments.ended else None
        try:
            one, other = (
                self._decode(self.data[:end] + more + b"\xff\xd9") for more in (b"", NOISE)
            )
        except Exception:
            return False
        return bool((one == other).all())

    def _note_companions(self) -> None:
        """What the file holds besides its first picture."""
        behind = self.segments.behind
        marks = [bytes(s) for s in self.segments.of(0xE1, 0xE2)]
        if any(mark in segment for mark in GAIN_MAP for segment in marks):
            self.notes.append(Fact("its gain map (the lights for HDR screens) is left out"))
        elif any(segment.startswith(b"MPF\0") for segment in marks):
            self.notes.append(
                "only the first of its pictures (MPO) is read; exiftool takes the others out"
            )
        elif behind.lstrip(b"\0").startswith(b"\xff\xd8\xff"):
            self.notes.append(Fact("only the first of the several pictures in the file is read"))
        elif b"ftyp" in behind[:64]:
            self.notes.append(Fact("the film behind its picture is left out"))

    def _check_amount(self, pixels: int) -> None:
        """Each block of 64 samples takes at least a bit: a header that promises more is a lie."""
        if pixels > 1024 * len(self.data) and not self.limits.allow_truncated:
            raise InputError(
                f"{self.name}: truncated or damaged JPEG: the header promises {pixels:,} pixels, "
                f"the file holds {len(self.data):,} bytes"
            )

    def _check_scans(self, pixels: int) -> None:
        """Each scan passes over the whole picture, and may take next to no bytes."""
        scans = sum(1 for _ in self.segments.of(SCAN))
        if scans > USUAL_SCANS and pixels * scans // USUAL_SCANS > self.limits.max_pixels:
            raise InputError(
                f"{self.name}: {scans} scans of {pixels:,} pixels take as long as "
                f"{pixels * scans // USUAL_SCANS:,} pixels, the limit is "
                f"{self.limits.max_pixels:,}; raise it with "
                f"`max_pixels={pixels * scans // USUAL_SCANS}`"
            )

    @property
    def dtype(self) -> type[np.unsignedinteger[Any]]:
        return np.uint8 if self.depth <= 8 else np.uint16

    def _pixels(self) -> np.ndarray:
        if self.components == 4 and self.depth == 8:
            return self._cmyk()
        pixels = self._decode(self.data)
        # What libjpeg finds no bits for it makes middle grey.
        grey = (pixels[-1, -8:] == 1 << (self.depth - 1)).all()
        if self.segments.ended and grey and not self._is_whole():
            self._refuse_part("the missing part is grey")
        if self.depth not in (8, 16) and not self.limits.stored:
            pixels = full_range(pixels, self.depth)
        if self.components == 4:
            inverted = bool(self.segments.app(0xEE, ADOBE))
            pixels = colour.rgb_of_inks(~pixels if inverted else pixels, self.inks)
        return pixels

    def _decode(self, data: bytes) -> np.ndarray:
        """(H, W, 1 or 3); `out` holds libjpeg to the size that was read here."""
        import imagecodecs

        shape = (*self.shape, self.components)
        out = np.empty(shape if self.components > 1 else self.shape, self.dtype)
        return imagecodecs.jpeg8_decode(data, out=out).reshape(shape)

    def _cmyk(self) -> np.ndarray:
        """(H, W, 3); Pillow knows that Adobe writes its inks inverted."""
        from PIL.JpegImagePlugin import JpegImageFile

        image = JpegImageFile(io.BytesIO(self.data))
        if image.size[::-1] != self.shape:
            raise InputError(f"{self.name}: damaged JPEG (two frame headers of different sizes)")
        inks = np.asarray(image)
        return colour.rgb_of_inks(inks, self.inks)

    def _xmp(self) -> bytes | None:
        """The packet, together with what was too long for its segment."""
        packet = next(iter(self.segments.app(0xE1, XMP)), None)
        parts = self.segments.app(0xE1, xmp_extended.HEADER)
        if packet is None or not parts:
            return packet
        whole = xmp_extended.join(packet, parts)
        if whole is None:
            self.notes.append(Fact("the damaged second part of its XMP was dropped"))
        return whole or packet

    def _iptc(self) -> bytes | None:
        block = b"".join(self.segments.app(0xED, iptc.HEADER))
        if iptc.is_more(block):
            self.notes.append(Fact("Photoshop's resources (thumbnail, paths) are left out"))
        return iptc.records(block)

    def _icc(self) -> bytes | None:
        parts = sorted(part for part in self.segments.app(0xE2, ICC) if len(part) > 2)
        if not parts:
            return None
        if [part[0] for part in parts] != list(range(1, len(parts) + 1)):
            self.notes.append(PROFILE_DROPPED)
            return None
        return b"".join(part[2:] for part in parts)

    def _density(self) -> Resolution | None:
        """What JFIF says."""
        jfif = next(iter(self.segments.app(0xE0, b"JFIF\0")), b"")
        if len(jfif) < 7:
            return None
        unit, x, y = struct.unpack_from(">BHH", jfif, 2)
        names = {0: "", 1: "inch", 2: "cm"}
        if not x or not y or unit not in names or (unit == 0 and x == y):
            return None
        return Resolution(Fraction(x), Fraction(y), names[unit])

    def _tables(self, frame: memoryview) -> JpegTables | None:
        """The quantisation tables in natural order and each component's table and sampling."""
        tables: dict[int, tuple[int, ...]] = {}
        for segment in self.segments.of(0xDB):
            at = 0
            while at < len(segment):
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
        if data[at + 1] == 0xFE and data[at + 4 :].startswith(OURS):
            return words_of(data[at + 4 : at + 2 + length].rstrip(b"\0"))
        at += 2 + length
    return ""
