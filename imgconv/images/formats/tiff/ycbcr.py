"""YCbCr that no JPEG holds: TIFF 6.0, section 21."""

from __future__ import annotations

from typing import Any

import numpy as np

from imgconv.errors import InputError

COEFFICIENTS, SUBSAMPLING, REFERENCE = TAGS = 529, 530, 532
BT601 = (0.299, 0.587, 0.114)
RAW = (1, 5, 8, 32773, 32946, 34925, 50000)  # none, LZW, deflate, PackBits, LZMA, Zstandard
SUBSAMPLED = "YCbCr of another layout than 8 bit in one plane"


def is_raw(page: Any) -> bool:
    """Whether samples come as YCbCr, not converted by a decoder."""
    return page.compression in RAW


def is_subsampled(page: Any) -> bool:
    return is_raw(page) and _factors(page) != (1, 1) and page.photometric == 6


def to_rgb(plane: np.ndarray, page: Any) -> np.ndarray:
    """(H, W, 3 and more) of unsigned integers, as the tags' coefficients and references say."""
    top = float(np.iinfo(plane.dtype).max)
    red, green, blue = _numbers(page, COEFFICIENTS, BT601)
    half = (top + 1) / 2
    low_y, high_y, low_b, high_b, low_r, high_r = _numbers(
        page, REFERENCE, (0, top, half, top, half, top)
    )
    y = (plane[..., 0].astype(np.float32) - low_y) * (top / (high_y - low_y))
    cb = (plane[..., 1].astype(np.float32) - low_b) * ((half - 1) / (high_b - low_b))
    cr = (plane[..., 2].astype(np.float32) - low_r) * ((half - 1) / (high_r - low_r))
    r = y + cr * (2 - 2 * red)
    b = y + cb * (2 - 2 * blue)
    g = (y - blue * b - red * r) / green
    out = plane.copy()
    out[..., :3] = np.rint(np.stack([r, g, b], axis=-1)).clip(0, top)
    return out


def read(page: Any, name: str) -> np.ndarray:
    """The samples (H, W, 3) of a page with fewer chroma than luma, each repeated for its block."""
    import tifffile

    if page.bitspersample != 8 or page.planarconfig != 1 or page.predictor != 1:
        raise InputError(f"{name}: {SUBSAMPLED} cannot be read; save it as RGB")
    unpack = tifffile.TIFF.DECOMPRESSORS[page.compression] if page.compression != 1 else bytes
    high, wide = page.rowsperstrip, page.imagewidth
    if page.is_tiled:
        high, wide = page.tilelength, page.tilewidth
    out = np.zeros((page.imagelength, page.imagewidth, 3), np.uint8)
    across = -(-page.imagewidth // wide)
    file = page.parent.filehandle
    for number, (offset, count) in enumerate(
        zip(page.dataoffsets, page.databytecounts, strict=True)
    ):
        top, left = number // across * high, number % across * wide
        rows = high if page.is_tiled else min(high, page.imagelength - top)
        file.seek(offset)
        part = _segment(unpack(file.read(count)), rows, wide, _factors(page))
        room = out[top : top + rows, left : left + wide]
        room[:] = part[: room.shape[0], : room.shape[1]]
    return out


def _segment(data: bytes, rows: int, columns: int, factors: tuple[int, int]) -> np.ndarray:
    """A strip or tile (rows, columns, 3) of blocks: the luma row by row, then one Cb and Cr."""
    wide, high = factors
    down, across, luma = -(-rows // high), -(-columns // wide), wide * high
    blocks = np.frombuffer(data, np.uint8)[: down * across * (luma + 2)]
    blocks = blocks.reshape(down, across, luma + 2)
    out = np.empty((down * high, across * wide, 3), np.uint8)
    y = blocks[..., :luma].reshape(down, across, high, wide)
    out[..., 0] = y.transpose(0, 2, 1, 3).reshape(out.shape[:2])
    out[..., 1:] = blocks[..., luma:].repeat(high, 0).repeat(wide, 1)
    return out[:rows, :columns]


def _factors(page: Any) -> tuple[int, int]:
    """How many columns and rows share a chroma sample."""
    wide, high = page.tags.valueof(SUBSAMPLING, default=(2, 2))
    return int(wide), int(high)


def _numbers(page: Any, code: int, usual: tuple[float, ...]) -> list[float]:
    """A tag's values, fractions as pairs; the usual ones where it is not there."""
    found = page.tags.valueof(code)
    if found is None:
        return list(usual)
    if len(found) == 2 * len(usual):
        return [top / (under or 1) for top, under in zip(found[::2], found[1::2], strict=True)]
    return [float(value) for value in found]
