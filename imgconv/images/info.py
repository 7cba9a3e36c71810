"""What must survive from reading to writing, as one immutable record."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .metadata import geotiff
from .resolution import Resolution

GDAL_NODATA = 42113


def words_of(comment: bytes) -> str:
    """A comment as text: UTF-8 where it is that, else Latin-1, as most that are not."""
    try:
        return comment.decode("utf-8")
    except UnicodeDecodeError:
        return comment.decode("latin-1")


@dataclass(frozen=True)
class JpegTables:
    """How a JPEG was quantised, so that its successor is written alike."""

    quantisation: tuple[tuple[int, ...], ...]  # 64 numbers each, natural (row by row) order
    components: tuple[int, ...]  # which table each component uses
    sampling: tuple[tuple[int, int], ...]  # (h, v) of each component


@dataclass(frozen=True)
class TiffLayout:
    """How a TIFF was laid out and what its tags said; see `formats/tiff`."""

    kind: str = "plain"  # whose description it has: "plain" "imagej" "ome" "shaped"
    description: str = ""
    compression: str = "none"  # as tifffile names it: "none" "lzw" "adobe_deflate" ...
    predictor: int = 1
    photometric: str = ""  # "" for the usual one of so many channels
    planar: bool = False  # samples in separate planes (PlanarConfiguration 2)
    tile: tuple[int, int] | None = None  # rows, columns
    levels: tuple[tuple[int, int], ...] = ()  # rows, columns of a pyramid's smaller images
    bigtiff: bool = False
    byteorder: str = "<"
    extrasamples: tuple[int, ...] = ()
    resolution: Resolution | None = None  # of the tags, where the description says another
    apart: bool = False  # colours that lie in channels of a stack: see formats/tiff/apart.py
    tags: tuple[tuple[int, int, int, Any], ...] = ()  # code, type, count, value of all others


@dataclass(frozen=True)
class ZarrLayout:
    """How an image of an OME-Zarr was laid out; see `formats/omezarr`."""

    version: str = "0.5"
    path: str = ""  # of the image's group within the file
    axes: tuple[tuple[str, str, str], ...] = ()  # name, type ("" for none), unit ("" for none)
    scale: tuple[float, ...] = ()  # of each axis, in its unit
    levels: tuple[tuple[int, int], ...] = ()  # rows, columns of the smaller images
    chunk: tuple[int, int] | None = None  # rows, columns
    shard: tuple[int, int] | None = None
    codecs: str = "[]"  # JSON, as its version spells them
    omero: str = ""  # JSON: names, colours and ranges of the channels
    groups: str = ""  # JSON: what the groups around the images say, by their paths


@dataclass(frozen=True)
class Info:
    """One file's image: its planes as delivered, and what is known about them.

    `height`, `width`, `channels` and `dtype` are those of one plane, `(H, W, C)`; `axes` and
    `shape` those of the whole file in tifffile's letters. Samples of one pixel are `S`; channels
    in planes of their own are `C` and are separate planes here too.
    """

    format: str  # the name of a record in `formats`: "png", "tiff", ...
    dtype: np.dtype[Any]  # uint8, uint16 or float32
    height: int
    width: int
    channels: int  # grey 1, grey+alpha 2, RGB 3, RGBA 4, other N
    alpha: str = "none"  # "none" | "straight" | "premultiplied"; the last channel
    axes: str = ""  # "YX", "YXS", "TZCYX"; made from the plane when not given
    shape: tuple[int, ...] = ()  # as long as axes
    name: str = ""  # of this image, where a file of several names them: a position, "Thumbnail"
    source_dtype: str = ""  # what the file holds: "uint1", "int16"; "" when the same as dtype
    compression: str = ""  # as found, for people: "deflate", "jpeg", "none"
    exif: bytes | None = None  # TIFF-structured block, orientation already reset
    icc: bytes | None = None
    xmp: bytes | None = None
    resolution: Resolution | None = None
    iptc: bytes | None = None  # IPTC-IIM records
    text: tuple[tuple[str, str], ...] = ()  # of PNG, by keyword; without Software
    comments: tuple[bytes, ...] = ()  # of JPEG and GIF; their alphabet is not known
    software: str = ""  # who wrote the file
    duration: float | None = None  # milliseconds that this frame of an animation is shown
    loops: int = 0  # how often the animation is shown, 0 for ever
    lut: bytes | None = None  # a pseudo-colour table over numbers: (3, N) uint16, see `luts`
    png_colour: tuple[tuple[bytes, bytes], ...] = ()  # gAMA, cHRM, cICP ... as they stood
    background: tuple[int, ...] = ()  # the colour that a PNG wants under its transparency
    jpeg: JpegTables | None = None
    tiff: TiffLayout | None = None
    zarr: ZarrLayout | None = None

    def __post_init__(self) -> None:
        if not self.axes:
            colour = self.channels > 1
            object.__setattr__(self, "axes", "YXS" if colour else "YX")
            plane = (self.height, self.width) + ((self.channels,) if colour else ())
            object.__setattr__(self, "shape", plane)

    @property
    def plane_axes(self) -> str:
        """The axes of one plane: "YX" or "YXS"."""
        return "".join(a for a in self.axes if a in "YXS")

    @property
    def stack_axes(self) -> str:
        """The axes that count planes: everything but Y, X and S."""
        return "".join(a for a in self.axes if a not in "YXS")

    @property
    def stack_shape(self) -> tuple[int, ...]:
        """How long each of `stack_axes` is."""
        return tuple(n for a, n in zip(self.axes, self.shape, strict=True) if a not in "YXS")

    @property
    def planes(self) -> int:
        """How many planes the file delivers."""
        return int(np.prod(self.stack_shape, dtype=np.int64))

    @property
    def dpi(self) -> tuple[float, float] | None:
        """Pixels per inch along x and y, where the unit is known."""
        return self.resolution.dpi if self.resolution else None

    @property
    def pixel_size(self) -> tuple[float, float, str] | None:
        """Width and height of one pixel and their unit ("µm", "inch", ...), where known."""
        return self.resolution.pixel_size if self.resolution else None

    @property
    def no_data(self) -> float | None:
        """The number of cells that hold no measurement, as GDAL's tag says."""
        tags = self.tiff.tags if self.tiff else ()
        text = next((content for code, _, _, content in tags if code == GDAL_NODATA), None)
        try:
            return None if text is None else float(text.split(b"\0")[0])
        except ValueError:
            return None

    @property
    def words(self) -> tuple[tuple[str, str], ...]:
        """Text and comments, for people."""
        return (*self.text, *(("Comment", words_of(comment)) for comment in self.comments))

    def has_alpha(self, plane: np.ndarray) -> bool:
        """True where a plane's last channel is alpha: made of a plane that had it, and as many
        channels as before, or as only images with alpha have."""
        return self.alpha != "none" and plane.shape[2] in (2, 4, self.channels)

    def one_plane(self) -> Info:
        """The same image as a single plane, for a page written to a file of its own."""
        return replace(self, axes="", shape=())

    def scale(self, fy: float, fx: float) -> Info:
        """After resampling to fy times the rows and fx times the columns of the same field."""
        known, tiff = self.resolution, self.tiff
        if tiff:
            tiff = replace(tiff, tags=geotiff.scale(tiff.tags, tiff.byteorder, fy, fx))
        return replace(self, resolution=known.scale(fy, fx) if known else None, tiff=tiff)
