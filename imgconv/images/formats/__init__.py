"""The formats that come in and go out. A new one is one file, and one line in `ALL`."""

from __future__ import annotations

import os

from imgconv.errors import OutputError
from imgconv.text import show_name, suffix

from .avif import AVIF
from .bmp import BMP
from .foreign import explain_refusal, foreign
from .gif import GIF
from .heif import HEIF
from .jpeg import JPEG
from .jpegxl import JPEG_XL
from .microscopes import READ_ONLY
from .netpbm import PAM, PBM, PFM, PGM, PNM, PPM
from .npy import NPY
from .omezarr import OME_ZARR, holds, is_url
from .png import PNG
from .record import Format
from .tiff import TIFF
from .webp import WEBP

__all__ = [
    "ALL",
    "READABLE",
    "Format",
    "explain_refusal",
    "find_format",
    "folder_format",
    "foreign",
    "format_for",
    "is_url",
    "of_suffix",
    "sniff",
]

ALL: tuple[Format, ...] = (
    PNG, JPEG, TIFF, WEBP, AVIF, HEIF, JPEG_XL, BMP, GIF, PNM, PPM, PGM, PBM, PAM, PFM, NPY,
)  # fmt: skip

READABLE = (*ALL, OME_ZARR, *READ_ONLY)  # what makers of microscopes alone can write

_BY_SUFFIX = {ending: one for one in READABLE for ending in one.suffixes}
_BY_WORD = {ending[1:]: one for ending, one in _BY_SUFFIX.items()} | {
    one.name: one for one in READABLE
}


def names() -> str:
    """All formats, for a message."""
    return ", ".join(one.name for one in READABLE)


def suffixes() -> str:
    """The usual suffix of each format, for a message."""
    return ", ".join(one.suffix for one in ALL)


def sniff(head: bytes) -> Format | None:
    """The format that a file's first 32 bytes announce, or None."""
    return next((one for one in READABLE if one.recognises(head)), None)


def folder_format(name: str | os.PathLike[str]) -> Format | None:
    """The format of an image that is a folder or lies behind a URL, or None."""
    text = os.fspath(name)
    return OME_ZARR if holds(text) else None


def of_suffix(ending: str) -> Format | None:
    """The format that a suffix (".png", in any case) stands for, or None."""
    return _BY_SUFFIX.get(ending.lower())


def find_format(name: str) -> Format:
    """The format a user means by `name` ("png", ".PNG", "tif"). Raises OutputError."""
    import difflib

    key = name.lower().lstrip(".")
    if key in _BY_WORD:
        return _BY_WORD[key]
    near = difflib.get_close_matches(key, _BY_WORD, n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    raise OutputError(f"unknown format {name!r}: {hint}allowed are {names()}")


def format_for(target: str | os.PathLike[str], wanted: str | None, fallback: str) -> Format:
    """The format to write: the one asked for, else by the suffix, else the input's own."""
    if wanted:
        return find_format(wanted)
    if os.fspath(target) == "-":
        return find_format(fallback)
    ending = suffix(target)
    if known := of_suffix(ending):
        return known
    found = f"the suffix {ending!r} is unknown" if ending else "the name has no suffix"
    raise OutputError(
        f"{show_name(target)}: {found}; end the name in one of {suffixes()} or give `format`"
    )
