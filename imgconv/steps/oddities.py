"""What is odd about an image: what programs read differently, or will show wrongly."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from imgconv.images import Info
from imgconv.images.metadata import exif
from imgconv.images.samples import EXACT

SPACES = {"GRAY": 1, "RGB": 3}
HDR = {16: "PQ", 18: "HLG"}  # transfer functions of cICP (ITU-T H.273)
SRGB_GAMMA, NEAR = 0.45455, 0.02
SQUARE = 0.01  # how far the sides of a pixel may be apart


def odd_about_file(infos: Sequence[Info]) -> list[str]:
    """Of the images together."""
    count = sum(info.planes for info in infos)
    if len(infos) == 1:
        return []
    if infos[0].duration is not None:
        return [f"an animation of {count} frames"]
    kinds = {(i.height, i.width, i.channels, str(i.dtype)) for i in infos}
    alike = "of one size and type" if len(kinds) == 1 else "of different sizes or types"
    return [f"{len(infos)} images {alike}, not one stack"]


def odd_about(info: Info, record: Mapping[str, Any]) -> list[str]:
    """Of one image, in words; `record` is what `info` shows of it."""
    return [*_numbers(info), *_alpha(info), *_colours(info), *_values(info, record)]


def _numbers(info: Info) -> Iterator[str]:
    if info.lut is not None:
        yield "numbers under a pseudo-colour table: a measurement, which its colours only show"
    if info.tiff and info.tiff.photometric == "miniswhite":
        shown = "its numbers are read as they stand" if info.dtype.kind == "f" else "read as light"
        yield f"min-is-white: 0 is white in the file; {shown}"
    if info.tiff and info.tiff.photometric == "palette" and info.lut is None:
        yield "a palette, read as its colours"


def _alpha(info: Info) -> Iterator[str]:
    if info.alpha == "none" and info.channels in (2, 4):
        yield f"{info.channels} channels, none of which is declared to be alpha"
    if info.tiff and 1 in info.tiff.extrasamples:
        yield "colours are stored multiplied by alpha, and read as they are without"


def _colours(info: Info) -> Iterator[str]:
    colours = info.channels - (info.alpha != "none")
    if info.icc:
        space = info.icc[16:20].decode("latin-1").strip()
        if SPACES.get(space) != colours:
            yield f"a colour profile for {space}, over {colours} colour channels"
    if info.exif and not info.icc and exif.colour_space(info.exif) == "adobe":
        yield "Adobe RGB, as EXIF alone says, which few programs look at"
    chunks = dict(info.png_colour)
    gamma = int.from_bytes(chunks.get(b"gAMA", b""), "big") / 100_000
    if gamma and abs(gamma - SRGB_GAMMA) > NEAR and not info.icc and b"sRGB" not in chunks:
        yield f"a gamma of {gamma:g}, which few programs look at"
    if (name := HDR.get(chunks.get(b"cICP", bytes(2))[1])) is not None:
        yield f"HDR ({name}): looks pale where it is taken for sRGB"


def _values(info: Info, record: Mapping[str, Any]) -> Iterator[str]:
    size = info.pixel_size
    if size and abs(size[0] / size[1] - 1) > SQUARE:
        yield f"pixels are not square: {size[0]:g} x {size[1]:g} {size[2]}"
    if record.get("not_finite"):
        yield f"{record['not_finite']} values are NaN or infinite"
    ends = record.get("min", 0), record.get("max", 0)
    if "int" in info.source_dtype and max(map(abs, ends)) > EXACT:
        yield f"integers beyond {EXACT:,}, which float32 rounds"
    if "min" in record and record["min"] == record["max"]:
        yield f"every value is {record['min']:g}"
