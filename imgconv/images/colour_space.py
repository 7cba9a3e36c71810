"""Which colours an image's numbers stand for, as an ICC profile: its own, or one made of what a
PNG's chunks or a camera's EXIF say. https://www.w3.org/TR/png-3/ , ITU-T H.273, DCF 2.0."""

from __future__ import annotations

import struct
from typing import Any

from imgconv.errors import InputError

from .info import Info
from .metadata import exif

D65 = (0.3127, 0.3290)
SRGB = (0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
PRIMARIES = {  # x and y of red, green, blue and white, by their numbers in H.273
    1: (*SRGB, *D65),
    5: (0.64, 0.33, 0.29, 0.60, 0.15, 0.06, *D65),
    6: (0.630, 0.340, 0.310, 0.595, 0.155, 0.070, *D65),
    9: (0.708, 0.292, 0.170, 0.797, 0.131, 0.046, *D65),
    11: (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, 0.314, 0.351),
    12: (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, *D65),
}
GAMMAS = {4: 2.2, 5: 2.8, 8: 1.0}  # transfer characteristics that are powers
VIDEO = (1, 6, 14, 15)  # BT.709's, which is shown as sRGB's is
SRGB_CURVE, PQ, HLG = 13, 16, 18
USUAL_GAMMA = 45455  # which programs write that mean sRGB


def find_profile(info: Info) -> bytes | None:
    """The profile by which the image's colours are meant; None where they are sRGB, as far as is
    known. Raises InputError where they are known not to be, and cannot be converted."""
    chunks = dict(info.png_colour)
    if b"cICP" in chunks:
        return _of_code_points(chunks[b"cICP"], _is_grey(info))
    if info.icc or b"sRGB" in chunks:
        return info.icc
    if b"gAMA" in chunks or b"cHRM" in chunks:
        return _of_chunks(chunks, _is_grey(info))
    return _of_camera(info.exif) if info.exif and not _is_grey(info) else None


def _is_grey(info: Info) -> bool:
    return info.channels - (info.alpha != "none") == 1


def _of_code_points(chunk: bytes, grey: bool) -> bytes | None:
    primaries, transfer = (*chunk[:2], 2, 2)[:2]
    if transfer in (PQ, HLG):
        name = "PQ" if transfer == PQ else "HLG"
        raise InputError(
            f"its colours are those of HDR (cICP: {name}), which sRGB cannot show; drop `to_srgb`"
        )
    if primaries not in PRIMARIES or transfer not in (*GAMMAS, *VIDEO, SRGB_CURVE):
        raise InputError(
            f"its colours (cICP: primaries {primaries}, transfer {transfer}) cannot be converted; "
            "drop `to_srgb`"
        )
    return _profile(PRIMARIES[primaries], GAMMAS.get(transfer), grey)


def _of_chunks(chunks: dict[bytes, bytes], grey: bool) -> bytes | None:
    """By gAMA, the curve of encoding times 100,000, and cHRM, places likewise, white first."""
    places = (*SRGB, *D65)
    if len(chunks.get(b"cHRM", b"")) == 32:
        x, y, *others = (value / 100_000 for value in struct.unpack(">8I", chunks[b"cHRM"]))
        places = (*others, x, y)
    known = int.from_bytes(chunks.get(b"gAMA", b""), "big")
    gamma = 100_000 / known if known and known != USUAL_GAMMA else None
    return _profile(places, gamma, grey)


def _of_camera(block: bytes) -> bytes | None:
    import imagecodecs

    space = exif.colour_space(block)
    if space == "unknown":
        raise InputError(
            "its EXIF says that its colours are not sRGB, and no profile says what they are; "
            "drop `to_srgb`"
        )
    return imagecodecs.cms_profile("adobergb") if space == "adobe" else None


def _profile(places: tuple[float, ...], gamma: float | None, grey: bool) -> bytes | None:
    """`gamma` None: sRGB's curve; with sRGB's primaries nothing is to be converted then."""
    import imagecodecs

    near = all(abs(a - b) < 0.002 for a, b in zip(places, (*SRGB, *D65), strict=True))
    if gamma is None and (near or grey):
        return None
    curve: dict[str, Any] = {"gamma": gamma} if gamma else {"transferfunction": _srgb_curve()}
    white = [*places[6:8], 1.0]
    if grey:
        return imagecodecs.cms_profile("gray", whitepoint=white, **curve)
    primaries = [*places[:2], 1.0, *places[2:4], 1.0, *places[4:6], 1.0]
    return imagecodecs.cms_profile("rgb", whitepoint=white, primaries=primaries, **curve)


def _srgb_curve() -> Any:
    """From what is stored to light, IEC 61966-2-1."""
    import numpy as np

    stored = np.linspace(0, 1, 4096)
    light = np.where(stored <= 0.04045, stored / 12.92, ((stored + 0.055) / 1.055) ** 2.4)
    return np.rint(light * 65535).astype(np.uint16)
