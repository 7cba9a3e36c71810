"""The ImageDescription of a written TIFF: the source's own, corrected where it no longer holds.

ImageJ's text, OME-XML and tifffile's JSON each say how many planes there are along which axis;
they are kept word for word as long as that is true.
"""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from fractions import Fraction

import numpy as np

from ...info import Info, TiffLayout
from . import tags

IMAGEJ_AXES = {"C": "channels", "Z": "slices", "T": "frames"}
OME_TYPES = {"uint8": "uint8", "uint16": "uint16", "float32": "float"}


def describe(plane: np.ndarray, info: Info, layout: TiffLayout) -> str:
    """The description for a file whose planes are like `plane` and stacked as `info` says."""
    if layout.kind == "imagej":
        return _imagej(plane, info, layout)
    if layout.kind == "ome":
        return _ome(plane, info, layout)
    if layout.kind == "shaped" or (info.tiff is None and info.stack_axes):
        return _format_shape(plane, info, layout)
    return layout.description


def _imagej(plane: np.ndarray, info: Info, layout: TiffLayout) -> str:
    lines = layout.description.splitlines()
    stack = dict(zip(info.stack_axes, info.stack_shape, strict=True))
    was = {m[1]: int(m[2]) for m in (re.match(r"(\w+)=(\d+)$", line) for line in lines) if m}
    counted = [was.get(word, 1) for word in IMAGEJ_AXES.values()]
    if plane.shape[2] == info.channels > 1 and was.get("channels") == info.channels:
        counted[0] = 1
    if int(np.prod(counted)) != info.planes or plane.shape[2] != info.channels:
        dropped = ("images", "hyperstack", *IMAGEJ_AXES.values())
        lines = [line for line in lines if line.split("=")[0] not in dropped]
        counts = [f"{IMAGEJ_AXES[a]}={n}" for a, n in stack.items() if a in IMAGEJ_AXES]
        lines[1:1] = [f"images={info.planes}", *counts] if info.planes > 1 else []
    if plane.dtype != info.dtype:  # the display range was one of other numbers
        lines = [line for line in lines if line.split("=")[0] not in ("min", "max")]
    ending = "\n" if layout.description.endswith("\n") else ""
    return "\n".join(lines) + ending


def _format_shape(plane: np.ndarray, info: Info, layout: TiffLayout) -> str:
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


def _ome(plane: np.ndarray, info: Info, layout: TiffLayout) -> str:
    """OME-XML; parsed and corrected only where size, type, scale or page order changed."""
    was = tags.ome_resolution(layout.description)
    same_scale = not was or not info.resolution or _near(was.x, info.resolution.x)
    same = plane.shape == (info.height, info.width, info.channels) and plane.dtype == info.dtype
    simple = "FileName" not in layout.description and layout.description.count("<TiffData") <= 1
    if same and same_scale and simple and _ome_planes(layout.description, info) == info.planes:
        return layout.description
    try:
        root = ET.fromstring(layout.description)
    except ET.ParseError:
        return layout.description
    space = root.tag.partition("}")[0].lstrip("{")
    ET.register_namespace("", space)
    pixels = root.find(f".//{{{space}}}Pixels")
    if pixels is None:
        return layout.description
    _correct(pixels, space, plane, info, rescaled=not same_scale)
    return '<?xml version="1.0" encoding="UTF-8"?>' + ET.tostring(root, encoding="unicode")


def _ome_planes(xml: str, info: Info) -> int:
    """How many planes the first image of the XML declares."""
    sizes = (re.search(rf'Size{axis}="(\d+)"', xml) for axis in "ZCT")
    count = int(np.prod([int(size[1]) for size in sizes if size]))
    samples = info.channels if "C" not in info.stack_axes else 1
    return count // samples


def _correct(
    pixels: ET.Element, space: str, plane: np.ndarray, info: Info, *, rescaled: bool
) -> None:
    height, width, _ = plane.shape
    pixels.set("SizeX", str(width))
    pixels.set("SizeY", str(height))
    pixels.set("Type", OME_TYPES[str(plane.dtype)])
    pixels.attrib.pop("SignificantBits", None)
    if rescaled and info.resolution:
        pixels.set("PhysicalSizeX", repr(float(1 / info.resolution.x)))
        pixels.set("PhysicalSizeY", repr(float(1 / info.resolution.y)))
    stack = dict(zip(info.stack_axes, info.stack_shape, strict=True))
    if plane.shape[2] == 1 or "C" in stack:
        for axis in "ZCT":
            pixels.set(f"Size{axis}", str(stack.get(axis, 1)))
    order = "XY" + "".join(a for a in reversed(info.stack_axes) if a in "ZCT")
    pixels.set("DimensionOrder", order + "".join(a for a in "CZT" if a not in order))
    tiffdata = f"{{{space}}}TiffData"
    place = next((n for n, e in enumerate(pixels) if e.tag == tiffdata), len(pixels))
    for element in pixels.findall(tiffdata):
        pixels.remove(element)
    pixels.insert(place, ET.Element(tiffdata, {"IFD": "0", "PlaneCount": str(info.planes)}))


def _near(a: Fraction, b: Fraction) -> bool:
    return abs(float(a / b) - 1) < 1e-9
