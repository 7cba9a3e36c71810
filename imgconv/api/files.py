"""Images from files, and into files."""

from __future__ import annotations

import os
from dataclasses import replace

from imgconv.errors import InputError
from imgconv.images import WriteOptions, open_image, write_image
from imgconv.images.limits import Palette

from .arrays import Channels, Image, ImageLike, Reading, file_options, gather, source_of


def open(
    path: str | os.PathLike[str],
    *,
    page: int | None = None,
    palette: Palette = "auto",
    channels: Channels | None = None,
    profile: str | os.PathLike[str] | None = None,
    max_pixels: int | None = None,
    allow_truncated: bool = False,
) -> Image:
    """Read an image with all that its file says of it.

    Parameters
    ----------
    path : str or PathLike
        A file of any format that the command line reads.
    page : int, optional
        One plane alone, from 1, of a file with several.
    palette : {"auto", "numbers", "colours"}
        Of an image of numbers with a colour table: which of the two it is.
    channels : {"grey", "greya", "rgb", "rgba"}, optional
        What the channels of a .npy file are. Default: data, none is alpha.
    profile : path, optional
        The ICC profile by which CMYK is converted to sRGB. Default: the image's own.
    max_pixels : int, optional
        Refuse images with more pixels a plane. Default: a billion.
    allow_truncated : bool, default False
        Take what is readable of a file that ends early.

    Returns
    -------
    Image
        Its `pixels` are uint8, uint16 or float32, in the file's own type if it is one of these;
        upright, colour tables looked up, black 0.

    Raises
    ------
    InputError
        The file is missing, damaged, too large, or its pages are of different sizes.

    Examples
    --------
    >>> imgconv.open("samples/cells/timelapse.ome.tif").axes
    'TCYX'
    """
    reading = Reading(
        palette=palette,
        channels=channels,
        profile=profile,
        max_pixels=max_pixels,
        allow_truncated=allow_truncated,
    )
    with open_image(path, **file_options(reading)) as source:
        info = source.info
        if page is not None:
            plane = next((p for n, p in enumerate(source.planes(), 1) if n == page), None)
            if plane is None:
                raise InputError(f"{source.name}: has {info.planes} planes, no plane {page}")
            info = replace(info, height=plane.shape[0], width=plane.shape[1]).one_plane()
            pixels = plane if info.channels > 1 else plane[..., 0]
        else:
            pixels = gather(list(source.planes()), source)
        return Image(pixels, info.axes, info, tuple(source.notes))


def save(
    path: str | os.PathLike[str],
    image: ImageLike,
    *,
    like: Image | None = None,
    axes: str | None = None,
    channels: Channels | None = None,
    force: bool = False,
    format: str | None = None,
    depth: int | None = None,
    quality: int | None = None,
    compression: str | None = None,
    background: str | None = None,
) -> tuple[str, ...]:
    """Write an image to a file, whole or not at all.

    Parameters
    ----------
    path : str or PathLike
        Its suffix names the format, if `format` does not.
    image : array, Image or path
        ``(H, W)``, ``(H, W, C)``, or a stack with `axes`; bool, integers or floats.
    like : Image, optional
        What `open` returned for the original: the profile, EXIF, resolution and TIFF tags that
        are written too.
    axes : str, optional
        Letters of the axes of a stack.
    channels : {"grey", "greya", "rgb", "rgba"}, optional
        What the channels of an array are. Default: data; a format that has a place for alpha and
        none for data takes the last of 2 or 4 for alpha, and says so.
    force : bool, default False
        Replace a file that exists.
    format, depth, quality, compression, background : optional
        As the options of the command line.

    Returns
    -------
    tuple of str
        What the format could not hold.

    Raises
    ------
    OutputError
        The file exists, cannot be written, or the format cannot hold the pixels.

    Examples
    --------
    >>> imgconv.save("ramp.png", np.arange(256, dtype=np.uint8).reshape(16, 16), force=True)
    ()
    >>> imgconv.open("ramp.png").shape
    (16, 16)
    """
    options = WriteOptions(format, quality, compression, depth, background)
    with source_of(image, {"axes": axes, "channels": channels}) as source:
        info = source.info
        if like is not None:
            info = replace(like.info, axes=info.axes, shape=info.shape, alpha=info.alpha)
        if format is None and not os.path.splitext(path)[1]:  # noqa: PTH122
            options = replace(options, format=info.format)
        return tuple(write_image(path, source.planes(), info, options, force=force))
