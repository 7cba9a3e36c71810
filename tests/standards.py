"""Readers written after the text of a standard, where the libraries that read a format are known
to leave it: plain loops over plain samples, without a look at imgconv or at speed.

What they say is believed, whoever says something else.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

Reader = Callable[[Path], Iterator[np.ndarray]]


def reader_for(path: Path) -> Reader | None:
    """The one that this very file needs, if it needs one."""
    data = path.read_bytes()
    if data.startswith(b"\x89PNG") and b"acTL" in data:
        return by_png
    if data.startswith(b"BM") and _has_masks(data):
        return by_bmp
    if data[:4] in (b"II*\0", b"MM\0*") and _is_subsampled(path):
        return by_tiff
    return None


# PNG 3, sections 11.3.6 and 12: an animation's frames, each laid over what the last one left


def by_png(path: Path) -> Iterator[np.ndarray]:
    chunks = list(_chunks(path.read_bytes()))
    head = [(kind, content) for kind, content in chunks if kind in (b"IHDR", b"PLTE", b"tRNS")]
    kinds = [kind for kind, _ in chunks]
    announced = [content for kind, content in chunks if kind == b"acTL"]
    if len(announced) != 1 or kinds.index(b"acTL") > kinds.index(b"IDAT"):
        raise ValueError("no animation")
    (count,) = struct.unpack(">I", announced[0][:4])
    frames = list(_frames(chunks))[:count]
    if not 0 < count < 1 << 31 or len(frames) < count:
        raise ValueError("no valid count of frames")
    height, width = struct.unpack(">II", head[0][1][:8])[::-1]
    canvas = np.zeros((height, width, 4))
    for number, (control, data) in enumerate(frames):
        _, w, h, x, y, _, _, disposal, blending = struct.unpack(">IIIIIHHBB", control)
        part = _decoded(head, w, h, data)
        before, place = canvas.copy(), (slice(y, y + h), slice(x, x + w))
        canvas[place] = _over(part, canvas[place]) if blending else part
        yield np.rint(canvas * 65535).astype(np.uint16)
        if disposal == 1 or (disposal == 2 and not number):
            canvas[place] = 0
        elif disposal == 2:
            canvas = before


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 8
    while at + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        yield kind, data[at + 8 : at + 8 + length]
        at += 12 + length


def _frames(chunks: list[tuple[bytes, bytes]]) -> Iterator[tuple[bytes, bytes]]:
    """Control and compressed pixels; in the order of the file, in which numbers must rise."""
    control, pixels, awaited = b"", b"", 0
    for kind, content in [*chunks, (b"fcTL", b"")]:
        if kind in (b"fcTL", b"fdAT") and content:
            if int.from_bytes(content[:4], "big") != awaited:
                raise ValueError("a part out of order")
            awaited += 1
        if kind == b"fcTL":
            if control:
                yield control, pixels
            control, pixels = content, b""
        elif control:
            pixels += {b"IDAT": content, b"fdAT": content[4:]}.get(kind, b"")


def _decoded(head: list[tuple[bytes, bytes]], width: int, height: int, data: bytes) -> np.ndarray:
    """RGBA from 0 to 1 of a still image made of the frame."""
    import imagecodecs

    def chunk(kind: bytes, content: bytes) -> bytes:
        crc = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", crc)

    first = struct.pack(">II", width, height) + head[0][1][8:]
    parts = [(b"IHDR", first), *head[1:], (b"IDAT", data), (b"IEND", b"")]
    whole = b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*one) for one in parts)
    plane = imagecodecs.png_decode(whole).reshape(height, width, -1)
    alpha = plane[..., -1:] if plane.shape[2] in (2, 4) else None
    light = plane if alpha is None else plane[..., :-1]
    top = np.iinfo(plane.dtype).max
    alpha = np.full((height, width, 1), top) if alpha is None else alpha
    return np.concatenate([np.broadcast_to(light, (height, width, 3)), alpha], axis=2) / top


def _over(top: np.ndarray, under: np.ndarray) -> np.ndarray:
    """Section 13.16: both are straight, so colours weigh as much as they cover."""
    cover, below = top[..., 3:], under[..., 3:] * (1 - top[..., 3:])
    alpha = cover + below
    colour = top[..., :3] * cover + under[..., :3] * below
    colour = np.divide(colour, alpha, out=np.zeros_like(colour), where=alpha > 0)
    return np.concatenate([colour, alpha], axis=2)


# BITMAPINFOHEADER: each sample is what its mask shows, its full scale is all bits of the mask


def _has_masks(data: bytes) -> bool:
    size, bits, packing = _bmp_head(data)
    return size >= 40 and size != 64 and bits in (16, 32) and packing in (0, 3, 6)


def _bmp_head(data: bytes) -> tuple[int, int, int]:
    return struct.unpack_from("<I", data.ljust(70, b"\0"), 14) + struct.unpack_from(
        "<HI", data.ljust(70, b"\0"), 28
    )


def by_bmp(path: Path) -> Iterator[np.ndarray]:
    data = path.read_bytes()
    size, bits, packing = _bmp_head(data)
    start, width, height = struct.unpack_from("<I4xii", data, 10)
    masks = (0x7C00, 0x3E0, 0x1F) if bits == 16 else (0xFF0000, 0xFF00, 0xFF)
    if packing:
        masks = struct.unpack_from("<4I" if size >= 56 or packing == 6 else "<3I", data, 54)
    stride = (width * bits + 31) // 32 * 4
    rows = np.frombuffer(data, np.uint8, stride * abs(height), start).reshape(abs(height), stride)
    pixels = rows[:, : width * bits // 8].copy().view(f"<u{bits // 8}").astype(np.int64)
    shown = [(pixels & mask) * 65535 / mask for mask in masks if mask]
    plane = np.rint(np.stack(shown, axis=2)).astype(np.uint16)
    yield plane[::-1] if height > 0 else plane


# TIFF 6.0, section 21: in a data unit the luma of a block, row by row, then one Cb and one Cr


def _is_subsampled(path: Path) -> bool:
    try:
        page = _first_page(path)
        factors = page.tags.valueof(530, default=(2, 2))
        return page.photometric == 6 and page.compression == 1 and tuple(factors) != (1, 1)
    except Exception:
        return False


def _first_page(path: Path) -> Any:
    import tifffile

    return tifffile.TiffFile(io.BytesIO(path.read_bytes())).pages.first


def by_tiff(path: Path) -> Iterator[np.ndarray]:
    page, data = _first_page(path), path.read_bytes()
    wide, high = page.tags.valueof(530, default=(2, 2))
    height, width = page.imagelength, page.imagewidth
    plane = np.zeros((height + high, width + wide, 3))
    for strip, at in enumerate(page.dataoffsets):
        rows = min(page.rowsperstrip, height - strip * page.rowsperstrip)
        for top in range(0, rows, high):
            for left in range(0, width, wide):
                unit, at = data[at : at + wide * high + 2], at + wide * high + 2
                y = strip * page.rowsperstrip + top
                block = plane[y : y + high, left : left + wide]
                block[..., 0] = np.frombuffer(unit[:-2], np.uint8).reshape(high, wide)
                block[..., 1:] = np.frombuffer(unit[-2:], np.uint8)
    yield _rgb(plane[:height, :width], page)


def _rgb(plane: np.ndarray, page: Any) -> np.ndarray:
    red, green, blue = _ratios(page, 529) or (0.299, 0.587, 0.114)
    black, white = (_ratios(page, 532) or [0, 255])[:2]
    y = (plane[..., 0] - black) * 255 / (white - black)
    r = y + (plane[..., 2] - 128) * (2 - 2 * red)
    b = y + (plane[..., 1] - 128) * (2 - 2 * blue)
    rgb = np.stack([r, (y - red * r - blue * b) / green, b], axis=2)
    return np.rint(rgb).clip(0, 255).astype(np.uint8)


def _ratios(page: Any, code: int) -> list[float]:
    found = page.tags.valueof(code, default=())
    return [a / b for a, b in zip(found[::2], found[1::2], strict=True)]
