"""Files out: the format chosen, the depth made to fit, the file written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice

import numpy as np

from imgconv.atomic import output, output_folder
from imgconv.errors import OutputError
from imgconv.text import show_name

from . import depth as depths
from .bands import likeness_of
from .fit import BITS, fit
from .formats import Format, format_for
from .image import Image
from .info import Info
from .loss import find_loss
from .options import WriteOptions


def write_image(
    target: str | os.PathLike[str],
    planes: Iterable[np.ndarray],
    info: Info,
    options: WriteOptions = WriteOptions(),  # noqa: B008 (immutable)
    *,
    force: bool = False,
) -> list[str]:
    """Write planes (H, W, C) to a file ("-" is standard output); returns notes for the user.

    Size and dtype are taken from the planes, everything else that still holds from `info`.
    The file appears whole or not at all. Raises OutputError (and BrokenPipeError on a pipe).
    """
    return write_images(target, [Image.of(info, planes)], options, force=force)


def write_images(
    target: str | os.PathLike[str],
    images: Sequence[Image],
    options: WriteOptions = WriteOptions(),  # noqa: B008 (immutable)
    *,
    force: bool = False,
) -> list[str]:
    """Write several images to one file, each with what its own `info` says; as `write_image`.

    An animation becomes one of WebP, PNG and GIF; pages of any kind go into TIFF; planes of one
    size and type into NPY.
    """
    name = show_name(target) if os.fspath(target) != "-" else "standard output"
    if options.depth not in (None, *depths.DTYPES):
        raise OutputError(f"depth {options.depth} is unknown: allowed are 8, 16 and 32 (float)")
    if not images:
        raise OutputError(f"{name}: there is no image to write")
    kind = format_for(target, options.format, images[0].info.format)
    notes: list[str] = []
    ready = _Holder(kind, name, options, notes).fit(images)
    notes += find_loss([image.info for image in ready], kind)
    if kind.folder:
        with output_folder(target, force=force) as folder:
            kind.writer(folder, ready, options)
    else:
        with output(target, force=force, seekable=kind.seeks) as file:
            kind.writer(file, ready, options)
    return list(dict.fromkeys(notes))


def takes_bands(
    target: str | os.PathLike[str], like: np.ndarray, info: Info, options: WriteOptions
) -> bool:
    """Whether planes of an image may come as bands: nothing about them has to be changed for the
    format, which takes them as they come."""
    kind, channels = format_for(target, options.format, info.format), like.shape[2]
    bits = BITS.get(like.dtype)
    if not kind.streams or bits not in kind.depths or options.depth not in (None, bits):
        return False
    alpha = info.alpha != "none"
    if alpha and (not kind.alpha or options.background is not None):
        return False
    if kind.colours and channels - alpha not in kind.colours:
        return False
    if kind.name != "tiff" or info.tiff is None:
        return options.compression != "jpeg"
    compression = options.compression or info.tiff.compression
    return compression != "jpeg" or (not alpha and info.tiff.tile is not None)


@dataclass(frozen=True, eq=False, repr=False)
class _Holder:
    """A format that is to hold images: what it cannot is refused by name, or said in a note."""

    kind: Format
    name: str
    options: WriteOptions
    notes: list[str]

    def fit(self, images: Sequence[Image]) -> list[Image]:
        """The images with planes of a dtype and with channels that the format holds."""
        for size in (image.size for image in images if image.size):
            self._check_size(*size)  # before it is computed
        count = sum(image.info.planes for image in images)
        animated = images[0].info.duration is not None
        several = self.kind.holds in ("pages", "stack", "frames" if animated else "")
        if count > 1 and not several:
            if not animated:
                raise self._one_plane(count)
            self.notes.append(
                f"only the first of {count} frames is written; write GIF, WebP, PNG or TIFF for all"
            )
            info = replace(images[0].info.one_plane(), duration=None)
            images = [Image.of(info, islice(images[0].planes(), 1))]
        return [Image(one.info, partial(self._planes, one, several)) for one in images]

    def _planes(self, image: Image, several: bool) -> Iterator[np.ndarray]:
        for number, plane in enumerate(image.planes()):
            if number and not several:
                raise self._one_plane(0)
            ready = plane
            if isinstance(plane, np.ndarray):  # else it fits: see takes_bands
                self._check_size(*plane.shape[:2])
                ready = fit(plane, image.info, self.options, self.kind, self.name, self.notes)
            if not number:
                like = likeness_of(ready)
                self.notes.extend(self.kind.doubts(like, image.info, self.options))
            yield ready

    def _check_size(self, height: int, width: int) -> None:
        most = self.kind.largest
        if most is not None and max(height, width) > most:
            raise OutputError(
                f"{self.name}: {self.kind.name.upper()} holds at most {most} rows and columns, "
                f"the image has {width}x{height}; write PNG or TIFF"
            )

    def _one_plane(self, count: int) -> OutputError:
        return OutputError(
            f"{self.name}: {self.kind.name.upper()} holds one plane, the image has "
            f"{count or 'more'}; write TIFF, or one file a plane with {{page}} in the name"
        )
