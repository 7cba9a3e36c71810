"""OME-XML about an image: https://docs.openmicroscopy.org/ome-model/ ."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from imgconv.images.resolution import METRES, Resolution, unit_named

from .lengths import Sizes, micrometres, positive

if TYPE_CHECKING:
    import xml.etree.ElementTree as ET

    from imgconv.images.info import Info, TiffLayout

KNOWN_METRES = {**METRES, "thou": METRES["inch"] / 1000, "pt": METRES["inch"] / 72}
SECONDS = {"ns": 1e-9, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
TYPES = {"uint8": "uint8", "uint16": "uint16", "float32": "float"}


def describe(plane: np.ndarray, info: Info, layout: TiffLayout) -> str:
    """OME-XML; parsed and corrected only where size, type, scale or page order changed."""
    import xml.etree.ElementTree as ET

    was = resolution(layout.description)
    same_scale = not was or not info.resolution or _near(was.x, info.resolution.x)
    same = plane.shape == (info.height, info.width, info.channels) and plane.dtype == info.dtype
    simple = "FileName" not in layout.description and layout.description.count("<TiffData") <= 1
    if same and same_scale and simple and _planes(layout.description, info) == info.planes:
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


def resolution(xml: str) -> Resolution | None:
    """The PhysicalSizeX and PhysicalSizeY of the first image; their unit is µm if not said."""
    size: list[Fraction] = []
    for axis in "XY":
        found = re.search(rf'PhysicalSize{axis}="([^"]+)"', xml)
        try:
            size.append(1 / Fraction(found[1]) if found else Fraction(0))
        except (ValueError, ZeroDivisionError):
            return None
    unit = re.search(r'PhysicalSizeXUnit="([^"]*)"', xml)
    if not all(s > 0 for s in size):
        return None
    return Resolution(size[0], size[1], unit_named(unit[1]) if unit else "µm")


def sizes(xml: str) -> Sizes:
    """Width, height and depth of a pixel in µm, where all images of the file have the same."""
    width, height, depth = (_common(one) for one in zip(*_images(xml), strict=True))
    return width, height, depth


def interval(xml: str) -> float | None:
    """Seconds from one time to the next, where all images of the file have the same."""
    tags = re.findall(r"<(?:\w+:)?Pixels\b[^>]*>", xml)
    times = {_duration(tag) for tag in tags}
    return times.pop() if len(times) == 1 else None


def _duration(pixels: str) -> float | None:
    found = re.search(r"""\bTimeIncrement=["']([^"']+)""", pixels)
    unit = re.search(r"""\bTimeIncrementUnit=["']([^"']*)""", pixels)
    number, each = positive(found[1]) if found else None, SECONDS.get(unit[1] if unit else "s")
    return float(number) * each if number and each else None


def _planes(xml: str, info: Info) -> int:
    """How many planes the first image of the XML declares."""
    found = (re.search(rf'Size{axis}="(\d+)"', xml) for axis in "ZCT")
    count = int(np.prod([int(size[1]) for size in found if size]))
    samples = info.channels if "C" not in info.stack_axes else 1
    return count // samples


def _correct(
    pixels: ET.Element, space: str, plane: np.ndarray, info: Info, *, rescaled: bool
) -> None:
    height, width, _ = plane.shape
    pixels.set("SizeX", str(width))
    pixels.set("SizeY", str(height))
    pixels.set("Type", TYPES[str(plane.dtype)])
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
    pixels.insert(place, pixels.makeelement(tiffdata, {"IFD": "0", "PlaneCount": str(info.planes)}))


def _near(a: Fraction, b: Fraction) -> bool:
    return abs(float(a / b) - 1) < 1e-9


def _images(xml: str) -> list[Sizes]:
    """PhysicalSizeX, Y and Z of each image; µm where their unit is not said."""
    tags = re.findall(r"<(?:\w+:)?Pixels\b[^>]*>", xml) or [""]
    return [(_physical(tag, "X"), _physical(tag, "Y"), _physical(tag, "Z")) for tag in tags]


def _common(sizes: tuple[Fraction | None, ...]) -> Fraction | None:
    return sizes[0] if len(set(sizes)) == 1 else None


def _physical(pixels: str, axis: str) -> Fraction | None:
    import html  # seldom needed: formats/tiff names it

    size = re.search(rf"""\bPhysicalSize{axis}=["']([^"']+)""", pixels)
    unit = re.search(rf"""\bPhysicalSize{axis}Unit=["']([^"']*)""", pixels)
    length = positive(size[1]) if size else None
    each = micrometres(html.unescape(unit[1]) if unit else "µm", KNOWN_METRES)
    return length * each if length and each else None
