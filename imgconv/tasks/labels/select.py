"""Label images: integer (H, W), 0 is background, 1 to n are the objects."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
import tifffile

from imgconv.images import Image, Info, WriteOptions
from imgconv.images.bands import Plane
from imgconv.images.formats.tiff.write import write
from imgconv.images.info import TiffLayout
from imgconv.images.pixelsize import depth_and_interval, resolution_of

from .packed import PackedLabels

IMAGEJ_AXES = ("", "T", "Z", "TZ", "C", "TC", "ZC", "TZC")

Size = tuple[float, float] | None
"""Width and height of a pixel in µm."""


@dataclass(frozen=True)
class Selection:
    """Which objects stay: areas in pixels, and whether they may touch the border."""

    min_area: float = 0
    max_area: float = float("inf")
    exclude_border: bool = False

    def __call__(self, labels: np.ndarray) -> np.ndarray:
        """The labels that stay, numbered from 1 on in the same order."""
        areas = np.bincount(labels.ravel())
        keep = (areas > 0) & (areas >= self.min_area) & (areas <= self.max_area)
        if self.exclude_border:
            for line in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
                keep[line] = False
        keep[0] = False
        numbers = np.cumsum(keep) * keep
        return numbers.astype(np.int32)[labels]


class LabelStack:
    """The label images of a stack, packed: they shrink to a hundredth, and all have to be known
    before the first is written, because the largest number decides the type of all.
    """

    def __init__(self) -> None:
        self.largest = 0
        self._packed: list[PackedLabels] = []

    def add(self, labels: np.ndarray) -> None:
        """(H, W)."""
        self._append(PackedLabels.of(labels), int(labels.max(initial=0)))

    def add_packed(self, labels: PackedLabels) -> None:
        """Labels that have been numbered."""
        self._append(labels, labels.largest)

    def _append(self, labels: PackedLabels, largest: int) -> None:
        self.largest = max(self.largest, largest)
        self._packed.append(labels)

    @property
    def dtype(self) -> np.dtype:
        return np.dtype(np.uint16 if self.largest <= 65535 else np.uint32)

    def __len__(self) -> int:
        return len(self._packed)

    def planes(self) -> Iterator[np.ndarray]:
        """Each (H, W), uint16 where that holds the largest number, else uint32."""
        return map(self.plane, range(len(self)))

    def plane(self, number: int) -> np.ndarray:
        """One of them, from 0."""
        bands = list(self._packed[number].rows(self.dtype))
        return bands[0] if len(bands) == 1 else np.concatenate(bands)

    def written(self, number: int) -> Plane:
        """The same as (H, W, 1), in bands where it is large."""
        return self._packed[number].plane(self.dtype)


def write_labels(file: BinaryIO, planes: Iterable[Plane], record: Info) -> None:
    """A TIFF of planes (H, W, 1), as `labels_info` describes it."""
    image = Image.of(record, planes)  # type: ignore[arg-type]
    write(file, [image], WriteOptions())


def labels_info(
    info: Info, axes: str, sizes: tuple[int, ...], size: Size, dtype: np.dtype, largest: float
) -> Info:
    """The record of planes made from the image `info`, counted by `axes` ("", "T", ...) of `sizes`.

    ImageJ's form where it has the type and the axes, else (uint32) a plain TIFF. `size` is a
    pixel's in µm, if known; values up to `largest` are shown from black to white.
    """
    shape = (*sizes, info.height, info.width)
    imagej = dtype in (np.uint16, np.float32) and axes in IMAGEJ_AXES
    text = _imagej_text(info, axes, shape, size, largest) if imagej else ""
    kind = "imagej" if imagej else "shaped" if axes else "plain"
    # ImageJ reads deflate, but not the differences that usually go with it.
    layout = TiffLayout(kind=kind, description=text, compression="adobe_deflate", predictor=1)
    return Info(
        "tiff", dtype, info.height, info.width, 1, axes=axes + "YX", shape=shape,
        resolution=resolution_of(size) if size else info.resolution, tiff=layout,
    )  # fmt: skip


def _imagej_text(info: Info, axes: str, shape: tuple[int, ...], size: Size, largest: float) -> str:
    """ImageJ's description: axes, unit, and a display range in which labels are not black."""
    known: dict[str, Any] = dict(depth_and_interval(info))
    if size:
        known["unit"] = "micron"
    else:
        known.pop("spacing", None)  # a length without the unit
    text = tifffile.imagej_description(shape, axes=axes + "YX", **known)
    return f"{text}min=0.0\nmax={largest:.1f}\n"
