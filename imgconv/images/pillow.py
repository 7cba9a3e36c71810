"""WebP, BMP and GIF, in and out, through Pillow; and JPEG's CMYK and foreign tables.

Pillow's plugins are used directly: `Image.open` would import them all and apply a pixel limit of
its own.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from fractions import Fraction
from typing import Any, BinaryIO

import numpy as np

from imgconv.errors import InputError
from imgconv.text import SOFTWARE

from . import exif
from .info import Info
from .limits import Limits
from .options import WriteOptions
from .resolution import Resolution

QUALITY = 92
ANIMATION_LIMIT = 100_000  # frames


class Raster:
    """One WebP, BMP or GIF file."""

    def __init__(self, data: bytes, name: str, limits: Limits, kind: str) -> None:
        self.name, self.limits, self.kind = name, limits, kind
        self.notes: list[str] = []
        data = self._whole_bmp(data) if kind == "bmp" else data
        self.image = _plugin(kind)(io.BytesIO(data))
        frames = getattr(self.image, "n_frames", 1)
        width, height = self.image.size
        limits.check(name, height, width)
        self.mode = self._mode()
        block = self.image.info.get("exif")
        block = block.removeprefix(b"Exif\0\0") if block else None
        self.orientation = exif.orientation(block) if block else 1
        if self.orientation >= 5:
            height, width = width, height
        channels = len(self.mode) if self.mode != "LA" else 2
        self.frames = min(frames, ANIMATION_LIMIT)
        stack = (self.frames,) if self.frames > 1 else ()
        plane = (height, width) + ((channels,) if channels > 1 else ())
        self.info = Info(
            format=kind, dtype=np.dtype(np.uint8), height=height, width=width, channels=channels,
            alpha="straight" if self.mode in ("LA", "RGBA") else "none",
            axes="T" * len(stack) + ("YXS" if channels > 1 else "YX"), shape=stack + plane,
            compression={"webp": "webp", "gif": "lzw"}.get(kind, "none"),
            exif=exif.upright(block) if block else None,
            icc=self.image.info.get("icc_profile"), xmp=self.image.info.get("xmp"),
            resolution=self._resolution(), software=self._software(),
        )  # fmt: skip

    def planes(self) -> Iterator[np.ndarray]:
        for frame in range(self.frames):
            if self.frames > 1:
                self.image.seek(frame)
            pixels = np.asarray(self.image.convert(self.mode))
            yield exif.turn(pixels.reshape(*pixels.shape[:2], -1), self.orientation)

    def _mode(self) -> str:
        """The mode to convert to, with a note where that expands something."""
        mode = self.image.mode
        transparent = "transparency" in self.image.info
        if mode == "P" and not transparent and self._grey_palette():
            return "L"
        if mode == "P" or (mode == "L" and transparent):
            wanted = "RGBA" if transparent else "RGB"
            self.notes.append(f"palette expanded to {wanted}")
            return wanted
        if mode == "1":
            self.notes.append("1-bit samples became 0 and 255 in 8 bit")
            return "L"
        return mode if mode in ("L", "LA", "RGB", "RGBA") else "RGB"

    def _grey_palette(self) -> bool:
        colours = np.array(self.image.getpalette("RGB") or [0, 0, 1]).reshape(-1, 3)
        return bool((colours == colours[:, :1]).all())

    def _whole_bmp(self, data: bytes) -> bytes:
        """A BMP names its size: one that is shorter is truncated."""
        size = int.from_bytes(data[2:6], "little")
        start = int.from_bytes(data[10:14], "little")
        if start >= len(data):
            raise InputError(f"{self.name}: truncated or damaged BMP (it ends before its pixels)")
        if len(data) < size <= start + (1 << 32):
            self.limits.refuse_truncated(self.name, "BMP")
            if size > 64 * len(data):
                raise InputError(f"{self.name}: damaged BMP (too little of it is left)")
            self.notes.append("truncated: the missing part is black")
            data = data.ljust(size, b"\0")
        return data

    def _resolution(self) -> Resolution | None:
        dpi = self.image.info.get("dpi")
        if not dpi or min(dpi) <= 0:
            return None
        x, y = (Fraction(d).limit_denominator(10_000) for d in dpi)
        return Resolution(x, y, "inch")

    def _software(self) -> str:
        comment = self.image.info.get("comment", b"")
        text = comment.decode("utf-8", "replace") if isinstance(comment, bytes) else str(comment)
        return text if text.startswith("imgconv ") else ""


def cmyk_as_rgb(data: bytes) -> np.ndarray:
    """A CMYK JPEG (H, W, 3); Pillow knows that Adobe writes its inks inverted."""
    from PIL.JpegImagePlugin import JpegImageFile

    return np.asarray(JpegImageFile(io.BytesIO(data)).convert("RGB"))


def jpeg_with_tables(plane: np.ndarray, tables: list[list[int]], subsampling: int) -> bytes:
    """Encode a plane (H, W, 1 or 3) with given quantisation tables (libjpeg's 0, 1, 2)."""
    file = io.BytesIO()
    _image(plane).save(file, "JPEG", qtables=tables, subsampling=subsampling)
    return file.getvalue()


def write_webp(
    file: BinaryIO, planes: Iterator[np.ndarray], info: Info, options: WriteOptions
) -> None:
    """Write one plane (H, W, 1 to 4) of uint8; quality 100 is lossless."""
    (plane,) = planes
    quality = QUALITY if options.quality is None else options.quality
    image = _image(plane)
    image = image.convert("RGBA" if plane.shape[2] in (2, 4) else "RGB")
    _save(file, image, "WEBP", quality=quality, lossless=quality == 100, exact=True,
          exif=info.exif or b"", icc_profile=_rgb_profile(info), xmp=info.xmp or b"")  # fmt: skip


def write_bmp(
    file: BinaryIO, planes: Iterator[np.ndarray], info: Info, options: WriteOptions
) -> None:
    """Write one plane (H, W, 1 or 3) of uint8."""
    (plane,) = planes
    _save(file, _image(plane), "BMP", **({"dpi": info.dpi} if info.dpi else {}))


def write_gif(
    file: BinaryIO, planes: Iterator[np.ndarray], info: Info, options: WriteOptions
) -> None:
    """Write one plane (H, W, 1 or 3) of uint8, in at most 256 colours."""
    (plane,) = planes
    _save(file, _image(plane), "GIF", comment=SOFTWARE.encode("ascii"))


def _save(file: BinaryIO, image: Any, kind: str, **options: Any) -> None:
    """Through memory: standard output may be a pipe, in which Pillow cannot seek."""
    whole = io.BytesIO()
    image.save(whole, kind, **options)
    file.write(whole.getbuffer())


def _image(plane: np.ndarray) -> Any:
    from PIL import Image

    return Image.fromarray(plane[..., 0] if plane.shape[2] == 1 else plane)


def _rgb_profile(info: Info) -> bytes | None:
    return info.icc if info.icc and info.icc[16:20] == b"RGB " else None


def _plugin(kind: str) -> Any:
    if kind == "webp":
        from PIL.WebPImagePlugin import WebPImageFile

        return WebPImageFile
    if kind == "bmp":
        from PIL.BmpImagePlugin import BmpImageFile

        return BmpImageFile
    from PIL.GifImagePlugin import GifImageFile

    return GifImageFile
