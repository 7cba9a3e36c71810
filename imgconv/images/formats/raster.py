"""What Pillow reads: still images and animations, each frame with its own mode and duration.

Pillow's plugins are used directly: `Image.open` would import them all and apply a pixel limit of
its own.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import partial
from typing import Any, BinaryIO

import numpy as np

from imgconv.errors import InputError
from imgconv.images.image import Image, frames, records
from imgconv.images.info import Info
from imgconv.images.limits import Limits
from imgconv.images.metadata import exif
from imgconv.images.metadata.blocks import deliver, update, with_resolution
from imgconv.images.notes import BITS
from imgconv.images.resolution import Resolution
from imgconv.text import Detail

OURS = b"imgconv "  # what our own comments begin with
ANIMATION_LIMIT = 100_000  # frames
DENSEST = 4096  # pixels that a byte can stand for, as a string of LZW's table
SMALL, SHORT = 1 << 24, 1 << 30  # pixels of a canvas, and of all frames, that any file may have


class Raster:
    """One file, opened by a Pillow plugin (`plugin(file)` makes the image)."""

    def __init__(self, data: bytes, name: str, limits: Limits, kind: str, plugin: Any) -> None:
        self.name, self.limits, self.kind = name, limits, kind
        self.notes: list[str] = []
        self.image = plugin(io.BytesIO(data))
        width, height = self.image.size
        limits.check(name, height, width)
        block = self.image.info.get("exif")
        block = block.removeprefix(b"Exif\0\0") if block else None
        self.known = deliver(block, self.image.info.get("xmp"))
        self.orientation = self.known.orientation
        self._check_amount(width * height, len(data), SMALL)
        self.count = min(getattr(self.image, "n_frames", 1), ANIMATION_LIMIT)
        self._check_amount(width * height * self.count, len(data), SHORT)
        shared = self._shared_info()
        found = [self._mode_and_duration(n) for n in range(self.count)]
        self.mode = _widest([mode for mode, _ in found])
        self.images = [
            Image(self._frame_info(shared, duration), partial(self._planes, n))
            for n, (_, duration) in enumerate(found)
        ]

    def add_profile(self, icc: bytes | None) -> None:
        """One that Pillow does not read."""
        self.images = [replace(one, info=replace(one.info, icc=icc)) for one in self.images]

    def _check_amount(self, pixels: int, held: int, allowed: int) -> None:
        """A GIF that promises far more than its bytes can tell is a lie."""
        if self.kind == "gif" and pixels > DENSEST * held + allowed:
            raise InputError(
                f"{self.name}: damaged GIF: it promises {pixels:,} pixels, the file holds "
                f"{held:,} bytes"
            )

    def _shared_info(self) -> Info:
        """What holds for all frames."""
        width, height = self.image.size
        resolution = self._resolution()
        if self.orientation >= 5:
            height, width = width, height
            resolution = resolution.turn() if resolution else None
        return Info(
            format=self.kind, dtype=np.dtype(np.uint8), height=height, width=width, channels=1,
            compression={"gif": "lzw", "bmp": "none"}.get(self.kind, self.kind),
            exif=self.known.exif, icc=self.image.info.get("icc_profile"), xmp=self.known.xmp,
            resolution=resolution, comments=self._comments(), software=self.software,
            loops=int(self.image.info.get("loop", 1) or 0),
        )  # fmt: skip

    def _mode_and_duration(self, number: int) -> tuple[str, float | None]:
        if self.count == 1:
            return self._mode(), None
        self.image.seek(number)
        self.image.load()  # only then WebP and AVIF know how long it is shown
        return self._mode(), float(self.image.info.get("duration", 0) or 0)

    def _frame_info(self, shared: Info, duration: float | None) -> Info:
        alpha = "straight" if self.mode[-1] == "A" else "none"
        channels = len(self.mode)
        return replace(shared, channels=channels, alpha=alpha, duration=duration, axes="", shape=())

    def _planes(self, number: int) -> Iterator[np.ndarray]:
        if self.count > 1:
            self.image.seek(number)
        pixels = np.asarray(self.image.convert(self.mode))
        yield exif.turn(pixels.reshape(*pixels.shape[:2], -1), self.orientation)

    def _mode(self) -> str:
        """The mode to convert to, with a note where that expands something."""
        mode = self.image.mode
        transparent = "transparency" in self.image.info
        if mode == "P" and self._grey_palette():
            return "LA" if transparent else "L"
        if mode == "P" or (mode == "L" and transparent):
            wanted = "RGBA" if transparent else "RGB"
            self._note(Detail(f"palette expanded to {wanted}"))
            return wanted
        if mode == "1":
            self._note(BITS)
            return "L"
        return mode if mode in ("L", "LA", "RGB", "RGBA") else "RGB"

    def _note(self, words: str) -> None:
        if words not in self.notes:
            self.notes.append(words)

    def _grey_palette(self) -> bool:
        colours = np.array(self.image.getpalette("RGB") or [0, 0, 1]).reshape(-1, 3)
        return bool((colours == colours[:, :1]).all())

    def _resolution(self) -> Resolution | None:
        dpi = self.image.info.get("dpi")
        if not dpi or min(dpi) <= 0:
            return self.known.resolution
        x, y = (Fraction(d).limit_denominator(10_000) for d in dpi)
        return Resolution(x, y, "inch")

    def _comments(self) -> tuple[bytes, ...]:
        """Each; several of a GIF come in lines."""
        found = self.image.info.get("comment", b"")
        found = found.encode("utf-8") if isinstance(found, str) else found
        ours, _, others = found.partition(b"\n") if found.startswith(OURS) else (b"", b"", found)
        self.software = ours.decode("utf-8", "replace")
        return (others,) if others else ()


def _widest(modes: list[str]) -> str:
    """The mode that holds all frames: colour if one has it, alpha if one has it."""
    colour = "RGB" if any(mode.startswith("RGB") for mode in modes) else "L"
    return colour + ("A" if any(mode.endswith("A") for mode in modes) else "")


def pillow_image(plane: np.ndarray, transparent: str = "") -> Any:
    """The plane (H, W, C) of uint8 as Pillow's image; one with alpha in mode `transparent`."""
    from PIL import Image as PillowImage

    image = PillowImage.fromarray(plane[..., 0] if plane.shape[2] == 1 else plane)
    return image.convert(transparent) if transparent and plane.shape[2] in (2, 4) else image


def animation(
    images: Sequence[Image], converted: Callable[[np.ndarray], Any] = pillow_image
) -> tuple[Any, Info, dict[str, Any]]:
    """The first frame as Pillow's image, what is true of it as it is written, and the arguments
    that write the others after it."""
    planes = frames(images)
    first, info = next(planes)
    info = with_resolution(update(info, first))
    infos = records(images)
    if len(infos) == 1:
        return converted(first), info, {}
    others = (converted(plane) for plane, _ in planes)
    durations = [round(one.duration or 0) for one in infos]
    more = {"save_all": True, "append_images": others, "duration": durations}
    return converted(first), info, more | {"loop": info.loops}


def save(file: BinaryIO, image: Any, kind: str, **options: Any) -> None:
    """Through memory: standard output may be a pipe, in which Pillow cannot seek."""
    whole = io.BytesIO()
    image.save(whole, kind, **options)
    file.write(whole.getbuffer())
