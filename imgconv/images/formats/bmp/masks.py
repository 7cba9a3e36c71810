"""BMPs of 16 or 32 bit with masks, which Pillow knows the usual ones of and takes no alpha from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from imgconv.errors import InputError
from imgconv.images.image import Image
from imgconv.images.info import Info
from imgconv.images.limits import Limits
from imgconv.text import Fact

from .header import Header

FULL = 255


class Masked:
    """One file: each sample is the bits of a pixel that its mask shows, scaled to 8 bit."""

    def __init__(self, data: bytes, header: Header, name: str, limits: Limits) -> None:
        self.data, self.header, self.name = data, header, name
        limits.check(name, header.height, header.width)
        self.notes: list[str] = []
        self.masks = [mask for mask in header.masks if mask]
        if len(self.masks) not in (3, 4) or len(header.masks) < 3:
            raise InputError(f"{name}: damaged BMP (its masks are {header.masks})")
        if max(map(_top, self.masks)) > FULL:
            self.notes.append(Fact("samples of more than 8 bit rounded to 8"))
        limits.check_held(name, "BMP", header.length or 0, len(data))
        channels = len(self.masks)
        info = Info(
            "bmp", np.dtype(np.uint8), header.height, header.width, channels,
            alpha="straight" if channels == 4 else "none", compression="none",
            resolution=header.resolution,
        )  # fmt: skip
        self.images: Sequence[Image] = [Image(info, self._planes)]

    def add_profile(self, icc: bytes | None) -> None:
        """What a header says of the colours."""
        (image,) = self.images
        self.images = [replace(image, info=replace(image.info, icc=icc))]

    def _planes(self) -> Iterator[np.ndarray]:
        header, size = self.header, self.header.bits // 8
        length = header.stride * header.height
        body = self.data[header.start : header.start + length].ljust(length, b"\0")
        rows = np.frombuffer(body, np.uint8).reshape(header.height, header.stride)
        pixels = rows[:, : header.width * size].copy().view(f"<u{size}").astype(np.uint32)
        plane = np.stack([_samples(pixels, mask) for mask in self.masks], axis=2)
        yield plane[::-1] if header.bottom_up else plane


def _top(mask: int) -> int:
    """The largest number that the bits of a mask hold."""
    return mask >> ((mask & -mask).bit_length() - 1)


def _samples(pixels: np.ndarray, mask: int) -> np.ndarray:
    shift, top = (mask & -mask).bit_length() - 1, _top(mask)
    values = (pixels & np.uint32(mask)) >> np.uint32(shift)
    return ((values.astype(np.uint64) * FULL + top // 2) // top).astype(np.uint8)
