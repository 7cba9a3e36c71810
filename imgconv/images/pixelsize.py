"""The size of a pixel in micrometres, where a microscope's file says it; never from DPI."""

from __future__ import annotations

from fractions import Fraction

from .info import Info, TiffLayout
from .metadata import imagej, ome
from .metadata.lengths import Sizes
from .resolution import Resolution


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
    depth, layout = _sizes(info)[2], info.tiff
    found = {"spacing": float(depth)} if depth else {}
    interval = _interval(layout) if layout else None
    return found | ({"finterval": interval} if interval else {})


def _interval(layout: TiffLayout) -> float | None:
    if _is_ome(layout):
        return ome.interval(layout.description)
    return imagej.interval(layout.description) if layout.kind == "imagej" else None


def _sizes(info: Info) -> Sizes:
    layout = info.tiff
    if layout is not None and _is_ome(layout):
        return ome.sizes(layout.description)
    if layout is not None and layout.kind == "imagej":
        return imagej.sizes(layout.description, info.resolution)
    return None, None, None


def _is_ome(layout: TiffLayout) -> bool:
    """By its text too: files of several images are of no kind."""
    return layout.kind == "ome" or layout.description.rstrip().endswith("OME>")
