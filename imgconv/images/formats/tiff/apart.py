"""Colours whose results are numbers (signed ones of a filter): a plane for each, ImageJ's form.

ImageJ opens no pixels of several 32-bit samples. It opens a stack of channels, as everybody does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from imgconv.images.image import Image
from imgconv.images.info import Info, TiffLayout
from imgconv.text import Fact

AXES = ("", "T", "Z", "TZ")  # ImageJ's order, before channels
NOTE = Fact("a plane for each colour, the form in which ImageJ opens 32-bit numbers")


def is_apart(plane: np.ndarray, info: Info) -> bool:
    """Whether planes (H, W, C) that were made of an image `info` are written channel by channel:
    floats of what was none, unless the source's own description says what its planes are. Not what
    comes in bands, which is written once, as it comes."""
    layout = info.tiff or TiffLayout()
    if not any(plane.strides):  # the likeness of such a plane
        return False
    made = plane.dtype.kind == "f" and info.dtype.kind == "u"
    return made and plane.shape[2] > 1 and layout.kind == "plain" and info.stack_axes in AXES


def set_apart(image: Image, first: np.ndarray) -> Image:
    """The image of planes like `first`, (H, W, C), as one of C channels of (H, W, 1)."""
    from tifffile import imagej_description

    info, layout = image.info, image.info.tiff or TiffLayout()
    height, width, channels = first.shape
    shape = (*info.stack_shape, channels, height, width)
    axes = f"{info.stack_axes}CYX"
    text = imagej_description(shape, axes=axes, mode="composite") + layout.description
    layout = replace(
        layout, kind="imagej", description=text, photometric="", planar=False, extrasamples=()
    )
    record = replace(
        info, dtype=first.dtype, height=height, width=width, channels=1, alpha="none", axes=axes,
        shape=shape, icc=None, lut=None, tiff=layout,
    )  # fmt: skip
    return Image(record, lambda: _channels(image))


def _channels(image: Image) -> Iterator[np.ndarray]:
    for plane in image.planes():
        yield from np.moveaxis(plane[..., None], 2, 0)
