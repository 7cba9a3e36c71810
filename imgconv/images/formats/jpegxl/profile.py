"""ICC profiles of JPEG XL: imagecodecs' wrapper of libjxl has no word for them, pylibjxl's has, but
writes 8 bit only, and no grey with alpha.

In a codestream the profile stands packed between head and frames, and knows nothing of the image
(ISO/IEC 18181-1, annex E.4). So pylibjxl packs it behind the head of a tiny image, and from there
it goes behind the head of the image at hand, of any depth.
"""

from __future__ import annotations

from contextlib import suppress
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from . import header
from .boxes import find_codestream
from .signatures import CODESTREAM

INSTALL = "pip install 'imgconv[jpegxl]'"
TINY = ((8, 8), (8, 48), (9, 9), (520, 520))  # their heads end at four places of a byte
SPACES = {b"GRAY": 1, b"RGB ": 3}


def read_profile(data: bytes) -> bytes | None:
    """The ICC profile of a file's pixels; None where none can be read."""
    with suppress(ImportError, RuntimeError, ValueError):
        import pylibjxl

        _, known = pylibjxl.decode(data, metadata=True)
        return known.get("icc") or None
    return None


def encode_lossy(plane: np.ndarray, profile: bytes, distance: float) -> bytes:
    """A plane (H, W, 1, 3 or 4) of uint8: what may be lost is judged in the profile's colours."""
    import pylibjxl

    return bytes(pylibjxl.encode(np.ascontiguousarray(plane), distance=distance, icc=profile))


def find_hindrance(profile: bytes, plane: np.ndarray, lossy: bool) -> str:
    """Why the profile cannot go with a plane (H, W, C); "" if it can."""
    channels = plane.shape[2]
    if SPACES.get(profile[16:20]) != (1 if channels < 3 else 3):
        return "it is one of other channels"
    if lossy and channels == 2:
        return "grey with alpha and losses has no place for it"
    try:
        import pylibjxl  # noqa: F401
    except ImportError:
        return INSTALL
    return "" if lossy or _pack(profile) else "it is not sound"


def with_profile(codestream: bytes, profile: bytes) -> bytes:
    """The codestream of pixels that are kept to the bit, with the profile behind its head.

    Raises ValueError where its head is not of the simple kind that libjxl's wrapper writes.
    """
    packed = _pack(profile)
    for head in header.heads_for_profile(codestream):
        if packed and packed.fits_behind(len(head.bits)):
            return header.Head(head.bits + packed.bits, head.frames).join()
    raise ValueError("no place for the profile")


class Packed(NamedTuple):
    """A profile as libjxl packs it, bit by bit; its last bits, zeros, may be no part of it but fill
    a byte: then there are no more than `shortest`."""

    bits: list[int]
    shortest: int

    def fits_behind(self, start: int) -> bool:
        """Whether it fills the same bytes from bit `start` on, however long it is."""
        return (start + len(self.bits) + 7) // 8 == (start + self.shortest + 7) // 8


@lru_cache(8)
def _pack(profile: bytes) -> Packed | None:
    """Behind heads of several lengths, so that only few bits are doubtful; None where libjxl does
    not take the profile."""
    try:
        found = [_pack_behind(size, profile) for size in TINY]
    except (RuntimeError, ValueError):
        return None
    return Packed(min((bits for bits, _ in found), key=len), max(least for _, least in found))


def _pack_behind(size: tuple[int, int], profile: bytes) -> tuple[list[int], int]:
    """The bits between the head of a black image of that size and its frames, and how many of them
    are the profile's at least."""
    plane = np.zeros((*size, SPACES[profile[16:20]]), np.uint8)
    frames, known = header.take_apart(_encode(plane, None)).frames, _encode(plane, profile)
    if not known.endswith(frames):
        raise ValueError("other frames")
    bits = _bits(known[len(CODESTREAM) : len(known) - len(frames)])
    start = len(header.take_apart(known).bits)
    last = max(n for n, bit in enumerate(bits) if bit)
    return bits[start:], max(last + 1, len(bits) - 7) - start


def _encode(plane: np.ndarray, profile: bytes | None) -> bytes:
    import pylibjxl

    return find_codestream(bytes(pylibjxl.encode(plane, effort=1, lossless=True, icc=profile)))


def _bits(data: bytes) -> list[int]:
    return [byte >> n & 1 for byte in data for n in range(8)]
