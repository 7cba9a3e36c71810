"""TIFF out, through tifffile: page by page, laid out and described as the source was."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

import numpy as np

from imgconv.errors import OutputError
from imgconv.images import colour
from imgconv.images.bands import BandedPlane, Plane, bands_of, likeness_of
from imgconv.images.image import Image, frames, stack_images
from imgconv.images.info import Info, TiffLayout
from imgconv.images.metadata import exif, ome
from imgconv.images.metadata.blocks import update
from imgconv.images.options import WriteOptions
from imgconv.images.pyramid import Pyramid, level_sizes
from imgconv.images.resolution import Resolution, ratio_of_32_bits
from imgconv.text import SOFTWARE

from . import tags
from .apart import LEFT_OUT, NOTE, is_apart, set_apart
from .describe import describe
from .stream import write_page

BIG = 3_900_000_000  # bytes of pixels from which on the offsets need 64 bits
COMPRESSIONS = {
    "none": "none", "lzw": "lzw", "deflate": "adobe_deflate", "zip": "adobe_deflate",
    "packbits": "packbits", "zstd": "zstd", "jpeg": "jpeg",
}  # fmt: skip
WRITABLE = ("none", "lzw", "adobe_deflate", "deflate", "packbits", "zstd", "jpeg")
QUALITY = 92
DESCRIPTION = 270
ROWS = 256  # of a pyramid's smaller image that are read again at a time
NO_HEAD: dict[str, Any] = {
    "description": None, "extratags": (), "iccprofile": None, "resolution": None,
    "resolutionunit": None,
}  # fmt: skip


def write(file: BinaryIO, images: Sequence[Image], options: WriteOptions) -> None:
    """Write planes (H, W, C) of uint8, uint16 or float32 as pages, one at a time.

    Each image's first page carries its description and tags. Frames that came from a format
    without TIFF's tags are one stack.
    """
    import tifffile

    images = images if any(image.info.tiff for image in images) else stack_images(images)
    planes = frames(images)
    given, info = next(planes, (None, None))
    if given is None or info is None:
        raise OutputError("there is no plane to write")
    if len(images) == 1 and isinstance(given, np.ndarray) and is_apart(given, info):
        images = [set_apart(_with_first(images[0], given, planes), given)]
        planes = frames(images)
        given, info = next(planes)
    first = likeness_of(given)
    layouts = [image.info.tiff or TiffLayout() for image in images]
    whole = first.nbytes / _samples(info) * sum(_samples(i.info) * i.info.planes for i in images)
    big = any(layout.bigtiff for layout in layouts) or whole > BIG
    order: Any = layouts[0].byteorder
    before: Info | None = None
    told = _describe_all(images, first)
    with tifffile.TiffWriter(file, bigtiff=big, byteorder=order) as writer:
        for plane, its in itertools.chain([(given, info)], planes):
            layout, like = its.tiff or TiffLayout(), likeness_of(plane)
            head = {} if its is before else _head(like, its, layout)
            if told is not None and head:
                head["description"] = told if before is None else None
            page = {**_page(like, its, layout, options), **head}
            _write_page(writer, plane, its, layout, page, file)
            before = its


def _with_first(image: Image, first: np.ndarray, rest: Iterator[tuple[Any, Info]]) -> Image:
    """The image of a plane that was taken and those after it, which come once."""
    return Image.of(image.info, itertools.chain([first], (plane for plane, _ in rest)))


def _write_page(
    writer: Any, plane: Plane, info: Info, layout: TiffLayout, page: dict[str, Any], file: BinaryIO
) -> None:
    """A plane, and the smaller images that it had."""
    like = likeness_of(plane)
    height, width, channels = like.shape
    sizes = level_sizes((height, width), (info.height, info.width), layout.levels)
    if layout.planar or (page["compression"] == "jpeg" and not page["tile"]):
        sizes = []
    if not sizes and not isinstance(plane, BandedPlane):
        writer.write(_arrange(plane, info, layout), **page)
        return

    name = getattr(file, "name", None)
    folder = (os.path.dirname(name) if isinstance(name, str) else "") or None  # noqa: PTH120

    def arrange(rows: np.ndarray) -> np.ndarray:
        return _arrange(rows, info, layout)

    def put(bands: Iterator[np.ndarray], size: tuple[int, ...], **more: Any) -> None:
        shape = size if channels == 1 else (*size, channels)
        write_page(writer, bands, arrange, shape, like.dtype, {**page, **more}, folder)

    with Pyramid(sizes, folder) as pyramid:
        bands = pyramid.watch(bands_of(plane), height, width)
        put(bands, (height, width), **({"subifds": len(sizes)} if sizes else {}))
        for level, size in enumerate(sizes):
            rows = page["tile"][0] if page["tile"] else ROWS
            put(pyramid.bands(level, rows), size, subfiletype=1, **NO_HEAD)


def _describe_all(images: Sequence[Image], first: np.ndarray) -> bytes | None:
    """One OME text for several images that have one each ("" if they become too different)."""
    infos = [image.info for image in images]
    if len(images) == 1 or any(info.tiff is None or info.tiff.kind != "ome" for info in infos):
        return None
    if len({(info.height, info.width, info.channels, info.dtype) for info in infos}) > 1:
        return b""
    from imgconv.images.metadata.ome_pages import join_texts

    return join_texts([describe(first, info, info.tiff) for info in infos if info.tiff]).encode()


def _samples(info: Info) -> int:
    return info.height * info.width * info.channels


def _head(plane: np.ndarray, info: Info, layout: TiffLayout) -> dict[str, Any]:
    """What only the first page carries: the description and the other tags."""
    text = describe(plane, info, layout)
    same_size = plane.shape == (info.height, info.width, info.channels)
    dropped: tuple[int, ...] = () if same_size and plane.dtype == info.dtype else tags.IMAGEJ
    if plane.dtype != info.dtype or plane.shape[2] != info.channels or info.source_dtype:
        dropped = (*dropped, tags.TRANSFER)  # it counts the values that there were
    extra = [(*t, True) for t in layout.tags if t[0] not in dropped]
    words = exif.words(info.exif) if info.exif else {}
    described = words.pop(DESCRIPTION, b"") or b"\n".join(_words(info))
    text = text or described.decode("utf-8", "replace")
    known = {code for code, *_ in extra}
    extra += [(c, 2, len(v) + 1, v, True) for c, v in words.items() if c not in known]
    info = update(info, plane)
    for code, kind, content in ((tags.XMP, 1, info.xmp), (tags.IPTC[0], 7, info.iptc)):
        if content:
            extra.append((code, kind, len(content), content, True))
    return {"description": text.encode("utf-8") if text else None, "extratags": extra}


def _words(info: Info) -> list[bytes]:
    """Text and comments, each a line."""
    return [*(f"{key}: {value}".encode() for key, value in info.text), *info.comments]


def _page(
    plane: np.ndarray, info: Info, layout: TiffLayout, options: WriteOptions
) -> dict[str, Any]:
    """The arguments of tifffile's writer for one page."""
    channels = plane.shape[2]
    alpha = info.has_alpha(plane)
    colours = 3 if channels - alpha >= 3 and not _is_data(info, layout) else 1
    extra = list(layout.extrasamples) if len(layout.extrasamples) == channels - colours else []
    extra = extra or [0] * (channels - colours)
    if alpha:
        extra[-1] = 1 if layout.extrasamples[-1:] == (1,) else 2
    photometric = "rgb" if colours == 3 else "minisblack"
    if _is_white_0(plane, info, layout):
        photometric = "miniswhite"
    lut = _lut(plane, info)
    if lut is not None:
        photometric = "palette"
    compression = _compression(plane, layout, options)
    resolution = _resolution(info, layout)
    return {
        "photometric": photometric,
        "colormap": lut,
        "planarconfig": ("separate" if layout.planar else "contig") if channels > 1 else None,
        "extrasamples": extra or None,
        "tile": layout.tile,
        "compression": None if compression == "none" else compression,
        "compressionargs": {"level": options.quality or QUALITY} if compression == "jpeg" else None,
        "predictor": _predictor(plane, layout, compression),
        "resolution": resolution
        and (ratio_of_32_bits(resolution.x), ratio_of_32_bits(resolution.y)),
        "resolutionunit": {"inch": 2, "cm": 3}.get(resolution.unit, 1) if resolution else None,
        "iccprofile": info.icc,
        "software": SOFTWARE,
        "metadata": None,
        # ImageJ counts on its own stacks lying in one piece where they are not compressed.
        "contiguous": layout.kind == "imagej" and compression == "none" and layout.tile is None,
        "maxworkers": _threads(),
    }


def _is_white_0(plane: np.ndarray, info: Info, layout: TiffLayout) -> bool:
    """Whether 0 is written as white, as it was in the source; numbers that are no brightness were
    not inverted when they were read."""
    alike = plane.dtype.kind == "u" or (plane.dtype == info.dtype and info.dtype.kind == "f")
    return layout.photometric == "miniswhite" and plane.shape[2] == 1 and alike


def _lut(plane: np.ndarray, info: Info) -> np.ndarray | None:
    """The source's pseudo-colour table, for numbers of the same type."""
    if info.lut is None or plane.shape[2] != 1 or plane.dtype != info.dtype:
        return None
    table = np.frombuffer(info.lut, np.uint16).reshape(3, -1)
    return table if plane.dtype.kind == "u" else None


def _is_data(info: Info, layout: TiffLayout) -> bool:
    """True where the source said that its samples are no colours (grey with extra samples)."""
    return info.tiff is not None and info.channels > 1 and "black" in layout.photometric


def _compression(plane: np.ndarray, layout: TiffLayout, options: WriteOptions) -> str:
    if options.compression is not None:
        wanted = COMPRESSIONS.get(options.compression.lower())
        if wanted is None:
            raise OutputError(
                f"TIFF compression {options.compression!r} is unknown: allowed are "
                f"{', '.join(COMPRESSIONS)}"
            )
        if wanted == "jpeg" and not _fits_jpeg(plane):
            raise OutputError(
                f"JPEG compression holds 8-bit grey or RGB, the image is {plane.dtype} with "
                f"{plane.shape[2]} channels; give `compression='deflate'`"
            )
        return wanted
    kept = layout.compression if layout.compression in WRITABLE else "adobe_deflate"
    return "adobe_deflate" if kept == "jpeg" and not _fits_jpeg(plane) else kept


def _fits_jpeg(plane: np.ndarray) -> bool:
    return plane.dtype == np.uint8 and plane.shape[2] in (1, 3)


def _predictor(plane: np.ndarray, layout: TiffLayout, compression: str) -> int | None:
    """Differences (2; of floats 3) help deflate and its like. The source's are kept; what had no
    compression gets them where ImageJ reads them: with deflate it does so from 1.53v on only, and
    those of floats never. (zstd it does not know at all.)"""
    differences = 3 if plane.dtype.kind == "f" else 2
    if compression not in ("lzw", "adobe_deflate", "deflate", "zstd"):
        return None
    if layout.predictor == differences:
        return differences
    harmless = compression == "zstd" or (compression == "lzw" and differences == 2)
    return differences if harmless and layout.compression == "none" else None


def doubts(plane: np.ndarray, info: Info, options: WriteOptions) -> list[str]:
    """What is left out, and what of the source's layout is kept although ImageJ misreads it."""
    layout = info.tiff or TiffLayout()
    if is_apart(plane, info):
        as_written = set_apart(Image.of(info, ()), plane).info
        lost = [LEFT_OUT] if info.icc else []
        return [*_losses(plane, as_written, as_written.tiff or layout), *lost, NOTE]
    return [*_losses(plane, info, layout), *_misread(plane, layout, options)]


def _losses(plane: np.ndarray, info: Info, layout: TiffLayout) -> Iterator[str]:
    if info.exif and exif.has_more(info.exif):
        yield (
            "TIFF keeps of EXIF description, maker, model, time, author and copyright; PNG and "
            "JPEG have a place for all"
        )
    if _words(info) and (
        describe(plane, info, layout) or (info.exif and DESCRIPTION in exif.words(info.exif))
    ):
        yield "TIFF has no place for text and comments beside the description; PNG has"


def _misread(plane: np.ndarray, layout: TiffLayout, options: WriteOptions) -> list[str]:
    compression = _compression(plane, layout, options)
    predictor = _predictor(plane, layout, compression)
    kept = f"{compression.removeprefix('adobe_')} with predictor {predictor} is kept from the input"
    if predictor == 3 and compression != "zstd":
        return [f"{kept}: ImageJ does not read it; `compression='none'` opens everywhere"]
    if predictor == 2 and compression.endswith("deflate"):
        return [f"{kept}: noise in ImageJ before 1.53v; `compression='lzw'` opens everywhere"]
    return []


def _arrange(plane: np.ndarray, info: Info, layout: TiffLayout) -> np.ndarray:
    """The page as tifffile wants it: (H, W), (H, W, C) or, in planes, (C, H, W)."""
    if plane.shape[2] == 1:
        grey = plane[..., 0]
        return ~grey if layout.photometric == "miniswhite" and grey.dtype.kind == "u" else grey
    if info.has_alpha(plane) and layout.extrasamples[-1:] == (1,):
        plane = colour.premultiply(plane)
    return np.ascontiguousarray(np.moveaxis(plane, 2, 0)) if layout.planar else plane


def _resolution(info: Info, layout: TiffLayout) -> Resolution | None:
    """Pixels per inch, cm or (ImageJ, which names its unit elsewhere) anything."""
    known = info.resolution
    if known is None:
        return None
    told = ome.resolution(layout.description) if layout.kind == "ome" else None
    if told:  # the tags say something else, which changes as what OME says has changed
        tag = layout.resolution
        return tag and Resolution(tag.x * known.x / told.x, tag.y * known.y / told.y, tag.unit)
    if layout.kind == "imagej" or known.unit in ("inch", "cm", ""):
        return known
    return known.per("cm") or Resolution(known.x, known.y)


def _threads() -> int:
    from imgconv import threads

    return threads.count()
