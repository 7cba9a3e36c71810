"""Labels within the group of the image that they are of: labels/NAME, as the standard says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from typing import Any

import numpy as np
import zarr

from imgconv.atomic import output_folder
from imgconv.errors import OutputError
from imgconv.images.bands import Plane
from imgconv.images.image import Image
from imgconv.images.info import Info, ZarrLayout
from imgconv.images.options import WriteOptions
from imgconv.images.pyramid import pick
from imgconv.text import show_name

from .read import metadata_of
from .write import ImageWriter, describe


def write_labels(path: str, info: Info, name: str, planes: Iterator[Plane], *, force: bool) -> str:
    """Planes (H, W, 1) of labels of the image `info` in an OME-Zarr's folder; where they are.

    The list of labels names them last, so that what is not whole is not there. Raises OutputError
    where labels of that name are, without `force`.
    """
    layout = info.zarr or ZarrLayout()
    root = zarr.open_group(path, mode="r+")
    place = f"{layout.path}/labels" if layout.path and layout.groups else "labels"
    labels = root.require_group(place)
    listed = [one for one in metadata_of(labels).get("labels", []) if one != name]
    where = f"{path}/{place}/{name}"
    if name in labels and not force:
        raise OutputError(f"{show_name(where)}: exists already; `force` overwrites")
    first = next(planes)
    given: Any = chain([first], planes)
    image = Image.of(_of_labels(info, first.dtype, name), given)
    mark: dict[str, Any] = {"source": {"image": "../../"}}
    mark |= {} if layout.version == "0.5" else {"version": layout.version}
    with output_folder(where, force=force) as part:
        group = zarr.open_group(part, mode="w", zarr_format=labels.metadata.zarr_format)
        told = ImageWriter(group, image, WriteOptions(), layout.version, path, pick).write()
        describe(group, {**told, "image-label": mark}, layout.version)
    describe(labels, {"labels": [*listed, name]}, layout.version)
    return where


def _of_labels(info: Info, dtype: np.dtype[Any], name: str) -> Info:
    """The record of the image with one channel, which stands for all."""
    kept = [
        (axis, length)
        for axis, length in zip(info.axes, info.shape, strict=True)
        if axis not in "CS"
    ]
    layout = replace(info.zarr or ZarrLayout(), omero="", groups="", codecs="[]")
    return replace(
        info, dtype=dtype, channels=1, name=name, zarr=layout, axes="".join(a for a, _ in kept),
        shape=tuple(n for _, n in kept),
    )  # fmt: skip
