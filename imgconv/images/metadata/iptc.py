"""IPTC-IIM records, and Photoshop's image resources in which JPEG and others keep them.

IPTC-IIM 4.2; Adobe Photoshop File Formats Specification, "Image Resources Section".
"""

from __future__ import annotations

import re
import struct

HEADER = b"Photoshop 3.0\0"  # of JPEG's segment APP13
IPTC = 0x0404
DERIVED = frozenset({0x03ED, 0x0406, 0x0425, IPTC})  # resolution, quality, digest: said elsewhere


def resources(block: bytes) -> dict[int, bytes]:
    """Number and content of each resource of a block; of a damaged one what comes before that."""
    found: dict[int, bytes] = {}
    at = 0
    while block[at : at + 4] == b"8BIM" and at + 12 <= len(block):
        (number,) = struct.unpack_from(">H", block, at + 4)
        start = at + 6 + (block[at + 6] + 2) // 2 * 2  # behind its name, of even length in all
        if start + 4 > len(block):
            break
        (size,) = struct.unpack_from(">I", block, start)
        if start + 4 + size > len(block):
            break
        found.setdefault(number, block[start + 4 : start + 4 + size])
        at = start + 4 + (size + 1) // 2 * 2
    return found


def resource(records: bytes) -> bytes:
    """IPTC records as a block of one resource."""
    return (
        struct.pack(">4sHHI", b"8BIM", IPTC, 0, len(records)) + records + b"\0" * (len(records) % 2)
    )


def records(block: bytes) -> bytes | None:
    """IPTC's records, whether they stand alone or as a resource; None if there are none."""
    if block.startswith(b"8BIM"):
        return resources(block).get(IPTC) or None
    return block if block[:1] == b"\x1c" else None


def is_more(block: bytes) -> bool:
    """Whether there are resources that say what nothing else does: paths, thumbnails, guides."""
    return bool(set(resources(block)) - DERIVED)


def from_text(text: str) -> bytes | None:
    """The bytes of a PNG's "Raw profile type": name, length, and hexadecimal digits."""
    found = re.fullmatch(r"\s*\S+\s+(\d+)\s+([0-9a-fA-F\s]*)", text)
    try:
        content = bytes.fromhex(found[2]) if found else b""
    except ValueError:
        return None
    return content if found and len(content) == int(found[1]) else None


def to_text(name: str, content: bytes) -> str:
    """The same, written."""
    digits = content.hex()
    lines = [digits[at : at + 72] for at in range(0, len(digits), 72)]
    return "\n".join([f"\n{name}", f"{len(content):8}", *lines, ""])
