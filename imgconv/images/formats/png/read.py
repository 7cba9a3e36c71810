"""PNG in: the chunks walked here, the pixels decoded by libpng through imagecodecs.

https://www.w3.org/TR/png-3/ . Pillow is not imported: loading it costs more than decoding a photo.
"""

from __future__ import annotations

import contextlib
import struct
import zlib
from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from imgconv.errors import InputError
from imgconv.images.formats.content import Content
from imgconv.images.image import Image, one_row
from imgconv.images.info import Info
from imgconv.images.limits import Limits, Room
from imgconv.images.metadata import exif, iptc
from imgconv.images.metadata.blocks import deliver
from imgconv.images.notes import PROFILE_DROPPED, TRUNCATED
from imgconv.images.resolution import Resolution
from imgconv.text import Detail, Fact

from .animation import Animation, read_frames
from .chunks import (
    SIGNATURE,
    chunk,
    compressed_text,
    decode,
    inflate,
    international_text,
    is_whole,
    stream,
    text,
)  # fmt: skip
from .rows import LARGE, InOrder, Rows

SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # colour type -> samples per pixel
DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
TRANSPARENT = {0: (2,), 2: (6,), 3: range(1, 257)}  # colour type -> lengths of tRNS
COLOUR_CHUNKS = (
    b"gAMA", b"cHRM", b"sRGB", b"cICP", b"mDCV", b"cLLI", b"mDCv", b"cLLi",
)  # fmt: skip
LEFT_OUT = (b"sBIT", b"tIME", b"hIST", b"sPLT", b"oFFs", b"pCAL", b"sCAL", b"sTER", b"caBX")
INTERLACED = 2  # times as long as rows in order may interlaced ones be, with what is between
RAW_PROFILE = "Raw profile type "  # how ImageMagick and others keep EXIF, XMP and IPTC as text
XMP, XMP_HEADER = "XML:com.adobe.xmp", b"http://ns.adobe.com/xap/1.0/\0"
TEXTS = {b"tEXt": text, b"zTXt": compressed_text, b"iTXt": international_text}


class Png:
    """One PNG file: `info` and `notes` from its chunks, `planes()` decodes."""

    def __init__(self, data: bytes | Content, name: str, limits: Limits) -> None:
        self.data: memoryview | Content = memoryview(data) if isinstance(data, bytes) else data
        self.name, self.limits = name, limits
        self.first_shown = self.mended = False
        self.notes: list[str] = []
        self.room = Room()  # for what is compressed beside the pixels
        self.chunks = self._walk()
        info = self._read_info()
        self.images = self._frames(info) or [self._image(info)]

    def _image(self, info: Info) -> Image:
        """Large ones have regions, which take the rows in order."""
        rows = self._rows()
        if rows is None or self.orientation != 1:
            return Image(info, self._planes)
        return Image(info, self._planes, InOrder(rows).region, one_row, in_order=True)

    def _frames(self, info: Info) -> list[Image]:
        """The frames of an animation."""
        if b"acTL" not in self.chunks or not self.complete:
            return []
        if self.limits.stored:
            self.notes.append(Fact("animated PNG: only the first frame is read"))
            return []
        try:
            found = read_frames(self.chunks, self.shape, self.first_shown)
        except (ValueError, struct.error) as error:
            self.notes.append(
                Fact(f"its animation is damaged ({error}): its default picture is read")
            )
            return []
        return Animation(found, self.chunks, info, self.orientation, self.name).images

    def _planes(self) -> Iterator[np.ndarray]:
        yield exif.turn(self._pixels(), self.orientation)

    def _walk(self) -> dict[bytes, list[memoryview]]:
        """Every sound chunk's content by type; says whether the file ends before its time."""
        view, at = self.data, 8
        chunks: dict[bytes, list[memoryview]] = {}
        self.idat: list[slice] = []  # where their content lies
        while at + 12 <= len(view) and b"IEND" not in chunks:
            length, kind = struct.unpack(">I4s", view[at : at + 8])
            begin, at = at + 8, at + 12 + length
            if kind == b"IDAT":
                self.first_shown = b"fcTL" in chunks if not self.idat else self.first_shown
                self.idat.append(slice(begin, min(begin + length, len(view))))
            elif not (kind == b"acTL" and self.idat):  # late: then it is no animation
                content = memoryview(view[begin : begin + length])
                if at > len(view) or self._is_sound(kind, content, view[at - 4 : at]):
                    chunks.setdefault(kind, []).append(content)
        self.complete = b"IEND" in chunks and at <= len(view)
        if bytes(view[at : at + 8]) == SIGNATURE:
            self.notes.append(Fact("only the first of the several pictures in the file is read"))
        if b"acTL" in chunks:
            chunks[b"IDAT"] = self._contents()
        return chunks

    def _contents(self) -> list[memoryview]:
        """Those of the IDAT chunks, as far as they are there."""
        return [memoryview(self.data[part]) for part in self.idat]

    def _is_sound(self, kind: bytes, content: memoryview, checksum: bytes | memoryview) -> bool:
        """Compare the checksum (that of the pixels is left to libpng)."""
        if zlib.crc32(content, zlib.crc32(kind)) == int.from_bytes(checksum, "big"):
            return True
        word = kind.decode("latin-1")
        if kind[:1].isupper():
            raise InputError(f"{self.name}: damaged PNG (wrong checksum of its {word!a} chunk)")
        self.notes.append(Fact(f"the damaged {word!a} chunk was dropped"))
        return False

    def _read_info(self) -> Info:
        header = self.chunks.get(b"IHDR", [memoryview(b"")])[0]
        if len(header) != 13:
            raise InputError(f"{self.name}: the PNG header is damaged (no valid IHDR chunk)")
        width, height, depth, colour, packing, filters, interlace = struct.unpack(
            ">IIBBBBB", header
        )
        if depth not in DEPTHS.get(colour, ()) or packing or filters or interlace > 1:
            raise InputError(
                f"{self.name}: damaged PNG header (colour type {colour}, {depth} bit, methods "
                f"{packing}, {filters}, {interlace})"
            )
        if colour == 3 and self.limits.values == "labels":
            colour = self._without_palette(header)
        self.scale = 255 // (2**depth - 1) if depth < 8 and colour == 0 else 1
        bits = SAMPLES[colour] * depth
        self.limits.check(self.name, height, width)
        self.row_bytes = (width * bits + 7) // 8
        if not self.complete:
            self._check_end(height * self.row_bytes)
        self._check_amount(height * self.row_bytes)
        self.shape, self.interlaced, self.depth = (height, width), bool(interlace), depth
        transparent = self._is_transparent(colour)
        self._note_expansion(depth, colour, transparent)
        channels = (3 if colour == 3 else SAMPLES[colour]) + transparent
        text = self._text()
        profiles = self._profiles(text)
        block = bytes(self.chunks[b"eXIf"][0]) if b"eXIf" in self.chunks else profiles.get("exif")
        found = deliver(block, profiles.get("xmp"))
        self.orientation = found.orientation
        resolution = self._resolution() or found.resolution
        if self.orientation >= 5:
            height, width = width, height
            resolution = resolution.turn() if resolution else None
        self._note_left_out()
        return Info(
            format="png", dtype=np.dtype(np.uint16 if depth == 16 else np.uint8),
            height=height, width=width, channels=channels,
            alpha="straight" if channels in (2, 4) else "none",
            source_dtype=f"uint{depth}" if depth < 8 else "", compression="deflate",
            exif=found.exif, icc=self._icc(), xmp=found.xmp, iptc=profiles.get("iptc"),
            resolution=resolution, text=tuple(pair for pair in text if not _is_apart(pair[0])),
            software=dict(text).get("Software", ""),
            png_colour=tuple((k, bytes(self.chunks[k][0])) for k in COLOUR_CHUNKS
                             if k in self.chunks),
            background=self._background(colour, depth),
        )  # fmt: skip

    def _note_left_out(self) -> None:
        """Chunks of the standard's that have no place here; others are for their makers."""
        names = [kind.decode("ascii") for kind in LEFT_OUT if kind in self.chunks]
        if names:
            self.notes.append(Fact(f"the chunks {', '.join(names)} are left out"))

    def _background(self, colour: int, depth: int) -> tuple[int, ...]:
        """The colour that bKGD gives, in the samples that are delivered."""
        content = self.chunks.get(b"bKGD", [memoryview(b"")])[0]
        if colour == 3 and len(content) == 1:
            return tuple(self.chunks[b"PLTE"][0][3 * content[0] : 3 * content[0] + 3])
        if colour == 3 or len(content) != 2 * (
            SAMPLES[colour] if colour < 4 else SAMPLES[colour] - 1
        ):
            return ()
        return tuple(v * self.scale for v in struct.unpack(f">{len(content) // 2}H", content))

    def _without_palette(self, header: memoryview) -> int:
        """Grey in place of the palette: its numbers are all that is wanted."""
        self.chunks.pop(b"PLTE", None)
        self.chunks.pop(b"tRNS", None)
        self.chunks[b"IHDR"] = [memoryview(bytes((*header[:9], 0, *header[10:])))]
        self.notes.append(Detail("numbers are read, not the colours that the palette gives them"))
        return 0

    def _is_transparent(self, colour: int) -> bool:
        """Whether a valid tRNS chunk adds alpha; an invalid one is dropped."""
        length = len(self.chunks.get(b"tRNS", [b""])[0])
        allowed = TRANSPARENT.get(colour, ())
        entries = len(self.chunks.get(b"PLTE", [b""])[0]) // 3
        if length in allowed and (colour != 3 or length <= entries):
            return True
        self.chunks.pop(b"tRNS", None)
        return False

    def _check_amount(self, raw: int) -> None:
        """Deflate cannot shrink more than 1032 times: a header that promises more is a lie."""
        held = sum(part.stop - part.start for part in self.idat)
        if raw > 1032 * (held + 16) and not (self.limits.allow_truncated and held):
            raise InputError(
                f"{self.name}: truncated or damaged PNG: the header promises {raw:,} bytes of "
                f"pixels, the file holds {held:,} compressed ones"
            )

    def _check_end(self, raw: int) -> None:
        """A file that lacks its last chunk alone holds the whole picture."""
        if is_whole(self._contents(), INTERLACED * raw):
            self.notes.append(Fact("the chunk at its end is missing, the picture is whole"))
            self.complete = self.mended = True
            return
        self.limits.refuse_truncated(self.name, "PNG")
        self.notes.append(TRUNCATED)

    def _note_expansion(self, depth: int, colour: int, transparent: bool) -> None:
        if colour == 3:
            self.notes.append(Detail(f"palette expanded to {'RGBA' if transparent else 'RGB'}"))
        elif depth < 8 and not self.limits.stored:
            self.notes.append(Detail(f"{depth}-bit grey expanded to 8 bit"))
        if colour != 3 and transparent:
            self.notes.append(Detail("the transparent colour became an alpha channel"))

    def _rows(self) -> Rows | None:
        """What is large and stands in order; libpng does the rest, and what is damaged."""
        plain = self.depth >= 8 and b"PLTE" not in self.chunks and b"tRNS" not in self.chunks
        in_order = self.complete and not self.mended and not self.interlaced
        if not plain or not in_order or self.shape[0] * self.row_bytes < LARGE:
            return None
        dtype = np.dtype(np.uint8 if self.depth == 8 else np.uint16)
        channels = self.row_bytes // self.shape[1] // dtype.itemsize
        return Rows(self.data, self.idat, (*self.shape, channels), dtype)

    def _pixels(self) -> np.ndarray:
        if rows := self._rows():
            with contextlib.suppress(ValueError):  # then libpng says what is wrong
                return rows.whole()
        heads = [(k, self.chunks[k][0]) for k in (b"IHDR", b"PLTE", b"tRNS") if k in self.chunks]
        whole = stream(heads, self._whole_chunks())
        del heads, self.data, self.chunks  # one copy is enough
        pixels = decode(whole).reshape(*self.shape, -1)
        if self.scale > 1 and self.limits.stored:
            pixels[..., :1] //= self.scale  # libpng fills 8 bit; alpha is a number of its own
        return pixels

    def _whole_chunks(self) -> list[bytes | memoryview]:
        """The IDAT chunks with length and checksum."""
        if not self.complete:
            return [chunk(b"IDAT", self._readable_part())]
        if self.mended:
            return [chunk(b"IDAT", part) for part in self._contents()]
        return [self.data[part.start - 8 : part.stop + 4] for part in self.idat]

    def _readable_part(self) -> bytes:
        """A whole stream of what is there: the rows that can be inflated, then black ones."""
        if self.interlaced:
            raise InputError(f"{self.name}: nothing can be saved of a truncated interlaced PNG")
        size = self.shape[0] * (1 + self.row_bytes)
        rows = zlib.decompressobj().decompress(b"".join(self._contents()), size)
        return zlib.compress(rows.ljust(size, b"\0"), 1)

    def _profiles(self, text: list[tuple[str, str]]) -> dict[str, bytes]:
        """EXIF, XMP and IPTC, as far as they stand in text."""
        found: dict[str, bytes] = {}
        for key, value in text:
            if key == XMP:
                found["xmp"] = value.encode("utf-8")
            elif key.startswith(RAW_PROFILE):
                self._read_profile(key.removeprefix(RAW_PROFILE), value, found)
        return found

    def _read_profile(self, kind: str, text: str, found: dict[str, bytes]) -> None:
        content = iptc.from_text(text)
        if content is None:
            self.notes.append(Fact(f"the damaged {kind} profile in its text was dropped"))
        elif content.startswith(b"Exif\0\0"):
            found.setdefault("exif", content.removeprefix(b"Exif\0\0"))
        elif kind.lower() == "xmp" or content.startswith(XMP_HEADER):
            found.setdefault("xmp", content.removeprefix(XMP_HEADER))
        elif kind.lower() in ("iptc", "8bim"):
            found |= {"iptc": records} if (records := iptc.records(content)) else {}

    def _icc(self) -> bytes | None:
        if b"iCCP" not in self.chunks:
            return None
        _, _, rest = bytes(self.chunks[b"iCCP"][0]).partition(b"\0")
        profile = inflate(rest[1:], self.room)
        if profile is None:
            self.notes.append(PROFILE_DROPPED)
        return profile

    def _resolution(self) -> Resolution | None:
        phys = self.chunks.get(b"pHYs", [memoryview(b"")])[0]
        if len(phys) != 9:
            return None
        x, y, unit = struct.unpack(">IIB", phys)
        return Resolution(Fraction(x), Fraction(y), "m" if unit == 1 else "") if x and y else None

    def _text(self) -> list[tuple[str, str]]:
        """All text chunks in order of kind; damaged ones are dropped with a note."""
        pairs = [
            read(bytes(content), self.room)
            for kind, read in TEXTS.items()
            for content in self.chunks.get(kind, ())
        ]
        if None in pairs:
            self.notes.append(Fact("a text chunk that is damaged, or too large, was dropped"))
        return [pair for pair in pairs if pair is not None]


def software(data: bytes) -> str:
    """The Software text among the chunks before the pixels, "" where there is none."""
    at = 8
    while at + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        if kind == b"IDAT":
            break
        if kind == b"tEXt" and data[at + 8 : at + 17] == b"Software\0":
            return data[at + 17 : at + 8 + length].decode("latin-1")
        at += 12 + length
    return ""


def _is_apart(key: str) -> bool:
    """Whether a text is kept elsewhere than among the texts."""
    return key in (XMP, "Software") or key.startswith(RAW_PROFILE)
