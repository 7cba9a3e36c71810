"""The tags of a TIFF's first page that are worth keeping, as `Info` and `TiffLayout` hold them."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

from imgconv.images.info import TiffLayout
from imgconv.images.limits import Room
from imgconv.images.metadata import imagej, ome
from imgconv.images.notes import Notes
from imgconv.images.resolution import Resolution
from imgconv.text import Fact

ORIENTATION, SOFTWARE, SUBIFDS, XMP, ICC, EXIF = 274, 305, 330, 700, 34675, 34665
DIRECTORIES = (EXIF, 34853)  # EXIF and GPS, lists of tags of their own
IMAGEJ = (50838, 50839)
LAYERS, RESOURCES, TRANSFER = 37724, 34377, 301
IPTC = (33723, RESOURCES)
MICROMANAGER = 51123
UNTRUE = {  # what shows the image as it was
    LAYERS: "Photoshop's layers are", RESOURCES: "Photoshop's resources (thumbnail, paths) are",
}  # fmt: skip
BLOCKS = {ICC: "colour profile", XMP: "XMP"}
# Kept elsewhere, or true only of the file they stood in.
NOT_COPIED = frozenset({
    254, 255, 256, 257, 258, 259, 262, 263, 264, 265, 266, 270, 273, ORIENTATION, 277, 278, 279,
    280, 281, 282, 283, 284, 287, 288, 289, 296, SOFTWARE, 317, 318, 319, 320, 322, 323, 324, 325,
    SUBIFDS, 332, 333, 334, 336, 337, 338, 339, 340, 341, 347, 400, 512, 513, 514, 515, 517, 518,
    519, 520, 521, 529, 530, 531, 532, XMP, 32995, 32996, 32997, 32998, EXIF, ICC, 34853, 40965,
    MICROMANAGER, *IPTC, *UNTRUE,
})  # fmt: skip
COPIED_TYPES = frozenset({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 16, 17})


def layout(tiff: Any, page: Any, kind: str, room: Room) -> TiffLayout:
    """The layout of tifffile's `page`, the first of the file `tiff`; as many of its other tags as
    find room."""
    return TiffLayout(
        kind=kind,
        description=page.description or "",
        compression=compression_name(page),
        predictor=int(page.predictor),
        photometric=photometric_name(page),
        planar=int(page.planarconfig or 1) == 2 and page.samplesperpixel > 1,
        tile=(page.tilelength, page.tilewidth) if page.is_tiled else None,
        bigtiff=tiff.is_bigtiff,
        byteorder=tiff.byteorder,
        extrasamples=tuple(int(e) for e in page.extrasamples),
        resolution=tag_resolution(page),
        tags=tuple(_other_tags(tiff, page, room)),
    )


def compression_name(page: Any) -> str:
    import tifffile

    return tifffile.COMPRESSION(page.compression).name.lower()


def photometric_name(page: Any) -> str:
    import tifffile

    return tifffile.PHOTOMETRIC(page.photometric).name.lower()


def _other_tags(tiff: Any, page: Any, room: Room) -> list[tuple[int, int, int, Any]]:
    """Every other tag, as its bytes: code, type, count, value."""
    kept = []
    for tag in page.tags:
        elsewhere = tag.code in NOT_COPIED or tag.code in UNTRUE
        if elsewhere or int(tag.dtype) not in COPIED_TYPES or not room.take(tag.valuebytecount):
            continue
        kept.append((tag.code, int(tag.dtype), tag.count, content(tiff, page, tag.code)))
    return kept


def content(tiff: Any, page: Any, code: int) -> bytes | None:
    """A tag's value as it stands in the file."""
    tag = page.tags.get(code)
    if tag is None:
        return None
    tiff.filehandle.seek(tag.valueoffset)
    return tiff.filehandle.read(tag.valuebytecount)


def tag_resolution(page: Any) -> Resolution | None:
    """What XResolution, YResolution and ResolutionUnit say."""
    x, y = (_ratio(page.tags.valueof(code)) for code in (282, 283))
    if not x or not y:
        return None
    unit = {2: "inch", 3: "cm"}.get(int(page.tags.valueof(296, default=2)), "")
    return Resolution(x, y, unit)


def _ratio(value: Any) -> Fraction | None:
    try:
        return Fraction(int(value[0]), int(value[1]))
    except (TypeError, ValueError, IndexError, ZeroDivisionError):
        return None


def resolution(page: Any, kind: str, text: str) -> Resolution | None:
    """The physical resolution: what OME or ImageJ says in `text`, else the tags."""
    found = tag_resolution(page)
    if kind == "ome":
        return ome.resolution(text) or found
    if kind == "imagej" and found:
        return imagej.resolution(text, found)
    return found


def kind_of(tiff: Any, page: Any) -> str:
    """Who wrote the description."""
    if tiff.is_ome:
        return "ome"
    if tiff.is_imagej:
        return "imagej"
    return "shaped" if _is_shaped(page.description or "") else "plain"


def _is_shaped(description: str) -> bool:
    try:
        return description[:1] == "{" and "shape" in json.loads(description)
    except ValueError:
        return False


def block(page: Any, code: int, notes: Notes) -> bytes | None:
    """The content of a tag that should hold bytes; where it holds anything else, a note says so."""
    value = page.tags.valueof(code)
    found = bytes_of(value)
    if value and found is None:
        notes.add(Fact(f"tag {code} ({BLOCKS[code]}) holds no bytes and is left out"))
    return found


def bytes_of(value: Any) -> bytes | None:
    """The content of a tag that should hold bytes; None where it holds nothing or anything else."""
    if isinstance(value, str):
        return value.encode("utf-8")
    return value if isinstance(value, bytes) and value else None
