"""What a file that is none of ours seems to be, for the message."""

from __future__ import annotations

_FOREIGN: tuple[tuple[bytes, str], ...] = (
    (b"PK\x03\x04", "a ZIP archive"), (b"\x1f\x8b", "a gzip file"), (b"<?xml", "an XML file"),
    (b"<!DOCTYPE", "a web page"), (b"<html", "a web page"), (b"\x89HDF", "an HDF5 file"),
)  # fmt: skip
_KNOWN: tuple[tuple[bytes, str], ...] = (  # what it is, and what to do
    (b"v/1\x01", "an OpenEXR image: make it a TIFF of floats first (oiiotool makes one)"),
    (b"#?RADIANCE", "a Radiance HDR image: make it a TIFF of floats first (oiiotool)"),
    (b"#?RGBE", "a Radiance HDR image: make it a TIFF of floats first (oiiotool)"),
    (b"\0\0\0\x0cjP  ", "a JPEG 2000 image: save it as TIFF or PNG first"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 codestream: save it as TIFF or PNG first"),
    (b"8BPS", "a Photoshop file: save it as TIFF or PNG first"),
    (b"%PDF", "a PDF: make its pages PNG first (pdftoppm -png)"),
    (b"\0\0\1\0", "a Windows icon: save it as PNG first"),
    (b"qoif", "a QOI image: save it as PNG first"),
    (b"SIMPLE  =", "a FITS image: save its numbers as TIFF or .npy first (astropy)"),
    (b"II\xbc\x01", "a JPEG XR image: save it as TIFF or PNG first"),
)  # fmt: skip
_DICOM = "a DICOM file: save its pixels as TIFF or PNG first, with dcmtk's dcm2img or ImageJ"
_SVG = "an SVG drawing: make it a PNG first (rsvg-convert or Inkscape)"
_BEFORE_XML = b"\xef\xbb\xbf \t\r\n"  # byte-order mark and space

_RAW: tuple[tuple[bytes, str], ...] = (
    (b"FUJIFILMCCD-RAW", "Fujifilm's RAF"), (b"IIU\0", "Panasonic's RW2"),
    (b"IIRO", "Olympus' ORF"), (b"IIRS", "Olympus' ORF"), (b"MMOR", "Olympus' ORF"),
    (b"II\x1a\0\0\0HEAPCCDR", "Canon's CRW"), (b"FOVb", "Sigma's X3F"),
    (b"\0MRM", "Minolta's MRW"),
)  # fmt: skip
_BRANDS = {  # of files that begin with a box called ftyp
    b"crx ": "Canon's CR3", b"hevc": "a HEIC sequence of images", b"msf1": "a HEIF sequence",
    b"hevx": "a HEIC sequence of images",
}  # fmt: skip
DEVELOP = "a camera raw file ({}): develop it first, with darktable or the maker's program, to TIFF"


_MICROSCOPES: tuple[tuple[bytes, str], ...] = (
    (b"OLYMPUSRAWFORMAT", "an Olympus OIR image"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an OLE file, such as Olympus' OIB and Zeiss' ZVI are"),
)  # fmt: skip
BIO_FORMATS = (
    "{}: save it as OME-TIFF first, with Fiji (Plugins > Bio-Formats) or bfconvert IN OUT.ome.tif"
)


def explain_refusal(head: bytes) -> str:
    """For a file that is known but never read: what it is and what to do, else ""."""
    for magic, maker in _RAW:
        if head.startswith(magic):
            return DEVELOP.format(maker)
    for magic, words in _MICROSCOPES:
        if head.startswith(magic):
            return BIO_FORMATS.format(words)
    if head[4:12] == b"ftypcrx ":
        return DEVELOP.format(_BRANDS[b"crx "])
    if head[4:8] == b"ftyp" and head[8:12] in _BRANDS:
        return f"{_BRANDS[head[8:12]]}: save it as JPEG, PNG or AVIF first"
    if head[128:132] == b"DICM":
        return _DICOM
    if head.lstrip(_BEFORE_XML).startswith((b"<svg", b"<?xml", b"<!--")) and b"<svg" in head:
        return _SVG
    for magic, words in _KNOWN:
        if head.startswith(magic):
            return words
    if head[12:16] == b"CgBI":
        return "a PNG in Apple's own form (CgBI): make it a PNG again with pngcrush or Xcode"
    return ""


def foreign(head: bytes) -> str:
    """A guess by the first bytes, in words: "a PDF", "text"."""
    for magic, words in _FOREIGN:
        if head.startswith(magic):
            return words
    if head[4:8] == b"ftyp":
        return "a video"
    if head and all(byte in b"\t\n\r\f" or byte >= 32 for byte in head):
        return "text"
    return "data of an unknown kind"
