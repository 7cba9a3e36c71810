"""ImageJ's text about an image: lines of `name=value`.

Written by ImageJ's `ij/io/FileInfo` and `TiffEncoder`; what other programs write of it is read too.
"""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING, Any

import numpy as np

from imgconv.images.resolution import METRES, Resolution, unit_named

from .lengths import Sizes, micrometres, positive

if TYPE_CHECKING:
    from imgconv.images.info import Info, TiffLayout

PRINT = ("inch", "cm")  # what ImageJ makes of a DPI tag
KNOWN_METRES = {unit: length for unit, length in METRES.items() if unit not in PRINT}
SECONDS = {
    "sec": 1.0, "s": 1.0, "seconds": 1.0, "msec": 0.001, "ms": 0.001, "min": 60.0, "minutes": 60.0,
    "h": 3600.0, "hr": 3600.0, "hours": 3600.0,
}  # fmt: skip
COUNTS, LABELS = 50838, 50839  # tags: lengths in bytes, and what has them
AXES = {"C": "channels", "Z": "slices", "T": "frames"}


def describe(plane: np.ndarray, info: Info, layout: TiffLayout) -> str:
    """The source's text for planes like `plane`, stacked as `info` says: corrected where it
    would be untrue."""
    lines = layout.description.splitlines()
    stack = dict(zip(info.stack_axes, info.stack_shape, strict=True))
    was = {m[1]: int(m[2]) for m in (re.match(r"(\w+)=(\d+)$", line) for line in lines) if m}
    counted = [was.get(word, 1) for word in AXES.values()]
    if plane.shape[2] == info.channels > 1 and was.get("channels") == info.channels:
        counted[0] = 1
    if int(np.prod(counted)) != info.planes or plane.shape[2] != info.channels:
        dropped = ("images", "hyperstack", *AXES.values())
        lines = [line for line in lines if line.split("=")[0] not in dropped]
        counts = [f"{AXES[a]}={n}" for a, n in stack.items() if a in AXES]
        lines[1:1] = [f"images={info.planes}", *counts] if info.planes > 1 else []
    if plane.dtype != info.dtype:  # the display range was one of other numbers
        lines = [line for line in lines if line.split("=")[0] not in ("min", "max")]
    ending = "\n" if layout.description.endswith("\n") else ""
    return "\n".join(lines) + ending


def sizes(text: str, per: Resolution | None) -> Sizes:
    """The size of a pixel in µm, of which there are so many `per` unit.

    The text names the units, y and z their own only if it is another than that of x.
    """
    x = _value(text, "unit")
    width, height, depth = (
        micrometres(_value(text, name) or x, KNOWN_METRES) for name in ("unit", "yunit", "zunit")
    )
    spacing = positive(_value(text, "spacing"))
    return (
        width / per.x if per and per.x and width else None,
        height / per.y if per and per.y and height else None,
        depth * spacing if spacing and depth else None,
    )


def interval(text: str) -> float | None:
    """Seconds from one frame to the next, where known."""
    found = positive(_value(text, "finterval"))
    unit = SECONDS.get(_value(text, "tunit") or "sec")
    return float(found) * unit if found and unit else None


def resolution(text: str, tag: Resolution) -> Resolution:
    """What the tags say, in the unit that the text names."""
    unit = _value(text, "unit")
    return tag if unit in ("", "pixel", "pixels") else Resolution(tag.x, tag.y, unit_named(unit))


def channel_names(layout: TiffLayout, count: int) -> list[str]:
    """What the labels of the slices call each of `count` channels, where they tell them apart.

    A label's first line is its slice's name; channels change fastest, then depth, then time.
    """
    found: dict[int, Any] = {code: value for code, _, _, value in layout.tags}
    if not {COUNTS, LABELS} <= set(found):
        return []
    from tifffile.tifffile import imagej_metadata

    order = layout.byteorder
    counts = np.frombuffer(found[COUNTS], f"{order}u4").tolist()
    try:
        labels = imagej_metadata(found[LABELS], counts, order).get("Labels", [])
    except (ValueError, LookupError, TypeError, struct.error):  # damaged
        return []
    lines = [str(label).partition("\n")[0].strip() for label in labels]
    each = [set(lines[n::count]) for n in range(count)]
    names = [one.pop() for one in each if len(one) == 1]
    return names if len(set(filter(None, names))) == count else []


def _value(description: str, name: str) -> str:
    found = re.search(rf"^{name}=(.*)$", description, re.MULTILINE)
    return found[1].strip() if found else ""
