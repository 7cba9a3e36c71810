"""What a file that is none of ours seems to be, for the message."""

from __future__ import annotations

_FOREIGN: tuple[tuple[bytes, str], ...] = (
    (b"%PDF", "a PDF"), (b"PK\x03\x04", "a ZIP archive"), (b"\x1f\x8b", "a gzip file"),
    (b"<svg", "an SVG drawing"), (b"<?xml", "an XML file"), (b"<!DOCTYPE", "a web page"),
    (b"<html", "a web page"), (b"\x89HDF", "an HDF5 file"), (b"8BPS", "a Photoshop file"),
    (b"\0\0\1\0", "a Windows icon"), (b"\0\0\0\x0cjP  ", "a JPEG 2000 image"),
    (b"v/1\x01", "an OpenEXR image"), (b"#?RADIANCE", "a Radiance HDR image"),
    (b"qoif", "a QOI image"), (b"SIMPLE", "a FITS image"),
)  # fmt: skip


def foreign(head: bytes) -> str:
    """A guess by the first 32 bytes, in words: "a PDF", "text"."""
    for magic, words in _FOREIGN:
        if head.startswith(magic):
            return words
    if head[4:8] == b"ftyp":
        return "a HEIF image" if head[8:11] in (b"hei", b"mif") else "a video"
    if head and all(byte in b"\t\n\r\f" or byte >= 32 for byte in head):
        return "text"
    return "data of an unknown kind"
