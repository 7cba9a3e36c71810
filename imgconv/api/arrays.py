"""Arrays as the library's planes, and planes as arrays again."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Literal, TypedDict, cast

import numpy as np
from numpy.typing import ArrayLike

from imgconv.errors import InputError, UsageError
from imgconv.images import Image as Planes
from imgconv.images import Info, Source, open_image
from imgconv.images.formats.npy import alpha_of
from imgconv.images.image import frames
from imgconv.images.limits import Limits, Palette, Values
from imgconv.images.samples import convert, delivered_dtype
from imgconv.steps.operation import Operation
from imgconv.steps.planes import FileStep


@dataclass(frozen=True, eq=False)
class Image:
    """An image with all that its file says of it; NumPy takes it for its pixels.

    Attributes
    ----------
    pixels : ndarray
        ``(H, W)`` grey, ``(H, W, C)`` colour or channels, or a stack of these, its axes first.
    axes : str
        A letter for each axis of `pixels`: Y and X, S for the samples of a pixel, and of stacks
        T (time), Z (depth), C (channels), I (pages of which no more is known).
    info : imgconv.images.Info
        Alpha, colour profile, EXIF, resolution and all else that `save` writes again.
    notes : tuple of str
        What there is to know about the reading: a conversion, damage.
    """

    pixels: np.ndarray
    axes: str
    info: Info
    notes: tuple[str, ...] = ()

    @property
    def shape(self) -> tuple[int, ...]:
        """That of `pixels`."""
        return self.pixels.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """That of `pixels`: uint8, uint16 or float32."""
        return self.pixels.dtype

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.pixels, dtype, copy=copy)


ImageLike = ArrayLike | os.PathLike[str] | Image
"""An array, an `Image`, or the path of a file."""


Channels = Literal["grey", "greya", "rgb", "rgba"]
"""What the channels of an array are: the last of greya and rgba is alpha."""


class Reading(TypedDict, total=False):
    """What every function takes beside its own settings.

    axes : the letters of an array's axes, if it is neither ``(H, W)`` nor ``(H, W, C)``.
    channels : what an array's channels are. Without it they are data, and none is alpha.
    palette, profile, to_srgb, max_pixels, allow_truncated : as the command line has them.
    """

    axes: str | None
    channels: Channels | None
    palette: Palette
    profile: str | os.PathLike[str] | None
    to_srgb: bool
    max_pixels: int | None
    allow_truncated: bool


class ArraySource(AbstractContextManager["ArraySource"]):
    """An array in the place of a file."""

    notes: Sequence[str] = ()

    def __init__(self, image: Any, axes: str | None, limits: Limits) -> None:
        self.name, self.limits = "the array", limits
        self.pixels = image.pixels if isinstance(image, Image) else np.asarray(image)
        if isinstance(image, Image):
            self.info = image.info
            self.letters = image.axes
        else:
            self.letters = _letters(self.pixels.shape, axes)
            self.info = _info(self.pixels, self.letters, limits.channels)
        limits.check(self.name, self.info.height, self.info.width)

    @property
    def images(self) -> tuple[Planes]:
        """The array is one image."""
        return (Planes(self.info, self.planes),)

    def planes(self) -> Iterator[np.ndarray]:
        """Each plane (H, W, C)."""
        info = self.info
        for plane in self.pixels.reshape(-1, info.height, info.width, info.channels):
            ready = np.ascontiguousarray(plane, plane.dtype.newbyteorder("="))
            yield convert(ready, self.name, self.limits)

    def __exit__(self, *_: object) -> None:
        pass


def _letters(shape: tuple[int, ...], axes: str | None) -> str:
    """The axes of an array of this shape. Raises UsageError."""
    if axes is None and len(shape) in (2, 3):
        return "YXS"[: len(shape)]
    if axes is None:
        raise UsageError(
            f"an array of shape {shape} is no (H, W) and no (H, W, C): give `axes`, such as "
            "`axes='ZYX'` of a stack or `axes='TYXS'` of a film in colour"
        )
    letters = axes.upper()
    good = letters.rstrip("SC").endswith("YX") and len(set(letters)) == len(letters)
    if not good or len(letters) != len(shape) or not letters.isalpha():
        raise UsageError(
            f"`axes={axes!r}` does not fit the shape {shape}: give a letter for each axis, those "
            "of a stack first (T, Z, C), then YX, then S for samples of a pixel"
        )
    return letters


def _info(pixels: np.ndarray, letters: str, wanted: str) -> Info:
    """The Info of an array whose channels are the `wanted` ones, or data."""
    dtype = delivered_dtype(pixels.dtype, "the array")
    inside = letters[-1] in "SC"
    height, width = pixels.shape[-3:-1] if inside else pixels.shape[-2:]
    channels = pixels.shape[-1] if inside else 1
    if not pixels.size:
        raise InputError(f"the array is empty: its shape is {pixels.shape}")
    return Info(
        "npy", dtype, height, width, channels,
        alpha=alpha_of(channels, wanted, "the array"),
        axes=letters[:-1] + ("S" if channels > 1 else "") if inside else letters,
        shape=pixels.shape[:-1] if inside and channels == 1 else pixels.shape,
        source_dtype="" if dtype == pixels.dtype.newbyteorder("=") else str(pixels.dtype),
    )  # fmt: skip


OPTIONS = ("max_pixels", "allow_truncated", "palette", "channels", "profile")


def is_path(image: Any) -> bool:
    """Whether it names a file."""
    return isinstance(image, (str, os.PathLike))


def source_of(
    image: Any, reading: Mapping[str, Any], values: Values = "shown"
) -> AbstractContextManager[Source]:
    """The planes of a file, or those of an array in its place."""
    options = file_options(reading)
    if not is_path(image):
        options.pop("profile", None)  # an array has no inks
        found = ArraySource(image, reading.get("axes"), Limits(values=values, **options))
        return cast(AbstractContextManager[Source], found)
    if reading.get("axes") is not None:
        raise UsageError("`axes` are an array's; a file says what its own are")
    return open_image(image, values=values, **options)


def file_options(reading: Mapping[str, Any]) -> dict[str, Any]:
    """What open_image is told of a Reading."""
    given = {name: reading.get(name) for name in OPTIONS}
    return {name: value for name, value in given.items() if value is not None}


def apply_operation(operation: Operation, image: Any, reading: Mapping[str, Any]) -> np.ndarray:
    """Each plane (H, W, C) of the image through the operation: an array of the image's axes.

    As `gather` makes it, with the InputError that it raises.
    """
    with source_of(image, reading) as source:
        step = FileStep(to_srgb=reading.get("to_srgb", False))
        planes = [operation(*given).pixels for given in frames(step.images(source))]
        return gather(planes, source)


def gather(planes: Sequence[np.ndarray], source: Source) -> np.ndarray:
    """The planes (H, W, C) of results as one array: the axes of the source's stack, then H, W, C.

    Without C where it is 1 and the source has no axis for it. InputError where planes differ in
    shape.
    """
    if len({plane.shape for plane in planes}) > 1:
        raise InputError(
            f"{source.name}: its pages differ in size or channels and are no array; take them "
            "one by one with open(path, page=1)"
        )
    inside = getattr(source, "letters", source.info.axes)[-1] in "SC"
    stack = source.info.stack_shape
    found = planes[0] if not stack else np.stack(planes).reshape(*stack, *planes[0].shape)
    return found if inside or found.shape[-1] > 1 else found[..., 0]
