"""One image of a file: what is known about it, and its pixels when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from .info import Info

Planes = Callable[[], Iterator[np.ndarray]]
Region = Callable[[slice, slice, int], np.ndarray]


def no_rows() -> int:
    return 0


def one_row() -> int:
    return 1


@dataclass(frozen=True)
class Image:
    """A file holds one or several: the pages of a scan, the frames of an animation.

    Planes of one size, type and meaning (a stack) are one image with axes. `read_planes` gives
    each plane (H, W, C) in turn; `read_region` part of one, where the format can, and
    `rows_together` are as many as it decodes at a time (0 where that is the whole plane), and
    `in_order` says that it decodes them from the top each time a region lies above the last one.
    `size` are the rows and columns of planes that have yet to be computed, where they are known.
    """

    info: Info
    read_planes: Planes
    read_region: Region | None = None
    rows_together: Callable[[], int] = no_rows
    size: tuple[int, int] | None = None
    in_order: bool = False

    @staticmethod
    def of(info: Info, planes: Iterable[np.ndarray], size: tuple[int, int] | None = None) -> Image:
        """An image of planes at hand, or of such as come once."""
        return Image(info, lambda: iter(planes), size=size)

    def planes(self) -> Iterator[np.ndarray]:
        """Each plane (H, W, C), one at a time, so that a long stack is never in memory."""
        return self.read_planes()

    def region(self, rows: slice, columns: slice, plane: int = 0) -> np.ndarray:
        """Part of a plane (H', W', C); slices as NumPy takes them, without steps.

        Where `read_region` is None, the whole plane is read for it.
        """
        rows, columns = _within(rows, self.info.height), _within(columns, self.info.width)
        if self.read_region:
            return self.read_region(rows, columns, plane)
        for number, whole in enumerate(self.planes()):
            if number == plane:
                return whole[rows, columns]
        raise IndexError(f"plane {plane} of {self.info.planes}")


def one_plane(image: Image) -> np.ndarray:
    """The plane of an image that has a single one."""
    (plane,) = image.planes()
    return plane


def join_infos(infos: Sequence[Info]) -> Info:
    """The record of all planes of all images, one after the other: the first one's, their count."""
    first = infos[0]
    if len(infos) == 1:
        return first
    if first.tiff and len(_pixel_sizes(infos)) > 1:  # then none is true of all
        first = replace(
            first, resolution=None, tiff=replace(first.tiff, kind="plain", description="")
        )
    axis = "T" if first.duration is not None else "I"
    plane = first.plane_axes
    count = sum(info.planes for info in infos)
    shape = tuple(n for a, n in zip(first.axes, first.shape, strict=True) if a in plane)
    return replace(first, axes=axis + plane, shape=(count, *shape))


def _pixel_sizes(infos: Sequence[Info]) -> set[object]:
    from .pixelsize import pixel_size  # reads ImageJ's and OME's texts: a TIFF has imported it

    return {pixel_size(info) for info in infos}


def records(images: Sequence[Image]) -> list[Info]:
    """The record of each plane of all images."""
    return [image.info for image in images for _ in range(image.info.planes)]


def stack_images(images: Sequence[Image]) -> Sequence[Image]:
    """The images as one with an axis that counts them, if all is the same but their pixels."""
    alike = {replace(image.info, duration=None) for image in images}
    if len(images) == 1 or len(alike) > 1:
        return images
    record = join_infos([image.info for image in images])
    return [Image.of(record, (plane for plane, _ in frames(images)))]


def frames(images: Sequence[Image]) -> Iterator[tuple[np.ndarray, Info]]:
    """Every plane of every image, with its record."""
    for image in images:
        for plane in image.planes():
            yield plane, image.info


def _within(part: slice, length: int) -> slice:
    begin, end, _ = part.indices(length)
    return slice(begin, max(begin, end))
