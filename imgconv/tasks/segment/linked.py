"""What was linked in a file, as tables: tracks, volumes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from imgconv.images.pixelsize import depth_and_interval
from imgconv.tasks.link.tables import TRACK_COLUMNS, track_rows, volume_rows
from imgconv.tasks.link.volumes import Voxel, columns
from imgconv.tasks.positions import AXIS

if TYPE_CHECKING:
    from .results import Results

Table = tuple[list[str], list[dict[str, Any]]]


def tracks_table(results: Results) -> Table:
    """Columns and rows of all tracks."""
    known, before = depth_and_interval(results.info), _before(results)
    depth = results.z_step or known.get("spacing")
    rows = track_rows(results.rows, results.size, depth, known.get("finterval"), before)
    return [*([before] if before else []), *TRACK_COLUMNS], rows


def volumes_table(results: Results) -> Table:
    """Columns and rows of the objects in space, of each time and position."""
    stack, voxel = results.stack, _voxel(results)
    suffixes = [f"_{name}" if name else "" for name in stack.names]
    planes = list(results.labels.planes())
    others = [(column, axis) for column, axis in zip(stack.columns, stack.axes, strict=True)
              if axis != "Z"]  # fmt: skip
    found: list[dict[str, Any]] = []
    for numbers in _stacks(results):
        mine = [row for row in results.rows if row["plane"] - 1 in numbers]
        labels = np.stack([planes[n] for n in numbers]).astype(np.int32)
        head = {"image": results.image, **{c: mine[0][c] for c, _ in others if mine}}
        found += [head | row for row in volume_rows(labels, mine, suffixes, voxel)]
    return ["image", *(column for column, _ in others), *columns(suffixes, voxel)], found


def _before(results: Results) -> str:
    return "position" if AXIS in results.stack.axes else ""


def _voxel(results: Results) -> Voxel:
    depth = results.z_step or depth_and_interval(results.info).get("spacing")
    if not results.size or not depth:
        return Voxel(1.0, 1.0, 1.0, known=False)
    return Voxel(depth, results.size[1], results.size[0])


def _stacks(results: Results) -> list[list[int]]:
    """The numbers of the fields of each stack of planes, from 0."""
    stack = results.stack
    at = stack.axes.index("Z")
    found: dict[tuple[int, ...], list[int]] = {}
    for n, place in enumerate(np.ndindex(*stack.sizes)):
        found.setdefault(place[:at] + place[at + 1 :], []).append(n)
    return list(found.values())
