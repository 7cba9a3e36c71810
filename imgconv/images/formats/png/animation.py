"""The frames of an animated PNG, each as it is shown: https://www.w3.org/TR/png-3/#apng-frame ."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import numpy as np

from imgconv.errors import InputError
from imgconv.images.image import Image
from imgconv.images.info import Info
from imgconv.images.metadata import exif

from .chunks import chunk, decode, stream

TO_BACKGROUND, TO_PREVIOUS = 1, 2  # what becomes of a frame's place when it has been shown
OVER = 1  # how a frame is laid on: over what is there, or (0) in its place
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


class Animation:
    """The frames of `chunks`, laid over each other on a canvas of what `info` says."""

    def __init__(self, chunks: Chunks, info: Info, orientation: int, name: str) -> None:
        self.chunks, self.orientation, self.name = chunks, orientation, name
        self.frames = [Frame(*struct.unpack(">IIIIIHHBB", one)) for one in chunks[b"fcTL"]]
        sides = (info.height, info.width)
        self.sides = sides if orientation < 5 else sides[::-1]
        self.decoded = info.channels
        self._check()
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

    def _check(self) -> None:
        height, width = self.sides
        for frame in self.frames:
            if not (0 < frame.width <= width - frame.x and 0 < frame.height <= height - frame.y):
                raise InputError(f"{self.name}: damaged PNG (a frame lies outside the image)")

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
        parts = parts or list(self.chunks[b"IDAT"]) if number == 0 else parts
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
