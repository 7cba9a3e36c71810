"""Nikon's ND2, by nd2: each position of the stage is an image."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np

from imgconv.images.limits import Limits

from .stack import Stack, Stacks, image_of, path_of, refuse_missing

INSIDE = "CYXS"  # a frame's own axes; the others count frames


def read(file: BinaryIO, name: str, limits: Limits) -> Stacks:
    try:
        from nd2 import ND2File
    except ImportError:
        refuse_missing(name, "ND2", "nd2")
    path = path_of(file, name, "ND2")
    with ND2File(path) as opened:
        stacks = list(_stacks(opened, path))
    return Stacks([image_of(stack, "nd2", name, limits) for stack in stacks])


def _stacks(opened: Any, path: str) -> Iterator[Stack]:
    sizes = dict(opened.sizes)
    voxel = opened.voxel_size()
    known = getattr(opened.metadata, "channels", None) or ()
    counts = {axis: n for axis, n in sizes.items() if axis not in INSIDE}
    for position in range(sizes.get("P", 1)):

        def plane(at: dict[str, int], position: int = position) -> np.ndarray:
            place = {**at, "P": position}
            index = [place.get(axis, 0) for axis in counts]
            number = np.ravel_multi_index(index, tuple(counts.values())) if counts else 0
            return _plane(path, int(number), at.get("C", 0), sizes)

        yield Stack(
            name=f"position {position + 1}" if sizes.get("P", 1) > 1 else "",
            sizes={axis: sizes.get(axis, 1) for axis in "TCZ"},
            height=sizes["Y"], width=sizes["X"], dtype=np.dtype(opened.dtype), read=plane,
            samples=sizes.get("S", 1), channels=[one.channel.name for one in known],
            pixel=(voxel.x, voxel.y) if voxel.x and voxel.y else None,
            depth=voxel.z if sizes.get("Z", 1) > 1 else None,
        )  # fmt: skip


def _plane(path: str, number: int, channel: int, sizes: dict[str, int]) -> np.ndarray:
    """Opened anew, so that it can be read in any thread and process."""
    from nd2 import ND2File

    with ND2File(path) as opened:
        frame = np.asarray(opened.read_frame(number))
    return frame[channel] if sizes.get("C", 1) > 1 else frame
