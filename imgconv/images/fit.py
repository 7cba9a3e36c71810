"""What each output format can hold, and planes made to fit it or refused by name."""

from __future__ import annotations

import numpy as np

from imgconv.errors import OutputError

from . import depth as depths
from .formats import Format
from .info import Info
from .options import WriteOptions

INTEGERS = frozenset(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64))
UNDECLARED = (
    "the last channel, of which the input does not say what it is, is taken for alpha; write TIFF "
    "or NPY to keep it as it is"
)
BITS = {np.dtype(np.uint8): 8, np.dtype(np.uint16): 16, np.dtype(np.float32): 32}


def fit(
    plane: np.ndarray, info: Info, options: WriteOptions, kind: Format, name: str, notes: list[str]
) -> np.ndarray:
    """The plane as format `kind` holds it, C-contiguous; OutputError where it cannot."""
    if plane.ndim != 3 or plane.dtype not in BITS or not plane.size:
        raise OutputError(f"{name}: cannot write an array {plane.shape} of {plane.dtype}")
    if info.source_dtype in INTEGERS and plane.dtype == np.float32 and options.depth in (8, 16):
        plane = _as_integers(plane, options.depth, info, name)
    plane = _depth(plane, info, options, kind, name, notes)
    plane = _channels(plane, info, options, kind, name, notes)
    return np.ascontiguousarray(plane)


def _as_integers(plane: np.ndarray, depth: int, info: Info, name: str) -> np.ndarray:
    """Numbers that were integers in the file (labels, counts) stay the numbers they are."""
    dtype = depths.DTYPES[depth]
    whole = np.rint(plane)
    low, high = float(whole.min()), float(whole.max())
    if not (low >= 0 and high <= np.iinfo(dtype).max):
        raise OutputError(
            f"{name}: values from {low:g} to {high:g} (the input is {info.source_dtype}) do not "
            f"fit {depth} bit; write TIFF or NPY without `depth`"
        )
    return whole.astype(dtype)


def _depth(
    plane: np.ndarray, info: Info, options: WriteOptions, kind: Format, name: str, notes: list[str]
) -> np.ndarray:
    found = BITS[plane.dtype]
    wanted = options.depth or found
    if wanted not in kind.depths:
        words = {8: "8-bit", 16: "16-bit", 32: "float32"}
        allowed = " or ".join(f"`depth={d}`" for d in kind.depths)
        raise OutputError(
            f"{name}: {kind.name.upper()} cannot hold {words[wanted]} samples; give {allowed}, or "
            "write TIFF"
        )
    if found == 32 and wanted < 32 and (beyond := depths.outside(plane)):
        share = 100 * beyond / plane.size
        notes.append(
            f"{share:.2g} % of the samples lay outside 0 to 1 and were clipped; a TIFF of "
            "`depth=32` keeps them"
        )
    if found == 32 and wanted < 32 and _white_is_0(info):
        plane = 1 - plane
    return depths.to_depth(plane, wanted)


def _white_is_0(info: Info) -> bool:
    """Whether floats are those of the file, which shows 0 as white; of integers that is undone."""
    floats = info.dtype.kind == "f" and info.source_dtype not in INTEGERS
    return floats and info.tiff is not None and info.tiff.photometric == "miniswhite"


def _channels(
    plane: np.ndarray, info: Info, options: WriteOptions, kind: Format, name: str, notes: list[str]
) -> np.ndarray:
    alpha = info.has_alpha(plane)
    if not alpha and kind.colours and plane.shape[2] in (2, 4):
        alpha = True
        if UNDECLARED not in notes:
            notes.append(UNDECLARED)
    if alpha and (options.background is not None or not kind.alpha):
        plane, alpha = _flatten(plane, info, options, kind, name), False
    colours = plane.shape[2] - alpha
    if kind.colours and colours not in kind.colours:
        known, instead = ("grey", "PPM, PNG or TIFF") if kind.colours == (1,) else (
            "grey or RGB", "TIFF or NPY")  # fmt: skip
        raise OutputError(
            f"{name}: {kind.name.upper()} holds {known}, the image has {colours} channels; "
            f"write {instead}"
        )
    return plane


def _flatten(
    plane: np.ndarray, info: Info, options: WriteOptions, kind: Format, name: str
) -> np.ndarray:
    """Without alpha: dropped where everything is opaque, else laid over the background."""
    colour, alpha = plane[..., :-1], plane[..., -1:]
    top = depths.TOP[plane.dtype]
    if options.background is None:
        if (alpha < top).any():
            raise OutputError(
                f"{name}: {kind.name.upper()} cannot hold transparency; write PNG, WebP or "
                "TIFF, or give `background='white'`"
            )
        return colour
    from PIL import ImageColor

    try:
        rgb = np.array(ImageColor.getrgb(options.background)[:3], np.float32) * (top / 255)
    except ValueError:
        raise OutputError(
            f"unknown colour {options.background!r}: give a name (white) or #rrggbb"
        ) from None
    ground = rgb if colour.shape[2] == 3 else rgb @ np.array([0.299, 0.587, 0.114], np.float32)
    share = alpha.astype(np.float32) / np.float32(top)
    paint = colour if info.alpha == "premultiplied" else colour * share
    mixed = paint + ground * (1 - share)
    return (np.rint(mixed) if plane.dtype.kind == "u" else mixed).astype(plane.dtype)
