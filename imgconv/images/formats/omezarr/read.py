"""OME-Zarr in: the images of a group, a plate or a series of them; planes and regions on demand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import zarr
from ome_zarr_models import v04, v05

from imgconv.errors import InputError
from imgconv.images import samples
from imgconv.images.formats.microscopes.stack import Stack, image_of
from imgconv.images.image import Image
from imgconv.images.info import ZarrLayout
from imgconv.images.limits import Limits
from imgconv.images.metadata.lengths import micrometres
from imgconv.images.resolution import METRES

COLOURS = ("red", "green", "blue")
STACKED = "tcz"  # axes before y and x


class Level(NamedTuple):
    """One image of a multiscale."""

    path: str
    scale: tuple[float, ...]


class OmeZarr:
    """One OME-Zarr: `images` and `notes`. `path` is a folder or a URL."""

    def __init__(self, path: str, name: str, limits: Limits) -> None:
        self.name, self.limits = name, limits
        self.notes: list[str] = []
        root = zarr.open_group(path, mode="r")
        groups: dict[str, Any] = {}
        found = list(self._find(root, groups))
        if not found:
            raise InputError(f"{name}: a Zarr folder without an image that OME's metadata tell of")
        told = json.dumps(groups) if groups else ""
        self.images = [self._image(root, place, told, len(found) > 1) for place in found]

    def _find(self, root: zarr.Group, groups: dict[str, Any]) -> Iterator[str]:
        """The paths of the images; what the groups around them say is kept in `groups`."""
        told = metadata_of(root)
        if "multiscales" in told:
            yield ""
        elif "plate" in told:
            groups[""] = told
            for well in told["plate"]["wells"]:
                groups[well["path"]] = metadata_of(root[well["path"]])
                for field in groups[well["path"]]["well"]["images"]:
                    yield f"{well['path']}/{field['path']}"
        elif "bioformats2raw.layout" in told:
            groups[""] = told
            series = metadata_of(root["OME"]).get("series") if "OME" in root else None
            yield from series or sorted((key for key in root if key.isdigit()), key=int)

    def _image(self, root: zarr.Group, path: str, groups: str, named: bool) -> Image:
        group = root[path] if path else root
        told = metadata_of(group)
        axes, levels, version = self._multiscale(told)
        names = "".join(axis[0] for axis in axes)
        if names[-2:] != "yx" or not set(names[:-2]) <= set(STACKED):
            raise InputError(f"{self.name}: axes {names} cannot be processed; allowed are tczyx")
        array = group[levels[0].path]
        if array.ndim != len(axes):
            raise InputError(
                f"{self.name}: its metadata name {len(axes)} axes, the array has {array.ndim}"
            )
        layout = ZarrLayout(
            version=version,
            path=path,
            axes=axes,
            scale=levels[0].scale,
            levels=tuple(group[level.path].shape[-2:] for level in levels[1:]),
            chunk=array.chunks[-2:],
            shard=array.shards[-2:] if array.shards else None,
            codecs=json.dumps([_codec(one) for one in array.compressors]),
            omero=json.dumps(told["omero"]) if "omero" in told else "",
            groups=groups,
        )
        return Reading(array, layout, self.name, self.limits).image(path if named else "")

    def _multiscale(
        self, told: dict[str, Any]
    ) -> tuple[tuple[tuple[str, str, str], ...], list[Level], str]:
        """Axes, levels from the largest on, and the version."""
        one = told["multiscales"][0]
        version = str(told.get("version") or one.get("version") or "0.4")
        try:
            known: Any = (v05 if version == "0.5" else v04).multiscales.Multiscale(**one)
        except ValueError as error:  # pydantic's is one
            why = " ".join(str(error).split())[:200]
            raise InputError(f"{self.name}: its OME-Zarr metadata are damaged ({why})") from None
        axes = tuple((str(a.name), str(a.type or ""), str(a.unit or "")) for a in known.axes)
        return axes, [Level(one.path, _scale(one)) for one in known.datasets], version


def metadata_of(group: Any) -> dict[str, Any]:
    """What OME says of a group, wherever its version keeps that."""
    told = dict(group.attrs)
    return dict(told.get("ome", told))


def _scale(dataset: Any) -> tuple[float, ...]:
    return tuple(float(n) for n in dataset.coordinateTransformations[0].scale)


def _codec(codec: Any) -> dict[str, Any]:
    """Of version 3, or numcodecs's of version 2."""
    told: dict[str, Any] = codec.to_dict() if hasattr(codec, "to_dict") else codec.get_config()
    return told


class Reading:
    """Planes of one array, whose axes `layout` names."""

    def __init__(self, array: Any, layout: ZarrLayout, name: str, limits: Limits) -> None:
        self.array, self.layout, self.name, self.limits = array, layout, name, limits
        self.names = [axis[0] for axis in layout.axes]
        self.labels = _labels(layout)
        self.coloured = (
            tuple(label.lower() for label in self.labels) == COLOURS and self._size("c") == 3
        )
        self.counted = [a for a in self.names[:-2] if not (a == "c" and self.coloured)]

    def _size(self, axis: str) -> int:
        return int(self.array.shape[self.names.index(axis)]) if axis in self.names else 1

    def image(self, title: str) -> Image:
        height, width = self.array.shape[-2:]
        stack = Stack(
            name=title, sizes={axis.upper(): self._size(axis) for axis in self.counted},
            height=height, width=width, dtype=self.array.dtype,
            read=lambda at: self._read(at, slice(0, height), slice(0, width)),
            samples=3 if self.coloured else 1, channels=() if self.coloured else self.labels,
            pixel=self._pixel(), depth=self._length("z"),
        )  # fmt: skip
        made = image_of(stack, "ome-zarr", self.name, self.limits)
        info = replace(made.info, zarr=self.layout, compression=self._compression())
        return Image(info, made.read_planes, self.region, lambda: int(self.array.chunks[-2]))

    def region(self, rows: slice, columns: slice, plane: int) -> np.ndarray:
        counts = [self._size(axis) for axis in self.counted]
        place = np.unravel_index(plane, counts) if counts else ()
        at = {axis.upper(): int(n) for axis, n in zip(self.counted, place, strict=True)}
        part = self._read(at, rows, columns)
        shape = (rows.stop - rows.start, columns.stop - columns.start, -1)
        return samples.convert(part.reshape(shape), self.name, self.limits)

    def _read(self, at: dict[str, int], rows: slice, columns: slice) -> np.ndarray:
        """(h, w), or (h, w, 3) of colours."""
        place = [
            slice(0, 3) if axis == "c" and self.coloured else at.get(axis.upper(), 0)
            for axis in self.names[:-2]
        ]
        found = np.asarray(self.array[(*place, rows, columns)])
        return np.moveaxis(found, 0, 2) if self.coloured else found

    def _length(self, axis: str) -> float | None:
        """Micrometres from one to the next, where the unit is known."""
        if axis not in self.names:
            return None
        place = self.names.index(axis)
        unit = micrometres(self.layout.axes[place][2], METRES)
        return float(unit) * self.layout.scale[place] if unit else None

    def _pixel(self) -> tuple[float, float] | None:
        width, height = self._length("x"), self._length("y")
        return (width, height) if width and height else None

    def _compression(self) -> str:
        codecs = json.loads(self.layout.codecs)
        return str(codecs[0].get("name") or codecs[0].get("id")) if codecs else "none"


def _labels(layout: ZarrLayout) -> tuple[str, ...]:
    channels = json.loads(layout.omero).get("channels", []) if layout.omero else []
    return tuple(str(one.get("label", "")) for one in channels)
