"""Colours whose results are numbers (signed ones of a filter): a plane for each, ImageJ's form.

ImageJ opens no pixels of several 32-bit samples. It opens a stack of channels, as everybody does.
A line of the description that ImageJ skips tells us that they are colours, and makes them so again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

import numpy as np

from imgconv.images.image import Image
from imgconv.images.info import Info, TiffLayout
from imgconv.text import Fact

AXES = ("", "T", "Z", "TZ")  # ImageJ's order, before channels
MARK, ALPHA = "imgconv=colours", "imgconv=colours and alpha"  # a line of the description
LEFT_OUT = Fact("its colour profile is left out: channels of numbers have none")
NOTE = Fact("a plane for each colour, the form in which ImageJ opens 32-bit numbers")


def is_apart(plane: np.ndarray, info: Info) -> bool:
    """Whether planes (H, W, C) that were made of an image `info` are written channel by channel:
    floats of what was none, unless the source's own description says what its planes are. Not what
    comes in bands, which is written once, as it comes."""
    layout = info.tiff or TiffLayout()
    if not any(plane.strides):  # the likeness of such a plane
        return False
    made = plane.dtype.kind == "f" and (info.dtype.kind == "u" or layout.apart)
    return made and plane.shape[2] > 1 and layout.kind == "plain" and info.stack_axes in AXES


def set_apart(image: Image, first: np.ndarray) -> Image:
    """The image of planes like `first`, (H, W, C), as one of C channels of (H, W, 1)."""
    from tifffile import imagej_description

    info, layout = image.info, image.info.tiff or TiffLayout()
    height, width, channels = first.shape
    shape = (*info.stack_shape, channels, height, width)
    axes = f"{info.stack_axes}CYX"
    text = imagej_description(shape, axes=axes, mode="composite")
    text += f"{ALPHA if info.has_alpha(first) else MARK}\n{layout.description}"
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


def join(image: Image) -> Image:
    """The colours again of an image that was `set_apart`; any other as it is."""
    info, layout = image.info, image.info.tiff or TiffLayout()
    mark = re.search(f"^({ALPHA}|{MARK})$\n?", layout.description, re.MULTILINE)
    if mark is None or layout.kind != "imagej" or not info.axes.endswith("CYX"):
        return image
    *stack, channels, height, width = info.shape
    if info.channels != 1:
        return image
    layout = replace(
        layout, kind="plain", apart=True, description=layout.description[mark.end() :],
        photometric="rgb" if channels > 2 else "minisblack",
        extrasamples=(2,) if mark[1] == ALPHA else (),
    )  # fmt: skip
    record = replace(
        info, channels=channels, alpha="straight" if mark[1] == ALPHA else "none", lut=None,
        axes=f"{info.axes[:-3]}YXS", shape=(*stack, height, width, channels), tiff=layout,
    )  # fmt: skip
    return Image(record, lambda: _colours(image, channels))


def _colours(image: Image, channels: int) -> Iterator[np.ndarray]:
    planes = image.planes()
    while parts := list(islice(planes, channels)):
        yield np.concatenate(parts, axis=2)
