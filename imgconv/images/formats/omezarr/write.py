"""OME-Zarr out: planes as they come, in rows of whole shards, with smaller images beside them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

import numpy as np
import zarr

from imgconv import __version__
from imgconv.errors import OutputError
from imgconv.images.bands import bands_of, in_bands_of, likeness_of
from imgconv.images.channels import names_in
from imgconv.images.image import Image
from imgconv.images.info import Info, ZarrLayout
from imgconv.images.options import WriteOptions
from imgconv.images.pixelsize import depth_and_interval
from imgconv.images.pyramid import Pyramid, Shrink, level_sizes, pick, shrink
from imgconv.images.resolution import METRES, Resolution

from .place import is_url

CHUNK = 1024  # rows, columns
SMALL = 512  # an image that needs no smaller one
ORDER = "tcz"  # with one axis of no known meaning in place of c
TYPES = {"t": "time", "c": "channel", "z": "space", "y": "space", "x": "space"}
DPI = ("inch", "cm", "")  # units of print: no length of what is seen
COMPRESSIONS: dict[str, list[Any]] = {"none": [], "zstd": [{"name": "zstd", "configuration": {}}]}
Axes = tuple[tuple[str, str, str], ...]
COLOURS = (("Red", "FF0000"), ("Green", "00FF00"), ("Blue", "0000FF"))


def write(path: str, images: Sequence[Image], options: WriteOptions) -> None:
    """Images as one group each; several as the plate or the series that they were, or a series."""
    first = images[0].info.zarr or ZarrLayout()
    root = zarr.open_group(path, mode="w", zarr_format=3 if first.version == "0.5" else 2)
    for number, image in enumerate(images):
        layout = image.info.zarr or ZarrLayout()
        place = "" if len(images) == 1 else layout.path or str(number)
        group = root.require_group(place) if place else root
        folder = None if is_url(path) else path
        told = ImageWriter(group, image, options, first.version, folder).write()
        describe(group, told, first.version)
    if len(images) > 1:
        around = json.loads(first.groups) if first.groups else {"": {"bioformats2raw.layout": 3}}
        for place, told in around.items():
            describe(root.require_group(place) if place else root, told, first.version)
    root.attrs.update({"_creator": {"name": "imgconv", "version": __version__}})


def describe(group: zarr.Group, told: dict[str, Any], version: str) -> None:
    group.attrs.update({"ome": {**told, "version": version}} if version == "0.5" else told)


class ImageWriter:
    """One image on its way into a group."""

    def __init__(
        self,
        group: zarr.Group,
        image: Image,
        options: WriteOptions,
        version: str,
        folder: str | None,
        smaller: Shrink = shrink,
    ) -> None:
        """`folder` has room for a while, `smaller` makes the smaller images."""
        self.group, self.info, self.options, self.version = group, image.info, options, version
        self.folder, self.smaller = folder, smaller
        self.layout = image.info.zarr or ZarrLayout()
        self.planes = image.planes()
        self.given = next(self.planes)
        self.like = likeness_of(self.given)
        self.height, self.width, self.samples = self.like.shape
        self.axes = _axes(self.info, self.samples)
        self.sizes = [(self.height, self.width), *self._smaller()]

    def _smaller(self) -> list[tuple[int, int]]:
        size = (self.height, self.width)
        if self.info.zarr or (self.info.tiff and self.info.tiff.levels):
            former = (self.info.height, self.info.width)
            levels = self.layout.levels or (self.info.tiff.levels if self.info.tiff else ())
            return level_sizes(size, former, levels)
        found = []
        while max(size) > SMALL:
            size = (-(-size[0] // 2), -(-size[1] // 2))
            found.append(size)
        return found

    def write(self) -> dict[str, Any]:
        """The planes; what the group's metadata say."""
        arrays = [self._array(level) for level in range(len(self.sizes))]
        for place, plane in zip(self._places(), chain([self.given], self.planes), strict=True):
            with Pyramid(self.sizes[1:], self.folder, self.smaller) as pyramid:
                _put(arrays[0], place, pyramid.watch(bands_of(plane), self.height, self.width))
                for level, array in enumerate(arrays[1:]):
                    _put(array, place, pyramid.bands(level, _rows(array)))
        return self._metadata()

    def _count(self, axis: str) -> int:
        if axis == "c" and self.samples > 1:
            return self.samples
        known = dict(zip(self.info.stack_axes.lower(), self.info.stack_shape, strict=True))
        return known.get(axis, 1)

    def _places(self) -> Iterator[tuple[Any, ...]]:
        """Where each plane goes, in the order in which they come: an index, or all of the axis of
        samples, for each axis."""
        letters = self.info.stack_axes.lower()
        for place in np.ndindex(*self.info.stack_shape):
            at = dict(zip(letters, place, strict=True))
            yield tuple(
                slice(None) if self._is_of_samples(axis) else at.get(axis[0], 0)
                for axis in self.axes[:-2]
            )

    def _is_of_samples(self, axis: tuple[str, str, str]) -> bool:
        return axis[0] == "c" and self.samples > 1

    def _array(self, level: int) -> Any:
        """One writer writes whole rows of shards, and no two planes share a chunk."""
        before = [self._count(axis[0]) for axis in self.axes[:-2]]
        size = self.sizes[level]
        shard = self.layout.shard if self.version == "0.5" else None
        chunk = self.layout.chunk or (CHUNK, CHUNK)
        if not shard:  # a shard holds whole chunks
            chunk = (min(chunk[0], size[0]), min(chunk[1], size[1]))
        ones = (1,) * len(before)
        more: dict[str, Any] = {"dimension_names": [axis[0] for axis in self.axes]}
        if self.version != "0.5":
            more = {"chunk_key_encoding": {"name": "v2", "separator": "/"}}
        return self.group.create_array(
            str(level), shape=(*before, *size), dtype=self.like.dtype, chunks=(*ones, *chunk),
            shards=(*ones, *shard) if shard else None, compressors=self._codecs(), **more,
        )  # fmt: skip

    def _codecs(self) -> Any:
        wanted = self.options.compression
        if wanted is None:
            return _codecs_of(self.layout, self.version) if self.info.zarr else "auto"
        if wanted not in COMPRESSIONS:
            raise OutputError(
                f"OME-Zarr compression {wanted!r} is unknown: allowed are {', '.join(COMPRESSIONS)}"
            )
        return "auto" if wanted == "zstd" else None

    def _metadata(self) -> dict[str, Any]:
        from ome_zarr_models import v04, v05

        models: Any = (v05 if self.version == "0.5" else v04).multiscales
        axes: Any = (v05 if self.version == "0.5" else v04).axes
        scale = self._scale()
        datasets = [
            models.Dataset.build(
                path=str(level), scale=self._scaled(scale, level), translation=None
            )
            for level in range(len(self.sizes))
        ]
        named = [
            axes.Axis(**{k: v for k, v in zip(("name", "type", "unit"), axis, strict=True) if v})
            for axis in self.axes
        ]
        more = {} if self.version == "0.5" else {"version": self.version}
        one = models.Multiscale(
            axes=named,
            datasets=datasets,
            name=self.info.name or "image",
            type="nearest" if self.smaller is pick else "mean",
            **more,
        )
        told = {"multiscales": [one.model_dump(mode="json", exclude_none=True)]}
        omero = self._omero()
        return told | ({"omero": omero} if omero else {})

    def _scale(self) -> list[float]:
        """Of each axis in its unit; x and y by the resolution, which follows the operation."""
        former = dict(zip((axis[0] for axis in self.layout.axes), self.layout.scale, strict=True))
        depth = depth_and_interval(self.info).get("spacing")
        if not self.info.zarr and depth:
            former["z"] = depth
        known = self.info.resolution
        if known and known.unit not in DPI:
            unit = {axis[0]: axis[2] for axis in self.axes}["x"]
            in_unit = known.per(_short(unit)) or known
            former["x"], former["y"] = float(1 / in_unit.x), float(1 / in_unit.y)
        elif self.info.zarr:  # lengths of no unit
            former["y"] *= self.info.height / self.height
            former["x"] *= self.info.width / self.width
        return [former.get(axis[0], 1.0) for axis in self.axes]

    def _scaled(self, scale: list[float], level: int) -> list[float]:
        (height, width), (h, w) = self.sizes[0], self.sizes[level]
        return [*scale[:-2], scale[-2] * (height / h), scale[-1] * (width / w)]

    def _omero(self) -> dict[str, Any] | None:
        count = self._count("c")
        known = json.loads(self.layout.omero) if self.layout.omero else {}
        if len(known.get("channels", ())) == count and self.like.dtype == self.info.dtype:
            return dict(known)
        if self.samples == 3:
            return {"channels": [self._channel(*one) for one in COLOURS]}
        names = names_in(self.info, count)
        return {"channels": [self._channel(name, "FFFFFF") for name in names]} if names else None

    def _channel(self, label: str, colour: str) -> dict[str, Any]:
        whole = self.like.dtype.kind == "u"
        top = float(np.iinfo(self.like.dtype).max) if whole else 1.0
        window = {"min": 0.0, "max": top, "start": 0.0, "end": top}
        return {"label": label, "color": colour, "window": window, "active": True}


def _codecs_of(layout: ZarrLayout, version: str) -> Any:
    codecs = json.loads(layout.codecs)
    if version == "0.5":
        return codecs or None
    import numcodecs

    return [numcodecs.get_codec(one) for one in codecs] or None


def _rows(array: Any) -> int:
    return int((array.shards or array.chunks)[-2])


def _put(array: Any, place: tuple[Any, ...], bands: Iterator[np.ndarray]) -> None:
    """Rows (h, W, C) from top to bottom, each shard as a whole."""
    y = 0
    for band in in_bands_of(bands, _rows(array)):
        rows = slice(y, y + len(band))
        values = np.moveaxis(band, 2, 0) if band.shape[2] > 1 else band[..., 0]
        array[(*place, rows, slice(None))] = values
        y += len(band)


def _axes(info: Info, samples: int) -> Axes:
    """Those that the image had, if it still has as many; else by what is known."""
    if info.zarr and info.zarr.axes and samples == info.channels:
        return info.zarr.axes
    letters = info.stack_axes.lower() + ("c" if samples > 1 else "")
    unknown = [letter for letter in letters if letter not in ORDER]
    if len(unknown) > 1 or len(set(letters)) < len(letters) or (unknown and "c" in letters):
        raise OutputError(
            f"OME-Zarr has the axes t, c, z, y and x, the image has {info.axes}; name them with "
            "`axes`, or write TIFF"
        )
    order = sorted(letters, key=(ORDER.replace("c", "c" + "".join(unknown))).index)
    unit = _unit(info.resolution)
    units = {"y": unit, "x": unit, "z": "micrometer" if depth_and_interval(info) else ""}
    return tuple((name, TYPES.get(name, ""), units.get(name, "")) for name in (*order, "y", "x"))


NAMES = {"µm": "micrometer", "nm": "nanometer", "mm": "millimeter", "m": "meter", "Å": "angstrom"}


def _unit(resolution: Resolution | None) -> str:
    return NAMES.get(resolution.unit, "") if resolution else ""


def _short(unit: str) -> str:
    return next((short for short, name in NAMES.items() if name == unit and short in METRES), "µm")
