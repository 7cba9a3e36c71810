"""EXIF blocks: the orientation read and reset in place.

A block is a small TIFF file. Rewriting it through a library would move the maker's notes, whose
offsets nobody can repair; so the two facts that filtering makes untrue are patched where they
stand: the orientation (it has been applied) and the link to the thumbnail (it shows the old image).
"""

from __future__ import annotations

import struct

import numpy as np

ORIENTATION = 0x0112
SOFTWARE = 0x0131


def orientation(block: bytes) -> int:
    """1 to 8 as EXIF counts them; 1 (upright) where the block says nothing or nonsense."""
    value = 1
    for tag, kind, _count, at in _entries(block):
        if tag == ORIENTATION and kind == 3:
            value = struct.unpack_from(_order(block) + "H", block, at)[0]
    return value if 1 <= value <= 8 else 1


def upright(block: bytes) -> bytes:
    """The block with orientation 1 and without its thumbnail."""
    patched = bytearray(block)
    order = _order(block)
    end = 0
    for tag, kind, _count, at in _entries(block):
        end = at + 4
        if tag == ORIENTATION and kind == 3:
            struct.pack_into(order + "H", patched, at, 1)
    if end and end + 4 <= len(patched):
        struct.pack_into(order + "I", patched, end, 0)
    return bytes(patched)


def turn(plane: np.ndarray, how: int) -> np.ndarray:
    """The plane (H, W, C) as orientation `how` (1 to 8) wants it shown, C-contiguous."""
    if how >= 5:
        plane = plane.swapaxes(0, 1)
    if how in (3, 4, 7, 8):
        plane = plane[::-1]
    if how in (2, 3, 6, 7):
        plane = plane[:, ::-1]
    return np.ascontiguousarray(plane)


def _order(block: bytes) -> str:
    return ">" if block[:2] == b"MM" else "<"


def _entries(block: bytes) -> list[tuple[int, int, int, int]]:
    """(tag, type, count, offset of the value field) of each entry of the first directory."""
    order = _order(block)
    if len(block) < 14 or block[:2] not in (b"II", b"MM"):
        return []
    (start,) = struct.unpack_from(order + "I", block, 4)
    if start + 2 > len(block):
        return []
    (count,) = struct.unpack_from(order + "H", block, start)
    if start + 2 + 12 * count > len(block):
        return []
    at = range(start + 2, start + 2 + 12 * count, 12)
    return [(*struct.unpack_from(order + "HHI", block, a), a + 8) for a in at]
