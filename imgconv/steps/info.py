"""What there is to say of a file: one record."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from imgconv.batch import Done, Item
from imgconv.images import Info, open_image
from imgconv.images.info import TiffLayout

EXIF_OFFSET, GPS_OFFSET = 0x8769, 0x8825  # tags that point at further tables


@dataclass(frozen=True)
class DescribeFile:
    """The step of `info`: read the file, return its record; `values`: with the range of them."""

    imports: ClassVar = ("PIL.ExifTags", "PIL.ImageCms")  # when it works
    reading: Mapping[str, Any] = field(default_factory=dict)
    values: bool = True

    def __call__(self, item: Item) -> Done:
        with open_image(item.source, **self.reading) as source:
            record = describe(source.info)
            if self.values:
                record |= value_range(source.planes())
            return Done(notes=tuple(source.notes), record=record)


def describe(info: Info) -> dict[str, Any]:
    """The record without pixels; what is unknown or absent is left out."""
    record: dict[str, Any] = {
        "format": info.format,
        "width": info.width,
        "height": info.height,
        "channels": info.channels,
        "alpha": info.alpha,
        "dtype": str(info.dtype),
        "source_dtype": info.source_dtype,
        "axes": info.axes,
        "shape": [int(n) for n in info.shape],
        "planes": info.planes,
        "compression": info.compression,
        "pixel_size": _pixel_size(info),
        "dpi": [round(d, 4) for d in info.dpi] if info.dpi else None,
        "software": info.software,
        "icc": _profile_name(info.icc) if info.icc else None,
        "exif": _exif(info.exif) if info.exif else None,
        "xmp_bytes": len(info.xmp) if info.xmp else None,
        "text": dict(info.words),
        "tiff": _tiff(info),
    }
    return {name: value for name, value in record.items() if value not in (None, "", {}, "none")}


def value_range(planes: Iterable[np.ndarray]) -> dict[str, Any]:
    """The smallest and largest finite value of planes of any shape, and how many are not finite.

    `min` and `max`, where there are any; `not_finite`, where it is not 0.
    """
    low, high, odd = np.inf, -np.inf, 0
    for plane in planes:
        if plane.dtype.kind == "f":
            finite = np.isfinite(plane)
            odd += plane.size - int(np.count_nonzero(finite))
            plane = plane[finite]
        if plane.size:
            low, high = min(low, plane.min().item()), max(high, plane.max().item())
    known = {"min": low, "max": high} if low <= high else {}
    return known | ({"not_finite": odd} if odd else {})


def _pixel_size(info: Info) -> dict[str, Any] | None:
    if info.pixel_size is None:
        return None
    x, y, unit = info.pixel_size
    return {"x": x, "y": y, "unit": unit}


def _tiff(info: Info) -> dict[str, Any]:
    layout = info.tiff
    if layout is None:
        return {}
    facts: dict[str, Any] = {
        "kind": layout.kind,
        "photometric": layout.photometric,
        "tile": list(layout.tile) if layout.tile else None,
        "planar": layout.planar or None,
        "bigtiff": layout.bigtiff or None,
        "extrasamples": list(layout.extrasamples) or None,
        "description": layout.description or None,
    }
    return {name: value for name, value in facts.items() if value is not None} | _tags(layout)


def _tags(layout: TiffLayout) -> dict[str, Any]:
    """Texts and numbers of the tags that only pass through, by their names."""
    from tifffile import TIFF

    plain = {TIFF.TAGS.get(code, str(code)): value for code, _, _, value in layout.tags}
    return {name: value for name, value in plain.items() if isinstance(value, (str, int, float))}


def _profile_name(profile: bytes) -> str:
    from PIL import ImageCms

    try:
        opened = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        name = ImageCms.getProfileDescription(opened).strip()
    except (OSError, ImageCms.PyCMSError):
        name = ""
    return name or f"unnamed profile of {len(profile)} bytes"


def _exif(block: bytes) -> dict[str, Any]:
    """EXIF tags by name; long binary ones by their length."""
    from PIL import ExifTags, Image

    exif = Image.Exif()
    try:
        exif.load(block)
        tables = [(exif, ExifTags.TAGS), (exif.get_ifd(EXIF_OFFSET), ExifTags.TAGS)]
        tables.append((exif.get_ifd(GPS_OFFSET), ExifTags.GPSTAGS))
        tags = {
            names.get(tag, f"0x{tag:04x}"): _plain(value)
            for table, names in tables
            for tag, value in table.items()
        }
    except (SyntaxError, ValueError, TypeError, LookupError, OSError):
        return {"unreadable": f"{len(block)} bytes"}
    return {name: value for name, value in tags.items() if name not in ("ExifOffset", "GPSInfo")}


def _plain(value: Any) -> Any:
    """A tag's value as JSON has it."""
    if isinstance(value, bytes):
        short = value.isascii() and len(value) < 64
        return value.decode("ascii") if short else f"{len(value)} bytes"
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    if isinstance(value, (int, str)):
        return value
    number = float(value)
    return number if np.isfinite(number) else str(value)
