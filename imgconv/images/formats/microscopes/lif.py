"""Leica's LIF, by liffile: each image of the file has its name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np

from imgconv.errors import InputError
from imgconv.images.formats.record import Format
from imgconv.images.limits import Limits
from imgconv.text import Fact

from .stack import Stack, Stacks, held, image_of, path_of, refuse_missing, refuse_writing

PLANE = ("Y", "X")


def recognises(head: bytes) -> bool:
    return head[:4] == b"\x70\0\0\0" and head[8:9] == b"\x2a"


def read(file: BinaryIO, name: str, limits: Limits) -> Stacks:
    try:
        from liffile import LifFile
    except ImportError:
        refuse_missing(name, "LIF", "liffile")
    path = path_of(file, name, "LIF")
    notes: list[str] = []
    with LifFile(path) as opened:
        stacks = list(held(_stacks(opened, path, notes), path, name))
    if not stacks:
        raise InputError(f"{name}: holds no image that can be read; {'; '.join(notes)}")
    return Stacks([image_of(stack, "lif", name, limits) for stack in stacks], notes)


def _stacks(opened: Any, path: str, notes: list[str]) -> Iterator[Stack]:
    several = len(opened.images) > 1
    for number, image in enumerate(opened.images):
        dims = tuple(axis for axis in image.dims if axis != "S")
        other = [axis for axis in dims if axis not in (*"TCZ", *PLANE)]
        if dims[-2:] != PLANE or any(image.sizes[axis] > 1 for axis in other):
            notes.append(Fact(f"{image.path}: left out, its axes are {''.join(image.dims)}"))
            continue
        lengths = {axis: _step(image.coords.get(axis)) for axis in "XYZ"}

        def plane(at: dict[str, int], number: int = number) -> np.ndarray:
            return _plane(path, number, at)

        yield Stack(
            name=image.path if several else "",
            sizes={axis: image.sizes[axis] for axis in dims if axis in "TCZ"},
            height=image.sizes["Y"], width=image.sizes["X"], dtype=np.dtype(image.dtype),
            read=plane, samples=image.sizes.get("S", 1),
            pixel=(lengths["X"], lengths["Y"]) if lengths["X"] and lengths["Y"] else None,
            depth=lengths["Z"],
        )  # fmt: skip


def _plane(path: str, number: int, at: dict[str, int]) -> np.ndarray:
    """Opened anew, so that it can be read in any thread and process."""
    from liffile import LifFile

    with LifFile(path) as opened:
        return np.asarray(opened.images[number].frame(**at))


def _step(coordinates: Any) -> float | None:
    """From one to the next, in µm; they are in metres."""
    if coordinates is None or len(coordinates) < 2:
        return None
    step = abs(float(coordinates[1] - coordinates[0])) * 1e6
    return float(f"{step:.9g}") if step else None


LIF = Format(
    "lif", (".lif",), recognises, read, refuse_writing("LIF"), depths=(8, 16, 32),
    holds="pages", reads_with=("liffile",),
)  # fmt: skip
