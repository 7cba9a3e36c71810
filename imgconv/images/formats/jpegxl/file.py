"""A JPEG XL file: imagecodecs codes its pixels, the boxes around (ISO/IEC 18181-2) stand here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import BinaryIO

import numpy as np

from imgconv.errors import OutputError
from imgconv.images import samples
from imgconv.images.image import Image, one_plane
from imgconv.images.info import Info
from imgconv.images.limits import Limits
from imgconv.images.metadata.blocks import deliver, update, with_resolution
from imgconv.images.options import WriteOptions
from imgconv.text import Fact

from . import header
from .boxes import CONTAINER, read_boxes, write_box
from .profile import (
    INSTALL,
    encode_lossy,
    find_hindrance,
    read_profile,
    with_profile,
)  # fmt: skip

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
        boxes = list(read_boxes(data, limits, name))
        codestream = b"".join(content for kind, content in boxes if kind == b"jxlc")
        limits.check(name, *header.size_of(codestream))
        height, width = header.size_of(codestream)
        self.colours, self.icc = self._read_colours(codestream, data)
        pixels = imagecodecs.jpegxl_decode(data)
        frames = _frames(pixels, height, width)
        if len(frames) > 1:
            self.notes.append(Fact(f"the times of its frames are not read: {FRAME:g} ms each"))
        self.images = [
            Image(self._info(frame, dict(boxes), len(frames)), partial(self._planes, frame))
            for frame in frames
        ]

    def _read_colours(
        self, codestream: bytes, data: bytes
    ) -> tuple[tuple[tuple[bytes, bytes], ...], bytes | None]:
        """As a PNG says them in cICP where they have a name and are not sRGB, else as a profile."""
        found = header.colours_of(codestream)
        if found.usual:
            return (), None
        primaries = 1 if found.grey else PRIMARIES.get((found.primaries, found.white), 0)
        if found.profile or not found.named or not primaries:
            profile = read_profile(data)
            if not profile:
                self.notes.append(f"its colour profile is not read: {INSTALL}")
            return (), profile
        if (primaries, found.curve) == (1, header.SRGB_CURVE):
            return (), None
        return ((b"cICP", bytes((primaries, found.curve, 0, 1))),), None

    def _info(self, frame: np.ndarray, boxes: dict[bytes, bytes], frames: int) -> Info:
        height, width, channels = frame.shape
        known = deliver(boxes.get(b"Exif", b"")[4:] or None, boxes.get(b"xml ") or None)
        return Info(
            format="jpegxl", dtype=samples.delivered_dtype(frame.dtype, self.name),
            height=height, width=width, channels=channels,
            alpha="straight" if channels in (2, 4) else "none", compression="jpegxl",
            source_dtype="" if frame.dtype in samples.KEPT else str(frame.dtype),
            exif=known.exif, xmp=known.xmp, icc=self.icc,
            resolution=known.resolution if known.orientation < 5 or known.resolution is None
            else known.resolution.turn(),
            duration=FRAME if frames > 1 else None, png_colour=self.colours,
        )  # fmt: skip

    def _planes(self, frame: np.ndarray) -> Iterator[np.ndarray]:
        yield samples.convert(frame, self.name, self.limits)


def _frames(pixels: np.ndarray, height: int, width: int) -> list[np.ndarray]:
    """The frames (H, W, C) of what was decoded: (H, W), (H, W, C), or several of them."""
    sizes = ((height, width), (width, height))
    if pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[:2] in sizes):
        pixels = pixels[None]
    return [one.reshape(*one.shape[:2], -1) for one in pixels]


def write(file: BinaryIO, images: Sequence[Image], options: WriteOptions) -> None:
    """Write one plane (H, W, 1 to 4), to the bit unless a quality below 100 is asked for."""
    (image,) = images
    plane = one_plane(image)
    info = with_resolution(update(image.info, plane))
    lossy = _is_lossy(options)
    if lossy and plane.dtype != np.uint8:
        raise OutputError(
            "JPEG XL is written with losses in 8 bit only: give `depth=8`, or no `quality`"
        )
    profile = info.icc if info.icc and not find_hindrance(info.icc, plane, lossy) else None
    file.write(CONTAINER)
    for kind, content in read_boxes(
        _encode(plane, profile, options if lossy else None), Limits(), ""
    ):
        if kind == b"jxlc" and not lossy:
            content = _with_colours(content, profile, info)
        if kind in (b"jxll", b"jxlc"):  # the level, where it is not the lowest
            write_box(file, kind, content)
    write_box(file, b"Exif", info.exif and bytes(4) + info.exif)
    write_box(file, b"xml ", info.xmp)


def _encode(plane: np.ndarray, profile: bytes | None, lossy: WriteOptions | None) -> bytes:
    import imagecodecs

    flat = plane[..., 0] if plane.shape[2] == 1 else plane
    if lossy is None:
        return bytes(imagecodecs.jpegxl_encode(flat, usecontainer=True, lossless=True))
    far = distance(lossy.quality or 0)
    if profile:
        return encode_lossy(plane, profile, far)
    return bytes(imagecodecs.jpegxl_encode(flat, usecontainer=True, lossless=False, distance=far))


def _with_colours(codestream: bytes, profile: bytes | None, info: Info) -> bytes:
    """The codestream called what it is, and not linear light where it has more than 8 bit."""
    if profile:
        return with_profile(codestream, profile)
    return codestream if LINEAR in info.png_colour else header.as_srgb(codestream)


def doubts(plane: np.ndarray, info: Info, options: WriteOptions) -> list[str]:
    hindrance = find_hindrance(info.icc, plane, _is_lossy(options)) if info.icc else ""
    return [f"the colour profile is not kept in JPEG XL: {hindrance}"] if hindrance else []


def _is_lossy(options: WriteOptions) -> bool:
    return options.quality is not None and options.quality < 100


def distance(quality: int) -> float:
    """The distance (1 is hardly visible) that libjxl takes a JPEG's quality for."""
    if quality >= 30:
        return 0.1 + (100 - quality) * 0.09
    return 53 / 3000 * quality**2 - 23 / 20 * quality + 25
