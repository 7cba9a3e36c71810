"""The formats that come in and go out: their suffixes and the bytes they begin with."""

from __future__ import annotations

import os

from imgconv.errors import OutputError
from imgconv.text import shown, suffix

SUFFIXES: dict[str, str] = {
    ".png": "png", ".apng": "png",
    ".jpg": "jpeg", ".jpeg": "jpeg", ".jpe": "jpeg", ".jfif": "jpeg",
    ".tif": "tiff", ".tiff": "tiff", ".btf": "tiff", ".tf8": "tiff",
    ".webp": "webp",
    ".bmp": "bmp", ".dib": "bmp",
    ".gif": "gif",
    ".pgm": "pnm", ".ppm": "pnm", ".pnm": "pnm", ".pbm": "pnm", ".pam": "pnm",
    ".pfm": "pfm",
    ".npy": "npy",
}  # fmt: skip

FORMATS: tuple[str, ...] = tuple(dict.fromkeys(SUFFIXES.values()))

ALIASES: dict[str, str] = {s[1:]: f for s, f in SUFFIXES.items()} | {f: f for f in FORMATS}

DEFAULT_SUFFIX: dict[str, str] = {
    "png": ".png", "jpeg": ".jpg", "tiff": ".tif", "webp": ".webp", "bmp": ".bmp",
    "gif": ".gif", "pnm": ".ppm", "pfm": ".pfm", "npy": ".npy",
}  # fmt: skip

_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"II*\0", "tiff"), (b"MM\0*", "tiff"), (b"II+\0", "tiff"), (b"MM\0+", "tiff"),
    (b"BM", "bmp"),
    (b"GIF87a", "gif"), (b"GIF89a", "gif"),
    (b"\x93NUMPY", "npy"),
    (b"PF\n", "pfm"), (b"Pf\n", "pfm"), (b"PF\r\n", "pfm"), (b"Pf\r\n", "pfm"),
)  # fmt: skip

_FOREIGN: tuple[tuple[bytes, str], ...] = (
    (b"%PDF", "a PDF"), (b"PK\x03\x04", "a ZIP archive"), (b"\x1f\x8b", "a gzip file"),
    (b"<svg", "an SVG drawing"), (b"<?xml", "an XML file"), (b"<!DOCTYPE", "a web page"),
    (b"<html", "a web page"), (b"\x89HDF", "an HDF5 file"), (b"8BPS", "a Photoshop file"),
    (b"\0\0\x01\0", "a Windows icon"), (b"\0\0\0\x0cjP  ", "a JPEG 2000 image"),
    (b"\xff\x0a", "a JPEG XL image"), (b"\0\0\0\x0cJXL ", "a JPEG XL image"),
    (b"v/1\x01", "an OpenEXR image"), (b"#?RADIANCE", "a Radiance HDR image"),
    (b"qoif", "a QOI image"), (b"SIMPLE", "a FITS image"),
)  # fmt: skip


def sniff(head: bytes) -> str | None:
    """The format a file's first 32 bytes announce, or None."""
    for magic, name in _MAGIC:
        if head.startswith(magic):
            return name
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    if head[:1] == b"P" and head[1:2] in b"1234567" and head[2:3] in b" \t\r\n#":
        return "pnm"
    return None


def foreign(head: bytes) -> str:
    """What a file that is none of ours seems to be, for the message."""
    for magic, words in _FOREIGN:
        if head.startswith(magic):
            return words
    if head[4:8] == b"ftyp":
        return "a HEIF or AVIF image" if head[8:11] in (b"hei", b"mif", b"avi") else "a video"
    if head and all(byte in b"\t\n\r\f" or byte >= 32 for byte in head):
        return "text"
    return "data of an unknown kind"


def format_named(name: str) -> str:
    """The format a user means by `name` ("png", ".PNG", "tif")."""
    import difflib

    key = name.lower().lstrip(".")
    if key in ALIASES:
        return ALIASES[key]
    near = difflib.get_close_matches(key, ALIASES, n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    raise OutputError(f"unknown format {name!r}: {hint}allowed are {', '.join(FORMATS)}")


def format_for(target: str | os.PathLike[str], wanted: str | None, fallback: str) -> str:
    """The format to write: the one asked for, else by the suffix, else the input's own."""
    if wanted:
        return format_named(wanted)
    if os.fspath(target) == "-":
        return fallback
    ending = suffix(target)
    if ending in SUFFIXES:
        return SUFFIXES[ending]
    found = f"the suffix {ending!r} is unknown" if ending else "the name has no suffix"
    raise OutputError(
        f"{shown(target)}: {found}; end the name in one of {', '.join(DEFAULT_SUFFIX.values())} "
        "or give `format`"
    )
