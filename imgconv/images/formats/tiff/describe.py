"""The ImageDescription of a written TIFF: the source's own, corrected where it no longer holds.

ImageJ's text, OME-XML and tifffile's JSON each say how many planes there are along which axis;
they are kept word for word as long as that is true.
"""

from __future__ import annotations

import json

import numpy as np

from imgconv.images.info import Info, TiffLayout
from imgconv.images.metadata import imagej, ome


def describe(plane: np.ndarray, info: Info, layout: TiffLayout) -> str:
    """The description for a file whose planes are like `plane` and stacked as `info` says."""
    if layout.kind == "imagej":
        return imagej.describe(plane, info, layout)
    if layout.kind == "ome":
        return ome.describe(plane, info, layout)
    if layout.kind == "shaped" or (info.tiff is None and info.stack_axes):
        return _describe_shape(plane, info, layout)
    return layout.description


def _describe_shape(plane: np.ndarray, info: Info, layout: TiffLayout) -> str:
    try:
        known = json.loads(layout.description or "{}")
    except ValueError:
        known = {}
    shape = [*info.stack_shape, *plane.shape[: 3 if plane.shape[2] > 1 else 2]]
    if layout.planar and plane.shape[2] > 1:
        shape = [*info.stack_shape, plane.shape[2], *plane.shape[:2]]
    truncated = known.pop("truncated", False)  # one page for all; here each has its own
    same = [n for n in known.get("shape", ()) if n > 1] == [n for n in shape if n > 1]
    if same and known.get("shape"):
        return json.dumps(known) if truncated else layout.description
    axes = info.stack_axes + ("YXS" if plane.shape[2] > 1 else "YX")
    named = {"axes": axes} if not set(axes) & {"I", "Q"} and not layout.planar else {}
    known.pop("axes", None)
    return json.dumps(known | {"shape": shape} | named)
