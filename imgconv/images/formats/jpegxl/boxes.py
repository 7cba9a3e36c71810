"""The boxes around a JPEG XL codestream (ISO/IEC 18181-2): its metadata, each block with a type."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO

from imgconv.errors import InputError
from imgconv.images.limits import METADATA, Limits

from .signatures import BOXES, CODESTREAM

CONTAINER = BOXES + b"\0\0\0\x14ftypjxl \0\0\0\0jxl "


def read_boxes(data: bytes, limits: Limits, name: str) -> Iterator[tuple[bytes, bytes]]:
    """Type and content of each box; parts of the codestream are all called jxlc."""
    if data.startswith(CODESTREAM):
        yield b"jxlc", data
        return
    at = 0
    while at + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        head = 16 if size == 1 else 8
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, at + 8)
        end = at + size if size else len(data)
        if end > len(data) or end < at + head:
            raise InputError(f"{name}: truncated or damaged JPEG XL (its box {kind!a} is cut off)")
        content = data[at + head : end]
        if kind == b"brob":
            import imagecodecs

            kind, content = content[:4], bytes(imagecodecs.brotli_decode(content[4:], out=METADATA))
        yield (b"jxlc", content[4:]) if kind == b"jxlp" else (kind, content)
        at = end


def find_codestream(data: bytes) -> bytes:
    """Of a file that this program has made."""
    return b"".join(content for kind, content in read_boxes(data, Limits(), "") if kind == b"jxlc")


def write_box(file: BinaryIO, kind: bytes, content: bytes | None) -> None:
    if content:
        file.write(struct.pack(">I4s", 8 + len(content), kind) + content)
