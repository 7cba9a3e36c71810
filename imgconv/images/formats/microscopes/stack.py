"""One image of a maker's file, as a library gives it, made an Image with axes, names and sizes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

import numpy as np

from imgconv.errors import InputError, OutputError
from imgconv.images import samples
from imgconv.images.image import Image
from imgconv.images.info import Info, TiffLayout
from imgconv.images.limits import Limits
from imgconv.images.options import WriteOptions
from imgconv.images.pixelsize import resolution_of

ORDER = "TCZ"  # as OME-TIFF has it, the slowest first
EXTRA = "pip install 'imgconv[microscopes]'"


@dataclass(frozen=True)
class Stack:
    """`sizes` of the axes T, C and Z, `read` gives the plane (H, W) or (H, W, 3) at a place."""

    name: str
    sizes: dict[str, int]
    height: int
    width: int
    dtype: np.dtype[Any]
    read: Callable[[dict[str, int]], np.ndarray]
    samples: int = 1
    channels: Sequence[str] = ()
    pixel: tuple[float, float] | None = None  # width and height in µm
    depth: float | None = None  # from plane to plane, in µm


@dataclass
class Stacks:
    """A reader: the images of a file and what is to be said of them."""

    images: list[Image]
    notes: list[str] = field(default_factory=list)


def held(stacks: Iterable[Stack], path: str, name: str) -> Iterator[Stack]:
    """The stacks, of which all together have no more planes than a file of this length can have a
    word about. Raises InputError at the first that is too many."""
    size, planes = Path(path).stat().st_size, 0
    for stack in stacks:
        planes += math.prod(stack.sizes.values())
        if planes > size:
            raise InputError(f"{name}: damaged: it tells of {planes:,} planes in {size:,} bytes")
        yield stack


def image_of(stack: Stack, format: str, name: str, limits: Limits) -> Image:
    """The stack as an image of the file `name`."""
    limits.check(name, stack.height, stack.width)
    axes = "".join(axis for axis in ORDER if stack.sizes.get(axis, 1) > 1)
    counts = tuple(stack.sizes[axis] for axis in axes)
    colour = stack.samples > 1
    dtype = samples.delivered_dtype(stack.dtype, name)
    info = Info(
        format, dtype, stack.height, stack.width, stack.samples,
        axes=axes + ("YXS" if colour else "YX"),
        shape=(*counts, stack.height, stack.width, *((stack.samples,) if colour else ())),
        name=stack.name, source_dtype="" if dtype == stack.dtype else str(stack.dtype),
        resolution=resolution_of(stack.pixel) if stack.pixel else None,
        tiff=TiffLayout("ome", ome_text(stack), photometric="rgb" if colour else "minisblack"),
    )  # fmt: skip

    def planes() -> Iterator[np.ndarray]:
        for place in np.ndindex(*counts):
            plane = stack.read(dict(zip(axes, place, strict=True)))
            yield samples.convert(plane.reshape(info.height, info.width, -1), name, limits)

    return Image(info, planes)


def ome_text(stack: Stack) -> str:
    """What OME-TIFF says of it: axes, channels by name, lengths."""
    import xml.etree.ElementTree as ET

    root = ET.Element("OME", xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06")
    image = ET.SubElement(root, "Image", ID="Image:0", Name=stack.name)
    count = stack.sizes.get("C", 1)
    known = {
        "ID": "Pixels:0", "DimensionOrder": "XYZCT", "Type": _type(stack.dtype),
        "SizeX": stack.width, "SizeY": stack.height, "SizeZ": stack.sizes.get("Z", 1),
        "SizeC": count * stack.samples, "SizeT": stack.sizes.get("T", 1),
    }  # fmt: skip
    lengths = dict(zip("XY", stack.pixel or (), strict=False)) | {"Z": stack.depth}
    known |= {f"PhysicalSize{axis}": repr(n) for axis, n in lengths.items() if n}
    pixels = ET.SubElement(image, "Pixels", {key: str(value) for key, value in known.items()})
    for n in range(count):
        told = {"ID": f"Channel:0:{n}", "SamplesPerPixel": str(stack.samples)}
        told |= {"Name": stack.channels[n]} if n < len(stack.channels) else {}
        ET.SubElement(pixels, "Channel", told)
    planes = np.prod([stack.sizes.get(axis, 1) for axis in ORDER])
    ET.SubElement(pixels, "TiffData", IFD="0", PlaneCount=str(planes))
    return '<?xml version="1.0" encoding="UTF-8"?>' + ET.tostring(root, encoding="unicode")


def _type(dtype: np.dtype[Any]) -> str:
    return {"float32": "float", "float64": "double"}.get(str(dtype), str(dtype))


def path_of(file: BinaryIO, name: str, kind: str) -> str:
    """The file's path, which these libraries need."""
    path = getattr(file, "name", None)
    if not isinstance(path, str):
        raise InputError(f"{name}: {kind} cannot come through a pipe: give the file's name")
    return path


def refuse_missing(name: str, kind: str, library: str) -> NoReturn:
    raise InputError(
        f"{name}: reading {kind} needs {library}: {EXTRA}; or save it as OME-TIFF in Fiji "
        "(Bio-Formats)"
    )


def refuse_writing(kind: str) -> Callable[[BinaryIO, Sequence[Image], WriteOptions], None]:
    """A writer that says that there is none."""

    def write(file: BinaryIO, images: Sequence[Image], options: WriteOptions) -> None:
        raise OutputError(f"{kind} is only read: write OME-TIFF, with `output='NAME.ome.tif'`")

    return write
