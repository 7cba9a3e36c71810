"""What there is to say of an image, without its pixels: one record."""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np

from imgconv.images import Info
from imgconv.images.formats.jpeg.tables import quality, subsampling
from imgconv.images.info import JpegTables, TiffLayout, words_of
from imgconv.images.metadata import iptc

EXIF_OFFSET, GPS_OFFSET = 0x8769, 0x8825  # tags that point at further tables


def describe(info: Info) -> dict[str, Any]:
    """The record without pixels; what is unknown or absent is left out."""
    record: dict[str, Any] = {
        "format": info.format,
        "name": info.name,
        "width": info.width,
        "height": info.height,
        "channels": info.channels,
        "alpha": info.alpha,
        "dtype": str(info.dtype),
        "source_dtype": info.source_dtype,
        "axes": info.axes,
        "shape": [int(n) for n in info.shape],
        "planes": info.planes,
        "compression": info.compression,
        "pixel_size": _pixel_size(info),
        "dpi": [round(d, 4) for d in info.dpi] if info.dpi else None,
        "software": info.software,
        "icc": _profile_name(info.icc) if info.icc else None,
        "exif": _exif(info.exif) if info.exif else None,
        "xmp_bytes": len(info.xmp) if info.xmp else None,
        "iptc": _iptc(info.iptc) if info.iptc else None,
        "text": dict(info.words),
        "png_colour": {
            kind.decode("latin-1"): _chunk(kind, data) for kind, data in info.png_colour
        },
        "background": list(info.background),
        "lut": _lut(info.lut) if info.lut else None,
        "duration_ms": info.duration,
        "loops": info.loops if info.duration is not None else None,
        "jpeg": _jpeg(info.jpeg) if info.jpeg else None,
        "tiff": _tiff(info),
    }
    return {name: value for name, value in record.items() if value not in _NOTHING}


_NOTHING: tuple[Any, ...] = (None, "", {}, [], "none")


def _jpeg(tables: JpegTables) -> dict[str, Any]:
    found = quality(tables)
    known = {"quality": found, "subsampling": subsampling(tables) if tables.sampling[1:] else None}
    return {name: value for name, value in known.items() if value is not None}


def _lut(table: bytes) -> dict[str, Any]:
    """How many entries, and the colours at its ends."""
    colours = np.frombuffer(table, np.uint16).reshape(3, -1) >> 8
    ends = {"first": colours[:, 0], "last": colours[:, -1]}
    named = {name: "#" + "".join(f"{int(c):02x}" for c in colour) for name, colour in ends.items()}
    return {"entries": colours.shape[1], **named}


def _chunk(kind: bytes, data: bytes) -> Any:
    """What a PNG says of its colours (PNG 3, section 11.3.2); other chunks by their length."""
    if kind == b"gAMA" and len(data) == 4:
        return struct.unpack(">I", data)[0] / 100_000
    if kind == b"cHRM" and len(data) == 32:
        return [value / 100_000 for value in struct.unpack(">8I", data)]
    if kind in (b"cICP", b"sRGB", b"sBIT"):
        return list(data)
    return f"{len(data)} bytes"


IPTC_NAMES = {
    5: "title", 25: "keywords", 40: "instructions", 55: "date", 80: "author", 90: "city",
    101: "country", 105: "headline", 110: "credit", 115: "source", 116: "copyright",
    120: "caption",
}  # fmt: skip
"""Of record 2, application (IPTC-IIM 4.2, chapter 6)."""


def _iptc(block: bytes) -> dict[str, Any]:
    """The entries by name ("2:7" without one); of several of a name a list."""
    data, at = iptc.records(block) or b"", 0
    found: dict[str, list[str]] = {}
    while data[at : at + 1] == b"\x1c" and at + 5 <= len(data):
        record, number, size = struct.unpack_from(">BBH", data, at + 1)
        if size & 0x8000:  # an extended entry, of more than 32 KB
            break
        value = data[at + 5 : at + 5 + size]
        name = IPTC_NAMES.get(number, f"2:{number}") if record == 2 else f"{record}:{number}"
        found.setdefault(name, []).append(_words(value))
        at += 5 + size
    several = {name: one if len(one) > 1 else one[0] for name, one in found.items()}
    return several or {"unreadable": f"{len(block)} bytes"}


def _words(value: bytes) -> str:
    text = words_of(value)
    return text if text.isprintable() or "\n" in text else f"{len(value)} bytes"


def _pixel_size(info: Info) -> dict[str, Any] | None:
    if info.pixel_size is None:
        return None
    x, y, unit = info.pixel_size
    return {"x": x, "y": y, "unit": unit}


def _tiff(info: Info) -> dict[str, Any]:
    layout = info.tiff
    if layout is None:
        return {}
    facts: dict[str, Any] = {
        "kind": layout.kind,
        "photometric": layout.photometric,
        "tile": list(layout.tile) if layout.tile else None,
        "planar": layout.planar or None,
        "bigtiff": layout.bigtiff or None,
        "byteorder": "big" if layout.byteorder == ">" else None,
        "predictor": layout.predictor if layout.predictor != 1 else None,
        "extrasamples": list(layout.extrasamples) or None,
        "description": layout.description or None,
    }
    return {name: value for name, value in facts.items() if value is not None} | _tags(layout)


def _tags(layout: TiffLayout) -> dict[str, Any]:
    """Texts and numbers of the tags that only pass through, by their names."""
    from tifffile import TIFF

    plain = {TIFF.TAGS.get(code, str(code)): value for code, _, _, value in layout.tags}
    return {name: value for name, value in plain.items() if isinstance(value, (str, int, float))}


def _profile_name(profile: bytes) -> str:
    from PIL import ImageCms

    try:
        opened = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        name = ImageCms.getProfileDescription(opened).strip()
    except (OSError, ImageCms.PyCMSError):
        name = ""
    return name or f"unnamed profile of {len(profile)} bytes"


def _exif(block: bytes) -> dict[str, Any]:
    """EXIF tags by name; long binary ones by their length."""
    import warnings
    from struct import error as CutOff

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's, of tags that it leaves out
            tags = _exif_tags(block)
    except (SyntaxError, ValueError, TypeError, LookupError, OSError, CutOff):
        return {"unreadable": f"{len(block)} bytes"}
    return {name: value for name, value in tags.items() if name not in ("ExifOffset", "GPSInfo")}


def _exif_tags(block: bytes) -> dict[str, Any]:
    from PIL import ExifTags, Image

    exif = Image.Exif()
    exif.load(block)
    tables = [(exif, ExifTags.TAGS), (exif.get_ifd(EXIF_OFFSET), ExifTags.TAGS)]
    tables.append((exif.get_ifd(GPS_OFFSET), ExifTags.GPSTAGS))
    return {
        names.get(tag, f"0x{tag:04x}"): _plain(value)
        for table, names in tables
        for tag, value in table.items()
    }


def _plain(value: Any) -> Any:
    """A tag's value as JSON has it."""
    if isinstance(value, bytes) and len(value) == 1:
        return value[0]  # a number of type BYTE
    if isinstance(value, bytes):
        short = value.isascii() and len(value) < 64
        return value.decode("ascii") if short else f"{len(value)} bytes"
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    if isinstance(value, (int, str)):
        return value
    number = float(value)
    return number if np.isfinite(number) else str(value)
