"""TIFF in, through tifffile: axes from the metadata, planes one at a time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from imgconv.errors import InputError

from .info import Info, TiffLayout
from .limits import Limits


class Tiff:
    def __init__(self, file: BinaryIO, name: str, limits: Limits) -> None:
        import tifffile

        self.name, self.limits = name, limits
        self.notes: list[str] = []
        try:
            self.tiff = tifffile.TiffFile(file)
            self.series = self.tiff.series[0]
        except Exception as error:
            raise InputError(f"{name}: damaged TIFF ({error})") from error
        page = self.series.keyframe
        limits.check(name, page.imagelength, page.imagewidth)
        self.info = Info(
            "tiff", self.series.dtype, page.imagelength, page.imagewidth,
            page.samplesperpixel, alpha="straight" if 2 in page.extrasamples else "none",
            axes=self.series.axes, shape=self.series.shape, tiff=TiffLayout(),
        )  # fmt: skip

    def planes(self) -> Iterator[np.ndarray]:
        data = self.series.asarray()
        h, w, c = self.info.height, self.info.width, self.info.channels
        yield from data.reshape(-1, h, w, c)


def software(path: str | os.PathLike[str]) -> str:
    """The Software tag of the first page, "" where there is none."""
    import tifffile

    try:
        with tifffile.TiffFile(path) as tiff:
            return tiff.pages.first.software
    except Exception:
        return ""
