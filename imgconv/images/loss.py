"""What is known of images, and a format has no place for, in words."""

from __future__ import annotations

from collections.abc import Sequence

from .formats import ALL, Format
from .info import GDAL_NODATA, Info

NAMES = {
    "exif": "EXIF", "xmp": "XMP", "icc": "the colour profile", "iptc": "IPTC", "text": "text",
    "comments": "comments", "png_colour": "what {} says of the colours",
    "background": "the background colour", "duration": "the times of the frames",
    "lut": "the pseudo-colour table", "resolution": "the resolution", "tags": "the TIFF tags {}",
}  # fmt: skip
TAGS = {  # of TIFFs, that somebody wrote for others to read
    271: "Make", 272: "Model", 306: "DateTime", 315: "Artist", 33432: "Copyright",
    33550: "ModelPixelScale", 33922: "ModelTiepoint", 34264: "ModelTransformation",
    34735: "GeoKeys", GDAL_NODATA: "GDAL_NODATA", 50839: "IJMetadata",
}  # fmt: skip


def find_loss(infos: Sequence[Info], kind: Format) -> list[str]:
    """What would be lost of them, a sentence for each thing, with formats that keep it."""
    found = {
        field: dict.fromkeys(part for info in infos for part in _parts(info, field))
        for field in NAMES
        if field not in kind.keeps | kind.keeps_partly
    }
    return [
        f"{kind.name.upper()} has no place for {NAMES[field].format(', '.join(parts))}"
        + _instead(field)
        for field, parts in found.items()
        if parts
    ]


def _instead(field: str) -> str:
    """The first formats that keep it."""
    names = [one.name.upper() for one in ALL if field in one.keeps][:2]
    return f"; {' and '.join(names)} {'have' if len(names) > 1 else 'has'}" if names else ""


def _parts(info: Info, field: str) -> Sequence[str]:
    """The names of what a field holds; none where nothing would be lost."""
    if field == "png_colour":  # that colours are sRGB is what everybody takes them for
        names = [kind.decode("latin-1") for kind, _ in info.png_colour if kind != b"sRGB"]
        return [] if info.icc else names
    if field == "tags":
        codes = [code for code, *_ in info.tiff.tags] if info.tiff else []
        described = ["ImageDescription"] if info.tiff and info.tiff.description else []
        described = [] if info.zarr else described  # made of what an OME-Zarr says
        return described + [TAGS[code] for code in codes if code in TAGS]
    if field == "resolution":  # a ratio alone is no length
        return [field] if info.resolution and info.resolution.unit else []
    return [field] if getattr(info, field) else []
