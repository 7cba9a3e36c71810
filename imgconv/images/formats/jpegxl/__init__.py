"""JPEG XL: the codestream through imagecodecs, the boxes around it (ISO/IEC 18181-2) here."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, BinaryIO

import numpy as np

from imgconv.errors import InputError, OutputError
from imgconv.images import samples
from imgconv.images.formats.record import Format, Reader, begins
from imgconv.images.image import Image, one_plane
from imgconv.images.info import Info
from imgconv.images.limits import METADATA, Limits
from imgconv.images.metadata.blocks import deliver, update, with_resolution
from imgconv.images.options import WriteOptions

from . import header

SIGNATURE = b"\0\0\0\x0cJXL \r\n\x87\n"
CODESTREAM = b"\xff\x0a"
FRAME = 100.0  # milliseconds of a frame of which no time is known
PRIMARIES = {  # those of JPEG XL, with its white, by the numbers of H.273
    (1, 1): 1, (9, 1): 9, (11, 1): 12, (11, 11): 11,
}  # fmt: skip
LINEAR = (b"cICP", bytes((1, header.LINEAR, 0, 1)))


class JpegXl:
    """One file. Types and channels are known only once it is decoded, so it is, when opened."""

    def __init__(self, data: bytes, name: str, limits: Limits) -> None:
        import imagecodecs

        self.name, self.limits = name, limits
        self.notes: list[str] = []
        boxes = list(_boxes(data, limits, name))
        codestream = b"".join(content for kind, content in boxes if kind == b"jxlc")
        limits.check(name, *header.size_of(codestream))
        height, width = header.size_of(codestream)
        self.colours = self._read_colours(codestream)
        pixels = imagecodecs.jpegxl_decode(data)
        frames = _frames(pixels, height, width)
        if len(frames) > 1:
            self.notes.append(f"the times of its frames are not read: {FRAME:g} ms each")
        self.images = [
            Image(self._info(frame, dict(boxes), len(frames)), partial(self._planes, frame))
            for frame in frames
        ]

    def _read_colours(self, codestream: bytes) -> tuple[tuple[bytes, bytes], ...]:
        """As a PNG says them in cICP, where they are not sRGB."""
        found = header.colours_of(codestream)
        if found.usual:
            return ()
        primaries = 1 if found.grey else PRIMARIES.get((found.primaries, found.white), 0)
        if found.profile or not found.named or not primaries:
            self.notes.append("its colour profile is not read")
            return ()
        if (primaries, found.curve) == (1, header.SRGB_CURVE):
            return ()
        return ((b"cICP", bytes((primaries, found.curve, 0, 1))),)

    def _info(self, frame: np.ndarray, boxes: dict[bytes, bytes], frames: int) -> Info:
        height, width, channels = frame.shape
        known = deliver(boxes.get(b"Exif", b"")[4:] or None, boxes.get(b"xml ") or None)
        return Info(
            format="jpegxl", dtype=samples.delivered_dtype(frame.dtype, self.name),
            height=height, width=width, channels=channels,
            alpha="straight" if channels in (2, 4) else "none", compression="jpegxl",
            source_dtype="" if frame.dtype in samples.KEPT else str(frame.dtype),
            exif=known.exif, xmp=known.xmp,
            resolution=known.resolution if known.orientation < 5 or known.resolution is None
            else known.resolution.turn(),
            duration=FRAME if frames > 1 else None, png_colour=self.colours,
        )  # fmt: skip

    def _planes(self, frame: np.ndarray) -> Iterator[np.ndarray]:
        yield samples.convert(frame, self.name, self.limits)


def _boxes(data: bytes, limits: Limits, name: str) -> Iterator[tuple[bytes, bytes]]:
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


def _frames(pixels: np.ndarray, height: int, width: int) -> list[np.ndarray]:
    """The frames (H, W, C) of what was decoded: (H, W), (H, W, C), or several of them."""
    sizes = ((height, width), (width, height))
    if pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[:2] in sizes):
        pixels = pixels[None]
    return [one.reshape(*one.shape[:2], -1) for one in pixels]


def _open(file: BinaryIO, name: str, limits: Limits) -> Reader:
    return JpegXl(file.read(), name, limits)


def _write(file: BinaryIO, images: Sequence[Image], options: WriteOptions) -> None:
    """Write one plane (H, W, 1 to 4), to the bit unless a quality below 100 is asked for."""
    import imagecodecs

    (image,) = images
    plane = one_plane(image)
    info = with_resolution(update(image.info, plane))
    plane = plane[..., 0] if plane.shape[2] == 1 else plane
    lossy: dict[str, Any] = {"lossless": True}
    if options.quality is not None and options.quality < 100:
        lossy = {"lossless": False, "distance": distance(options.quality)}
        if plane.dtype != np.uint8:
            raise OutputError(
                "JPEG XL is written with losses in 8 bit only: give `depth=8`, or no `quality`"
            )
    encoded = imagecodecs.jpegxl_encode(plane, usecontainer=True, **lossy)
    for kind, content in _boxes(bytes(encoded), Limits(), ""):
        if kind == b"jxlc" and LINEAR not in info.png_colour:
            content = header.as_srgb(content)
        file.write(struct.pack(">I4s", 8 + len(content), kind) + content)
    blocks = ((b"Exif", info.exif and bytes(4) + info.exif), (b"xml ", info.xmp))
    for kind, block in blocks:
        if block:
            file.write(struct.pack(">I4s", 8 + len(block), kind) + block)


def distance(quality: int) -> float:
    """The distance (1 is hardly visible) that libjxl takes a JPEG's quality for."""
    if quality >= 30:
        return 0.1 + (100 - quality) * 0.09
    return 53 / 3000 * quality**2 - 23 / 20 * quality + 25


JPEG_XL = Format(
    "jpegxl", (".jxl",), begins(CODESTREAM, SIGNATURE), _open, _write, depths=(8, 16, 32),
    alpha=True, keeps=frozenset({"exif", "xmp", "resolution"}),
    reads_with=("imagecodecs:jpegxl_decode", "imagecodecs:brotli_decode"),
    writes_with=("imagecodecs:jpegxl_encode",),
)  # fmt: skip
