"""The frames of an animated PNG, each as it is shown: https://www.w3.org/TR/png-3/#apng-frame ."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import numpy as np

from imgconv.images.image import Image
from imgconv.images.info import Info
from imgconv.images.metadata import exif

from .chunks import chunk, decode, stream

TO_BACKGROUND, TO_PREVIOUS = 1, 2  # what becomes of a frame's place when it has been shown
OVER = 1  # how a frame is laid on: over what is there, or (0) in its place
FRAME = struct.Struct(">IIIIIHHBB")
Chunks = Mapping[bytes, Sequence[memoryview]]


class Frame(NamedTuple):
    """A part of the canvas, as an fcTL chunk describes it."""

    number: int
    width: int
    height: int
    x: int
    y: int
    delay: int  # a fraction of a second
    per: int
    disposal: int
    blending: int

    @property
    def place(self) -> tuple[slice, slice]:
        return slice(self.y, self.y + self.height), slice(self.x, self.x + self.width)

    @property
    def duration(self) -> float:
        """Milliseconds."""
        return 1000 * self.delay / (self.per or 100)

    def fits(self, sides: tuple[int, int]) -> bool:
        """Whether it lies on a canvas of this height and width."""
        height, width = sides
        return 0 < self.width <= width - self.x and 0 < self.height <= height - self.y


def read_frames(chunks: Chunks, sides: tuple[int, int], first_shown: bool) -> list[Frame]:
    """The frames of an animation on a canvas of `sides` (height, width); `first_shown`: the
    picture in IDAT is the first. Raises ValueError where they are not sound; that picture may be
    so all the same."""
    (count, *_), *others = (struct.unpack_from(">II", one) for one in chunks[b"acTL"])
    if others or not 0 < count < 1 << 31:
        raise ValueError("no valid count of its frames")
    if any(len(one) != FRAME.size for one in chunks.get(b"fcTL", ())):
        raise ValueError("a frame's header of another length")
    found = sorted(Frame(*FRAME.unpack(one)) for one in chunks.get(b"fcTL", ()))
    parts = (int.from_bytes(one[:4], "big") for one in chunks.get(b"fdAT", ()))
    numbers = sorted([*parts, *(frame.number for frame in found)])
    if not found or numbers != list(range(len(numbers))):
        raise ValueError("a part is missing or there twice")
    if not all(frame.fits(sides) for frame in found):
        raise ValueError("a frame lies outside the image")
    ends = [*(frame.number for frame in found[1:]), len(numbers)]
    bare = [end == frame.number + 1 for frame, end in zip(found, ends, strict=True)]
    if bare[0] != first_shown or any(bare[1:]) or len(found) < count:
        raise ValueError("a frame without pixels")
    return found[:count]


class Animation:
    """Frames of `chunks`, laid over each other on a canvas of what `info` says."""

    def __init__(
        self, frames: list[Frame], chunks: Chunks, info: Info, orientation: int, name: str
    ) -> None:
        self.frames, self.chunks, self.orientation, self.name = frames, chunks, orientation, name
        sides = (info.height, info.width)
        self.sides = sides if orientation < 5 else sides[::-1]
        self.decoded = info.channels
        # What a frame leaves bare is transparent.
        bare = info.alpha == "none" and any(self._leaves_bare(one) for one in self.frames)
        self.channels = info.channels + bare
        (loops,) = struct.unpack_from(">4xI", chunks[b"acTL"][0])
        shared = replace(info, channels=self.channels, axes="", shape=(), loops=loops,
                         alpha="straight" if self.channels in (2, 4) else "none")  # fmt: skip
        self.images = [
            Image(replace(shared, duration=frame.duration), partial(self._planes, number))
            for number, frame in enumerate(self.frames)
        ]
        self.shown = 0  # how many frames were laid on the canvas
        self.canvas = np.zeros(0)

    def _leaves_bare(self, frame: Frame) -> bool:
        part = (frame.height, frame.width) != self.sides
        first = frame is self.frames[0]
        return (first and part) or frame.disposal == TO_BACKGROUND or (
            first and frame.disposal == TO_PREVIOUS)  # fmt: skip

    def _planes(self, number: int) -> Iterator[np.ndarray]:
        if number < self.shown or not self.shown:
            self.shown = 0
            dtype = np.uint16 if self._header()[8] == 16 else np.uint8
            self.canvas = np.zeros((*self.sides, self.channels), dtype)
        while self.shown < number:
            self._lay(self.shown)
            self.shown += 1
        yield exif.turn(self._lay(number, keep=True), self.orientation)

    def _lay(self, number: int, keep: bool = False) -> np.ndarray:
        """The canvas with a frame on it; `keep`: the canvas itself stays as it is."""
        frame = self.frames[number]
        shown = self.canvas.copy()
        room = shown[frame.place]
        pixels = self._pixels(number)
        room[:] = _over(pixels, room) if frame.blending == OVER else pixels
        if keep:
            return shown
        left = shown.copy()
        if frame.disposal == TO_BACKGROUND or (frame.disposal == TO_PREVIOUS and number == 0):
            left[frame.place] = 0
        elif frame.disposal == TO_PREVIOUS:
            left = self.canvas
        self.canvas = left
        return shown

    def _pixels(self, number: int) -> np.ndarray:
        """A frame alone (h, w, C)."""
        frame = self.frames[number]
        after = (one.number for one in self.frames[number + 1 :])
        last = next(after, 1 << 32)
        numbered = ((struct.unpack_from(">I", one)[0], one) for one in self.chunks.get(b"fdAT", ()))
        parts = [one[4:] for at, one in sorted(numbered, key=lambda one: one[0])
                 if frame.number < at < last]  # fmt: skip
        parts = parts or list(self.chunks[b"IDAT"])  # of the first alone: see read_frames
        header = struct.pack(">II", frame.width, frame.height) + bytes(self._header()[8:])
        heads = [(kind, self.chunks[kind][0]) for kind in (b"PLTE", b"tRNS") if kind in self.chunks]
        idat = (chunk(b"IDAT", part) for part in parts)
        pixels = decode(stream([(b"IHDR", header), *heads], idat))
        pixels = pixels.reshape(frame.height, frame.width, self.decoded)
        if self.channels == self.decoded:
            return pixels
        full = np.full((*pixels.shape[:2], 1), np.iinfo(pixels.dtype).max, pixels.dtype)
        return np.concatenate([pixels, full], axis=2)

    def _header(self) -> memoryview:
        return self.chunks[b"IHDR"][0]


def _over(top: np.ndarray, under: np.ndarray) -> np.ndarray:
    """Straight alpha (H, W, C) laid over the same: Porter and Duff's "over"."""
    if top.shape[2] not in (2, 4):
        return top
    white = np.float64(np.iinfo(top.dtype).max)
    cover, below = top[..., -1:] / white, under[..., -1:] / white
    rest = below * (1 - cover)
    whole = cover + rest
    with np.errstate(invalid="ignore"):
        colour = (top[..., :-1] * cover + under[..., :-1] * rest) / whole
    laid = np.concatenate([np.where(whole > 0, colour, 0), whole * white], axis=2)
    return np.rint(laid).astype(top.dtype)
