"""What a user may ask of an output."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class WriteOptions:
    """Every field None means: as the input was, or the format's good default."""

    format: str | None = None  # "png", "jpg", ".tif", ...; else by suffix, else the input's
    quality: int | None = None  # JPEG and WebP, 1 to 100
    compression: str | None = None  # TIFF: none lzw deflate packbits zstd jpeg; PNG: 0 to 9
    depth: int | None = None  # 8, 16 (integers) or 32 (float32, 0 to 1)
    background: str | None = None  # colour under transparency where the format has no alpha
