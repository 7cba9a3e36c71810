"""The size of a pixel in micrometres, where a microscope's file says it; never from DPI."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Mapping
from fractions import Fraction

from .info import Info, TiffLayout
from .resolution import METRES, Resolution, unit_named

PRINT = ("inch", "cm")  # what ImageJ makes of a DPI tag
IMAGEJ_METRES = {unit: length for unit, length in METRES.items() if unit not in PRINT}
OME_METRES = {**METRES, "thou": METRES["inch"] / 1000, "pt": METRES["inch"] / 72}
MICRO = re.compile(r"(?:\\u00b5|\u00c2?\u00b5|\u03bc|u)m|micro(?:n|met(?:er|re))s?", re.IGNORECASE)
SECONDS = {
    "sec": 1.0, "s": 1.0, "seconds": 1.0, "msec": 0.001, "ms": 0.001, "min": 60.0, "minutes": 60.0,
    "h": 3600.0, "hr": 3600.0, "hours": 3600.0,
}  # fmt: skip

Sizes = tuple[Fraction | None, Fraction | None, Fraction | None]
"""Width, height and depth of a pixel in µm, each where it is known."""


def pixel_size(info: Info) -> tuple[float, float] | None:
    """Width and height of a pixel in µm as OME or ImageJ's unit give it, else None.

    Of several images in an OME file all have to have the same.
    """
    width, height, _ = _sizes(info)
    return (float(width), float(height)) if width and height else None


def resolution_of(size: tuple[float, float]) -> Resolution:
    """Pixels per µm of pixels of that width and height in µm."""
    return Resolution(1 / Fraction(repr(size[0])), 1 / Fraction(repr(size[1])), "µm")


def depth_and_interval(info: Info) -> dict[str, float]:
    """The step in z in µm ("spacing") and in time in seconds ("finterval"), where known."""
    layout = info.tiff
    depth = _sizes(info)[2]
    found = {"spacing": float(depth)} if depth else {}
    if layout and layout.kind == "imagej":
        interval = _positive(_text(layout.description, "finterval"))
        unit = SECONDS.get(_text(layout.description, "tunit") or "sec")
        found |= {"finterval": float(interval) * unit} if interval and unit else {}
    return found


def ome_disagrees(layout: TiffLayout) -> bool:
    """Whether the images of an OME file have pixels of different sizes."""
    return _is_ome(layout) and len({sizes[:2] for sizes in _images(layout)}) > 1


def _sizes(info: Info) -> Sizes:
    layout = info.tiff
    if layout is not None and _is_ome(layout):
        width, height, depth = (_common(one) for one in zip(*_images(layout), strict=True))
        return width, height, depth
    if layout is not None and layout.kind == "imagej":
        return _imagej(info, layout.description)
    return None, None, None


def _is_ome(layout: TiffLayout) -> bool:
    """By its text too: files of several images are of no kind."""
    return layout.kind == "ome" or layout.description.rstrip().endswith("OME>")


def _imagej(info: Info, text: str) -> Sizes:
    """ImageJ's text names the units, y and z their own only if it is another than that of x."""
    x = _text(text, "unit")
    width, height, depth = (
        _micrometres(_text(text, name) or x, IMAGEJ_METRES) for name in ("unit", "yunit", "zunit")
    )
    per, spacing = info.resolution, _positive(_text(text, "spacing"))
    return (
        width / per.x if per and per.x and width else None,
        height / per.y if per and per.y and height else None,
        depth * spacing if spacing and depth else None,
    )


def _text(description: str, name: str) -> str:
    found = re.search(rf"^{name}=(.*)$", description, re.MULTILINE)
    return found[1].strip() if found else ""


def _images(layout: TiffLayout) -> list[Sizes]:
    """PhysicalSizeX, Y and Z of each image of an OME file; µm where their unit is not said."""
    tags = re.findall(r"<(?:\w+:)?Pixels\b[^>]*>", layout.description) or [""]
    return [(_physical(tag, "X"), _physical(tag, "Y"), _physical(tag, "Z")) for tag in tags]


def _common(sizes: tuple[Fraction | None, ...]) -> Fraction | None:
    return sizes[0] if len(set(sizes)) == 1 else None


def _physical(pixels: str, axis: str) -> Fraction | None:
    size = re.search(rf"""\bPhysicalSize{axis}=["']([^"']+)""", pixels)
    unit = re.search(rf"""\bPhysicalSize{axis}Unit=["']([^"']*)""", pixels)
    length = _positive(size[1]) if size else None
    micrometres = _micrometres(html.unescape(unit[1]) if unit else "µm", OME_METRES)
    return length * micrometres if length and micrometres else None


def _positive(text: str) -> Fraction | None:
    """A number that stays one times any unit."""
    try:
        number = float(text)
    except ValueError:
        return None
    return Fraction(repr(number)) if 1e-99 < number < 1e99 else None


def _micrometres(unit: str, metres: Mapping[str, Fraction]) -> Fraction | None:
    """How long the unit is; None where it is no length."""
    unit = unicodedata.normalize("NFC", unit.strip())  # of Å there are three
    length = metres.get("µm" if MICRO.fullmatch(unit) else unit_named(unit))
    return length / METRES["µm"] if length else None
