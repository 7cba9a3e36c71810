"""The size of a pixel in micrometres, where a microscope's file says it; never from DPI."""

from __future__ import annotations

import html
import re
from fractions import Fraction

from .info import Info, TiffLayout
from .resolution import METRES, Resolution, unit_named

PRINT = ("inch", "cm")  # what ImageJ makes of a DPI tag
MICRO = re.compile(r"(?:\\u00b5|\u00c2?\u00b5|\u03bc|u)m|micro(?:n|met(?:er|re))s?", re.IGNORECASE)


def pixel_size(info: Info) -> tuple[float, float] | None:
    """Width and height of a pixel in µm as OME or ImageJ's unit give it, else None."""
    layout = info.tiff
    if layout is None:
        return None
    known = _ome(layout) if layout.kind == "ome" else _imagej(info, layout)
    metric = known.per("µm") if known else None
    return metric.pixel_size[:2] if metric and metric.pixel_size else None


def resolution_of(size: tuple[float, float]) -> Resolution:
    """Pixels per µm of pixels of that width and height in µm."""
    return Resolution(1 / Fraction(repr(size[0])), 1 / Fraction(repr(size[1])), "µm")


def _imagej(info: Info, layout: TiffLayout) -> Resolution | None:
    """ImageJ's text names the unit, its tags hold the numbers."""
    unit = re.search(r"^unit=(.*)$", layout.description, re.MULTILINE)
    if layout.kind != "imagej" or not unit or not info.resolution:
        return None
    return _known(info.resolution.x, info.resolution.y, unit[1])


def _ome(layout: TiffLayout) -> Resolution | None:
    """PhysicalSizeX and Y of the first image; µm where their unit is not said."""
    found = (_physical(layout.description, axis) for axis in "XY")
    sizes = [known for known in found if known]
    if len(sizes) < 2:
        return None
    (x, unit), (y, other) = sizes
    across, down = _known(1 / x, 1 / x, unit), _known(1 / y, 1 / y, other)
    return Resolution(across.x, down.y, "µm") if across and down else None


def _physical(xml: str, axis: str) -> tuple[Fraction, str] | None:
    size = re.search(rf"""\bPhysicalSize{axis}=["']([^"']+)""", xml)
    unit = re.search(rf"""\bPhysicalSize{axis}Unit=["']([^"']*)""", xml)
    try:
        length = Fraction(size[1]) if size else Fraction(0)
    except ValueError:
        return None
    return (length, html.unescape(unit[1]) if unit else "µm") if length > 0 else None


def _known(x: Fraction, y: Fraction, unit: str) -> Resolution | None:
    """In µm, if the unit is a length that no DPI tag stands behind."""
    unit = unit.strip()
    name = "µm" if MICRO.fullmatch(unit) else unit_named(unit)
    if name not in METRES or name in PRINT or not x or not y:
        return None
    return Resolution(x, y, name).per("µm")


def depth_and_interval(info: Info) -> dict[str, float]:
    """What ImageJ's text says of the step in z ("spacing") and in time ("finterval")."""
    layout = info.tiff
    if layout is None:
        return {}
    found: dict[str, float] = {}
    if layout.kind == "imagej":
        for name in ("spacing", "finterval"):
            number = re.search(rf"^{name}=([-+.\deE]+)$", layout.description, re.MULTILINE)
            found |= {name: float(number[1])} if number else {}
    elif layout.kind == "ome" and (depth := _physical(layout.description, "Z")):
        known = _known(1 / depth[0], 1 / depth[0], depth[1])
        found |= {"spacing": float(1 / known.x)} if known else {}
    return found
