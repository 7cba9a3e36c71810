"""Outlines for ImageJ's ROI manager: a zip of .roi files, through roifile."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

import numpy as np
from roifile import ROI_OPTIONS, ROI_TYPE, ImagejRoi

from .outline import Polygon, Ring

MOVE, LINE, CLOSE = 0, 1, 4  # of a path of ImageJ's composite ROI
EPOCH = (1980, 1, 1, 0, 0, 0)  # the same zip for the same labels


class RoiArchive:
    """A zip that grows by one ROI a label; `write` puts it into a file."""

    def __init__(self) -> None:
        self._buffer = io.BytesIO()
        self._zip = zipfile.ZipFile(self._buffer, "w", zipfile.ZIP_DEFLATED)

    def add(
        self,
        name: str,
        parts: list[Polygon],
        place: Mapping[str, int],
        hyperstack: bool,
    ) -> None:
        """One label; `place` says where in a stack it lies, {"T": 2, "Z": 1}, from 1, and
        `hyperstack` whether ImageJ opens the image as one."""
        entry = zipfile.ZipInfo(f"{name}.roi", EPOCH)
        entry.compress_type = zipfile.ZIP_DEFLATED
        made = roi(name, parts, place, hyperstack)
        self._zip.writestr(entry, made.tobytes())

    def write(self, file: BinaryIO) -> None:
        self._zip.close()
        file.write(self._buffer.getbuffer())


def name_in_stack(plane: int, label: int) -> str:
    """ "0002-0001-0000": ImageJ reads the plane (from 1) from a name of three numbers of 4, 5 or 6
    digits, where the ROI's own place does not hold: on labels without the image's channels."""
    digits = max(4, len(str(max(plane, label))))
    return "-".join(f"{n:0{digits}d}" for n in (plane, label, 0))


def roi(name: str, parts: list[Polygon], place: Mapping[str, int], hyperstack: bool) -> Any:
    """An ImagejRoi: a traced polygon, or a composite where there are holes or several parts."""
    where = position(place, hyperstack)
    one = len(parts) == 1 and not parts[0].holes
    points = parts[0].outer if one else [p for part in parts for p in part.outer]
    made = ImagejRoi.frompoints(np.array(points), name=name, **where)
    made.right, made.bottom = (int(n) for n in np.max(points, axis=0))
    made.options &= ~ROI_OPTIONS.OVERLAY_BACKGROUNDS
    made.roitype = ROI_TYPE.TRACED
    if not one:
        made.roitype = ROI_TYPE.RECT
        made.options &= ~ROI_OPTIONS.SUB_PIXEL_RESOLUTION
        made.integer_coordinates = made.subpixel_coordinates = None
        made.n_coordinates = 0
        made.multi_coordinates = np.array(list(_path(parts)), np.float32)
        made.shape_roi_size = len(made.multi_coordinates)
    return made


def position(place: Mapping[str, int], hyperstack: bool) -> dict[str, int]:
    """Where in its stack a ROI lies, from 0, as roifile wants it.

    ImageJ keeps either a place in z and t, which means nothing in a stack of one axis, or the
    number of the plane, which in a hyperstack counts the channels too.
    """
    if hyperstack:
        return {axis.lower(): place[axis] - 1 for axis in "ZT" if axis in place}
    return {"position": max(place.values()) - 1} if place else {}  # other axes have one plane


def _path(parts: list[Polygon]) -> Iterator[float]:
    for part in parts:
        for ring in (part.outer, *part.holes):
            yield from _close(ring)


def _close(ring: Ring) -> Iterator[float]:
    for n, (x, y) in enumerate(ring):
        yield from (LINE if n else MOVE, x, y)
    yield CLOSE
