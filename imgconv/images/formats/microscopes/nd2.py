"""Nikon's ND2, by nd2: each position of the stage is an image."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from imgconv.images.formats.record import Format, begins
from imgconv.images.limits import Limits
from imgconv.images.notes import TRUNCATED

from .stack import Stack, Stacks, held, image_of, path_of, refuse_missing, refuse_writing

INSIDE = "CYXS"  # a frame's own axes; the others count frames


def read(file: BinaryIO, name: str, limits: Limits) -> Stacks:
    try:
        from nd2 import ND2File
    except ImportError:
        refuse_missing(name, "ND2", "nd2")
    path = path_of(file, name, "ND2")
    with ND2File(path) as opened:
        stacks = list(held(_stacks(opened, path), path, name))
        whole = _is_whole(opened, path)
    if not whole:
        limits.refuse_truncated(name, "ND2")
    images = [image_of(stack, "nd2", name, limits) for stack in stacks]
    return Stacks(images, [] if whole else [TRUNCATED])


def _is_whole(opened: Any, path: str) -> bool:
    """Whether every frame lies in the file: nd2 gives zeros for one that does not."""
    offsets = getattr(getattr(opened, "_rdr", None), "_frame_offsets", None)
    if offsets is None:  # of the old kind, before 2010
        return True
    known, size = opened.attributes, Path(path).stat().st_size
    packed = known.compressionType is not None
    end = size - (0 if packed else known.heightPx * (known.widthBytes or 0))
    count = math.prod(n for axis, n in opened.sizes.items() if axis not in INSIDE)
    return all(offsets.get(number, size + 1) <= end for number in range(count))


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
        frame = opened.read_frame(number)
        return np.array(frame[channel] if sizes.get("C", 1) > 1 else frame)  # not of the file


ND2 = Format(
    "nd2", (".nd2",), begins(b"\xda\xce\xbe\x0a"), read, refuse_writing("ND2"),
    depths=(8, 16, 32), holds="pages", reads_with=("nd2",),
)  # fmt: skip
