"""The frames of an animated PNG, each as it is shown."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np

from ...image import Image
from ...info import Info
from ...metadata import exif

MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}


class Animation:
    """Opened by Pillow, which lays the parts that the file holds over each other."""

    def __init__(self, data: bytes, info: Info, orientation: int) -> None:
        from PIL.PngImagePlugin import PngImageFile

        self.image, self.orientation = PngImageFile(io.BytesIO(data)), orientation
        first = int(self.image.default_image)  # a picture for programs that show no animations
        self.images = [self._make(info, n) for n in range(first, self.image.n_frames)]
        self.mode = MODES[info.channels]

    def _make(self, info: Info, number: int) -> Image:
        self.image.seek(number)
        known = self.image.info
        record = replace(info, duration=float(known["duration"]), loops=int(known["loop"]))
        return Image(record, partial(self._planes, number))

    def _planes(self, number: int) -> Iterator[np.ndarray]:
        self.image.seek(number)
        pixels = np.asarray(self.image.convert(self.mode))
        yield exif.turn(pixels.reshape(*pixels.shape[:2], -1), self.orientation)
