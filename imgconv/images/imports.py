"""What reading and writing a format imports, by name: for those who import it ahead of threads.

A single file imports what it needs when it needs it. Names are those of `pkgutil.resolve_name`.
"""

from __future__ import annotations

import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from imgconv.text import suffix

from .formats import ALIASES, SUFFIXES, sniff

HEAD = 32  # bytes that tell the format
CODECS = tuple(  # imagecodecs has each in a library of its own, loaded at its first use
    f"imagecodecs:{codec}_decode"
    for codec in (
        "zlib", "deflate", "lzw", "ccittrle", "jpeg8", "zstd", "webp", "jpegxl", "jpeg2k", "lerc",
        "lzma", "png", "jpegxr",
    )
)  # fmt: skip
PILLOW = (  # it imports these plugins itself, whichever is wanted
    "imgconv.images.pillow", "PIL.BmpImagePlugin", "PIL.GifImagePlugin", "PIL.JpegImagePlugin",
    "PIL.PpmImagePlugin", "PIL.PngImagePlugin",
)  # fmt: skip
PROFILES = ("imagecodecs:cms_transform",)
READERS: dict[str, tuple[str, ...]] = {
    "png": ("imgconv.images.png", "imagecodecs:png_decode"),
    "jpeg": ("imgconv.images.jpeg", "imagecodecs:jpeg8_decode", *PILLOW),  # CMYK
    "tiff": ("imgconv.images.tiff", "tifffile", "xml.etree.ElementTree", *CODECS),
    "npy": ("imgconv.images.npy",),
    "pnm": ("imgconv.images.netpbm",),
    "pfm": ("imgconv.images.netpbm",),
    "webp": (*PILLOW, "PIL.WebPImagePlugin"),
    "bmp": PILLOW,
    "gif": PILLOW,
}
WRITERS: dict[str, tuple[str, ...]] = {
    "png": ("imgconv.images.pngwrite", "imagecodecs:deflate_encode", "isal.isal_zlib"),
    "jpeg": ("imgconv.images.jpegwrite", "imagecodecs:jpeg8_encode", *PILLOW),  # odd tables
    "tiff": ("imgconv.images.tiffwrite", *READERS["tiff"]),
} | {kind: READERS[kind] for kind in ("npy", "pnm", "pfm", "webp", "bmp", "gif")}


def imports_for(sources: Iterable[str], targets: Iterable[str]) -> Iterator[str]:
    """What it takes to read these files and to write those. A target whose name tells no format
    is written in that of its source; what comes through a pipe may be of any."""
    kinds = {kind for path in sources for kind in _kinds(path)}
    written = {SUFFIXES.get(suffix(path)) for path in targets}
    for kind in sorted(kinds):
        yield from READERS[kind]
    for kind in sorted({k for k in written if k} | (kinds if None in written else set())):
        yield from WRITERS[kind]
    yield "socket"  # whose name marks what is not whole yet


def imports_to_write(format: str | None, background: str | None) -> Iterator[str]:
    """What these options of writing need."""
    if format:
        yield from WRITERS.get(ALIASES.get(format.lower().lstrip("."), ""), ())
    if background:
        yield "PIL.ImageColor"


def _kinds(path: str) -> Iterable[str]:
    """The format of a file by its first bytes, and that of another with its name (a reference)."""
    if path == "-":
        return READERS
    try:
        if not stat.S_ISREG(Path(path).stat().st_mode):  # a named pipe: its bytes can be read once
            return READERS
        with Path(path).open("rb") as file:
            found = sniff(file.read(HEAD))
    except (OSError, ValueError):
        return ()
    return {kind for kind in (found, SUFFIXES.get(suffix(path))) if kind}
