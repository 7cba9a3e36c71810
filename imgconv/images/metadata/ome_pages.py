"""What an OME-XML text says of one file: of its own pages, not of those in other files.

OME-TIFF may spread an acquisition over files, each with the text of all; Micro-Manager does so for
every position. A file is read for what it holds, so its text is cut to that before tifffile reads
it. https://docs.openmicroscopy.org/ome-model/latest/ome-tiff/specification.html
"""

from __future__ import annotations

import copy
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from math import prod
from pathlib import Path
from typing import Any

MOST = 1 << 22  # planes of an image; a text may tell anything
WORDS = {"T": "time points", "Z": "planes in depth", "C": "channels"}
TAG = 51123  # Micro-Manager's metadata of a plane
MICROMANAGER = ("C", "Z", "T")  # the first columns of its index of planes; then the position

Place = tuple[int, int, int]
"""Of a plane, along Z, C and T, from 0."""


@dataclass
class Part:
    """What a file holds of one image: the image's own text, and the page of each plane."""

    image: ET.Element
    pages: dict[Place, int]
    notes: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.image.get("Name") or ""


@dataclass(frozen=True)
class Own:
    """An OME text cut to a file: the whole of it for tifffile, and one text for each image."""

    whole: str
    images: tuple[str, ...]
    names: tuple[str, ...]
    notes: tuple[str, ...]


def own_part(xml: str, tiff: Any, path: str) -> Own | None:
    """What `xml` says of the pages of tifffile's `tiff`, which is the file `path`.

    None where nothing in it can be: then pages are only pages.
    """
    try:
        root = _with_companion(ET.fromstring(xml), path)
        parts = [part for part in _parts(root, tiff, Path(path).name) if part.pages]
    except (ET.ParseError, ValueError):  # no XML; sizes that are no numbers, or beyond all
        return None
    if not parts:
        return None
    if len(parts) == 1 and _is_whole(parts[0]):
        return Own(xml, (xml,), ("",), ())
    for part in parts:
        _cut(part)
    space = root.tag.partition("}")[0].lstrip("{")
    ET.register_namespace("", space)
    several = len(parts) > 1
    names = tuple(part.name or f"image {n}" if several else "" for n, part in enumerate(parts, 1))
    notes = dict.fromkeys(note for part in parts for note in part.notes)
    one_each = tuple(_text(root, [part], first=0) for part in parts)
    return Own(_text(root, parts), one_each, names, tuple(notes))


def join_texts(texts: Sequence[str]) -> str:
    """One text of several files' or images' texts, whose pages follow one another."""
    roots = [ET.fromstring(text) for text in texts]
    ET.register_namespace("", roots[0].tag.partition("}")[0].lstrip("{"))
    parts = []
    first = 0
    for number, root in enumerate(roots):
        for image in _children(root, "Image"):
            own = _pages(_pixels(image), 0)
            pages = {place: first + page for place, page in own.items()}
            first += len(pages)
            image.set("ID", f"Image:{number}")
            _pixels(image).set("ID", f"Pixels:{number}")
            for n, channel in enumerate(_children(_pixels(image), "Channel")):
                channel.set("ID", f"Channel:{number}:{n}")
            parts.append(Part(image, pages))
    for part in parts:
        _write_pages(part)
    return _text(roots[0], parts)


def _with_companion(root: ET.Element, path: str) -> ET.Element:
    """The text itself, or that of the file beside it in which all is said."""
    for only in _children(root, "BinaryOnly"):
        beside = Path(path).parent / Path(only.get("MetadataFile", "")).name
        if beside.suffix == ".ome" and beside.is_file():
            told = ET.fromstring(beside.read_bytes())
            told.set("UUID", only.get("UUID", ""))
            return told
    return root


def _is_whole(part: Part) -> bool:
    """Whether the text tells just what is there, in this file alone."""
    blocks = _children(_pixels(part.image), "TiffData")
    others = any(_children(block, "UUID") for block in blocks)
    return bool(blocks) and not others and len(part.pages) == len(_in_order(_pixels(part.image)))


def _parts(root: ET.Element, tiff: Any, name: str) -> Iterator[Part]:
    """Each image with the pages that this file has of it."""
    images = [image for image in _children(root, "Image") if _pixels(image) is not None]
    uuid = _own_uuid(root, images, name)
    count, first = len(tiff.pages), 0
    if uuid is None:
        yield from _by_index(images, tiff)
        return
    for image in images:
        pages = _pages(_pixels(image), first, uuid)
        first += len(pages)
        yield Part(image, {place: page for place, page in pages.items() if page < count})


def _own_uuid(root: ET.Element, images: list[ET.Element], name: str) -> str | None:
    """Which of the files that the text names this one is; "" if it names none, None if unknown."""
    named = {
        uuid.text or "": uuid.get("FileName", "")
        for image in images
        for data in _children(_pixels(image), "TiffData")
        for uuid in _children(data, "UUID")
    }
    by_name = [uuid for uuid, file in named.items() if Path(file).name.lower() == name.lower()]
    own = root.get("UUID")
    if not named or own in named:
        return own if named else ""
    return by_name[0] if by_name else next(iter(named)) if len(named) == 1 else None


def _by_index(images: list[ET.Element], tiff: Any) -> Iterator[Part]:
    """Of a renamed file of Micro-Manager, whose own index says what its planes are."""
    known: Mapping[str, Any] = tiff.micromanager_metadata or {}
    index = known.get("IndexMap")
    if index is None or len(index) != len(tiff.pages) or len({row[3] for row in index}) != 1:
        return
    position = int(index[0][3])
    if position < len(images):
        places = [dict(zip(MICROMANAGER, map(int, row), strict=False)) for row in index]
        pages = {(at["Z"], at["C"], at["T"]): page for page, at in enumerate(places)}
        yield Part(images[position], pages)


def count_planes(xml: str) -> int:
    """How many planes the text tells of, in all files."""
    try:
        images = _children(ET.fromstring(xml), "Image")
    except ET.ParseError:
        return 0
    sizes = (_told_sizes(pixels) for image in images if (pixels := _pixels(image)) is not None)
    return sum(prod(one.values()) for one in sizes)


def _pages(pixels: ET.Element, first: int, uuid: str = "") -> dict[Place, int]:
    """The page of each plane; `first` is that of the first plane if the text does not say."""
    order = [axis for axis in pixels.get("DimensionOrder", "XYCZT") if axis in "ZCT"]
    sizes = _sizes(pixels)
    counts = [range(sizes[axis]) for axis in reversed(order)]
    places = [dict(zip(reversed(order), at, strict=True)) for at in product(*counts)]
    every = [(at["Z"], at["C"], at["T"]) for at in places]
    number = {place: n for n, place in enumerate(every)}
    blocks = _children(pixels, "TiffData")
    if not blocks:
        return {place: first + n for n, place in enumerate(every)}
    found: dict[Place, int] = {}
    for block in blocks:
        if uuid and any(one.text != uuid for one in _children(block, "UUID")):
            continue
        start = tuple(int(block.get(f"First{axis}", 0)) for axis in "ZCT")
        if start in number:
            at, page = number[start], int(block.get("IFD", 0))
            usual = 1 if "IFD" in block.attrib else len(every)
            many = int(block.get("PlaneCount", block.get("NumPlanes", usual)))
            found |= {place: page + n for n, place in enumerate(every[at : at + many])}
    return found


def _sizes(pixels: ET.Element) -> dict[str, int]:
    """How many planes along Z, C and T. Raises ValueError where a file cannot hold so many."""
    sizes = _told_sizes(pixels)
    if prod(sizes.values()) > MOST:
        raise ValueError(f"{sizes} are more planes than a file has")
    return sizes


def _told_sizes(pixels: ET.Element) -> dict[str, int]:
    """How many planes the text tells of along Z, C and T; the colours of a pixel are one."""
    samples = max(
        (int(c.get("SamplesPerPixel", 1)) for c in _children(pixels, "Channel")), default=1
    )
    sizes = {axis: max(1, int(pixels.get(f"Size{axis}", 1))) for axis in "ZCT"}
    return sizes | {"C": max(1, sizes["C"] // samples)}


def from_index(tiff: Any) -> str:
    """A text made of Micro-Manager's own index of planes, where it has written no OME."""
    known: Mapping[str, Any] = tiff.micromanager_metadata or {}
    index, page = known.get("IndexMap"), tiff.pages.first
    if index is None or len(index) != len(tiff.pages) or len({row[3] for row in index}) != 1:
        return ""
    sizes = {axis: int(index[:, n].max()) + 1 for n, axis in enumerate(MICROMANAGER)}
    names = known.get("Summary", {}).get("ChNames", [])
    root = ET.Element("OME")
    told = {f"Size{axis}": str(n) for axis, n in sizes.items()}
    width, height = str(page.imagewidth), str(page.imagelength)
    size = {"SizeX": width, "SizeY": height, "DimensionOrder": "XYCZT", "Type": str(page.dtype)}
    pixels = ET.SubElement(ET.SubElement(root, "Image"), "Pixels", {**size, **told})
    if step := dict(page.tags.valueof(TAG) or {}).get("PixelSizeUm"):
        pixels.attrib |= {"PhysicalSizeX": str(step), "PhysicalSizeY": str(step)}
    for number in range(sizes["C"]):
        name = names[number] if number < len(names) else f"c{number + 1}"
        ET.SubElement(pixels, "Channel", {"Name": str(name)})
    for number, row in enumerate(index):
        firsts = {f"First{axis}": str(n) for axis, n in zip(MICROMANAGER, row, strict=False)}
        ET.SubElement(pixels, "TiffData", {"IFD": str(number), **firsts, "PlaneCount": "1"})
    return ET.tostring(root, encoding="unicode")


def _cut(part: Part) -> None:
    """The image's text cut to the planes that are there: all of some places along each axis."""
    pixels = _pixels(part.image)
    kept = _whole_part(set(part.pages), pixels)
    axes = [sorted({place[n] for place in kept}) for n in range(3)]
    renumber = [{old: new for new, old in enumerate(one)} for one in axes]
    part.pages = {
        tuple(renumber[n][at] for n, at in enumerate(place)): page  # type: ignore[misc]
        for place, page in part.pages.items()
        if place in kept
    }
    declared = _sizes(pixels)
    for axis, there in zip("ZCT", axes, strict=True):
        if len(there) < declared[axis]:
            part.notes.append(
                f"holds {len(there)} of the {declared[axis]} {WORDS[axis]} that its OME text "
                "tells; look whether more files belong to it"
            )
            _shorten(pixels, axis, there)
    _write_pages(part)


def _whole_part(there: set[Place], pixels: ET.Element) -> set[Place]:
    """Without the last time point (or what changes slowest) if it was stopped in between."""
    slowest = [axis for axis in pixels.get("DimensionOrder", "XYCZT") if axis in "ZCT"][::-1]
    for axis in slowest:
        at = "ZCT".index(axis)
        groups = [{p for p in there if p[at] == n} for n in sorted({p[at] for p in there})]
        most = max(map(len, groups))
        whole = {place for group in groups if len(group) == most for place in group}
        lengths = [len({place[n] for place in whole}) for n in range(3)]
        if len(whole) == lengths[0] * lengths[1] * lengths[2]:
            return whole
    first = min(there)
    return {first}


def _shorten(pixels: ET.Element, axis: str, there: list[int]) -> None:
    samples = int(pixels.get(f"Size{axis}", 1)) // _sizes(pixels)[axis]
    pixels.set(f"Size{axis}", str(len(there) * samples))
    if axis == "C":
        for number, channel in enumerate(_children(pixels, "Channel")):
            if number not in there:
                pixels.remove(channel)


def _write_pages(part: Part) -> None:
    """The pages as one element for each plane, of this file."""
    pixels = _pixels(part.image)
    space = pixels.tag.removesuffix("Pixels")
    blocks = _children(pixels, "TiffData")
    after = [n for n, child in enumerate(pixels) if child.tag.endswith(("Channel", "BinData"))]
    at = list(pixels).index(blocks[0]) if blocks else max(after, default=-1) + 1
    for block in blocks:
        pixels.remove(block)
    if list(part.pages) == _in_order(pixels) and _is_run(list(part.pages.values())):
        first = next(iter(part.pages.values()))
        told = {"IFD": str(first), "PlaneCount": str(len(part.pages))}
        pixels.insert(at, ET.Element(f"{space}TiffData", told))
        return
    for place, page in reversed(part.pages.items()):
        firsts = {f"First{axis}": str(n) for axis, n in zip("ZCT", place, strict=True)}
        told = {"IFD": str(page), **firsts, "PlaneCount": "1"}
        pixels.insert(at, ET.Element(f"{space}TiffData", told))


def _in_order(pixels: ET.Element) -> list[Place]:
    bare = copy.deepcopy(pixels)
    for block in _children(bare, "TiffData"):
        bare.remove(block)
    return list(_pages(bare, 0))


def _is_run(pages: list[int]) -> bool:
    return pages == list(range(pages[0], pages[0] + len(pages)))


def _text(root: ET.Element, parts: Sequence[Part], first: int | None = None) -> str:
    """The text with these images only, belonging to no other file. `first`: renumber the pages."""
    whole = copy.copy(root)
    whole[:] = [child for child in root if not child.tag.endswith(("}Image", "BinaryOnly"))]
    whole.attrib.pop("UUID", None)
    images = [copy.deepcopy(part.image) for part in parts]
    if first is not None:
        for image, part in zip(images, parts, strict=True):
            pages = dict(zip(part.pages, range(first, first + len(part.pages)), strict=True))
            _write_pages(Part(image, pages))
    whole[:0] = images
    return '<?xml version="1.0" encoding="UTF-8"?>' + ET.tostring(whole, encoding="unicode")


def _children(element: ET.Element | None, name: str) -> list[ET.Element]:
    return [] if element is None else [c for c in element if c.tag.rpartition("}")[2] == name]


def _pixels(image: ET.Element) -> ET.Element:
    found = _children(image, "Pixels")
    return found[0] if found else None  # type: ignore[return-value]
