"""Zeiss' CZI, by Zeiss' own pylibCZIrw: each scene is an image, mosaics are put together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np

from imgconv.images.formats.record import Format, begins
from imgconv.images.limits import Limits
from imgconv.text import Fact

from .stack import Stack, Stacks, held, image_of, path_of, refuse_missing, refuse_writing

TYPES = {  # of pixels: the type, and samples of a pixel
    "Gray8": (np.uint8, 1), "Gray16": (np.uint16, 1), "Gray32Float": (np.float32, 1),
    "Bgr24": (np.uint8, 3), "Bgr48": (np.uint16, 3),
}  # fmt: skip
AXES = ("T", "C", "Z")


def read(file: BinaryIO, name: str, limits: Limits) -> Stacks:
    try:
        from pylibCZIrw import czi
    except ImportError:
        refuse_missing(name, "CZI", "pylibCZIrw")
    path = path_of(file, name, "CZI")
    with czi.open_czi(path) as document:
        stacks = list(held(_stacks(document, path), path, name))
        others = [a for a, (begin, end) in document.total_bounding_box.items()
                  if a not in (*AXES, "X", "Y") and end - begin > 1]  # fmt: skip
    notes: list[str] = [Fact(f"only the first of its axis {axis} is read") for axis in others]
    return Stacks([image_of(stack, "czi", name, limits) for stack in stacks], notes)


def _stacks(document: Any, path: str) -> Iterator[Stack]:
    box = document.total_bounding_box
    begins_at = {axis: box[axis][0] for axis in AXES if axis in box}
    sizes = {axis: box[axis][1] - box[axis][0] for axis in begins_at}
    dtype, samples = TYPES.get(next(iter(document.pixel_types.values())), (np.uint16, 1))
    scenes = document.scenes_bounding_rectangle
    lengths = _lengths(document)
    for number in scenes or (None,):
        place = scenes[number] if scenes else document.total_bounding_rectangle

        def plane(at: dict[str, int], scene: int | None = number) -> np.ndarray:
            return _plane(path, {a: n + begins_at[a] for a, n in at.items()}, begins_at, scene)

        yield Stack(
            name=f"scene {number + 1}" if len(scenes) > 1 and number is not None else "",
            sizes=sizes, height=place.h, width=place.w, dtype=np.dtype(dtype), read=plane,
            samples=samples, channels=_channels(document, sizes.get("C", 1)),
            pixel=(lengths["X"], lengths["Y"]) if {"X", "Y"} <= set(lengths) else None,
            depth=lengths.get("Z"),
        )  # fmt: skip


def _plane(path: str, at: dict[str, int], begin: dict[str, int], scene: int | None) -> np.ndarray:
    """Opened anew, so that it can be read in any thread and process."""
    from pylibCZIrw import czi

    with czi.open_czi(path) as document:
        found = document.read(plane={**begin, **at}, scene=scene)
    return np.ascontiguousarray(found[..., ::-1])  # blue comes first


def _channels(document: Any, count: int) -> list[str]:
    known = _inside(document.metadata, "ImageDocument", "Metadata", "Information", "Image",
                    "Dimensions", "Channels", "Channel")  # fmt: skip
    every = known if isinstance(known, list) else [known] if known else []
    return [one.get("@Name") or f"c{n}" for n, one in enumerate(every[:count], 1)]


def _lengths(document: Any) -> dict[str, float]:
    """Of a voxel in µm."""
    known = _inside(document.metadata, "ImageDocument", "Metadata", "Scaling", "Items", "Distance")
    every = known if isinstance(known, list) else [known] if known else []
    return {
        one["@Id"]: float(f"{float(one['Value']) * 1e6:.9g}")
        for one in every
        if one.get("Value") and float(one["Value"]) > 0
    }


def _inside(tree: Any, *names: str) -> Any:
    for name in names:
        tree = tree.get(name) if isinstance(tree, dict) else None
    return tree


CZI = Format(
    "czi", (".czi",), begins(b"ZISRAWFILE"), read, refuse_writing("CZI"), depths=(8, 16, 32),
    holds="pages", reads_with=("pylibCZIrw.czi",),
)  # fmt: skip
