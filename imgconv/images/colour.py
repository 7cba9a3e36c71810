"""Colour profiles: an image converted to sRGB, for those who will not read the profile."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np

from imgconv.errors import InputError
from imgconv.text import Detail, show_name

from .colour_space import find_profile
from .depth import TOP
from .info import Info
from .metadata import exif

SPACES = {b"GRAY": 1, b"RGB ": 3}
ALIKE = 6  # levels of 255, at black and elsewhere: profiles of sRGB differ by up to 3


def to_srgb(plane: np.ndarray, info: Info) -> np.ndarray:
    """The plane (H, W, C) with its colours in sRGB; unchanged where there is no profile.

    Alpha passes through. Raises InputError where the profile is of another kind than the image
    or cannot be used. `srgb_info` gives the Info that belongs to the result.
    """
    profile = find_profile(info)
    if profile is None:
        return plane
    import imagecodecs

    alpha = info.alpha != "none"
    colours = plane.shape[2] - alpha
    if SPACES.get(profile[16:20]) != colours:
        raise InputError(
            f"the colour profile is for {profile[16:20].decode('ascii', 'replace').strip()}, the "
            f"image has {colours} colour channels; drop `to_srgb`"
        )
    flat = np.ascontiguousarray(plane[..., :colours] if colours > 1 else plane[..., 0])
    try:
        # the optimised tables of integers are off by half in the darks
        done = imagecodecs.cms_transform(
            flat, profile, imagecodecs.cms_profile("srgb"),
            colorspace="gray" if colours == 1 else "rgb", outcolorspace="rgb",
            outdtype=plane.dtype, flags=imagecodecs.CMS.FLAGS.NOOPTIMIZE,
        )  # fmt: skip
    except Exception as error:
        raise InputError(f"the colour profile cannot be used ({error}); drop `to_srgb`") from error
    out = plane.copy()
    out[..., :colours] = done[..., :colours]  # of grey, R = G = B
    return out


def usable_inks(icc: bytes | None) -> bool:
    """Whether it is a profile by which CMYK can be converted."""
    if not icc or icc[16:20] != b"CMYK":
        return False
    try:
        _inks_to_srgb(np.zeros((1, 1, 4), np.uint8), icc)
    except Exception:
        return False
    return True


def read_inks(path: str | os.PathLike[str]) -> bytes:
    """The profile of inks in a file. Raises InputError where it is none."""
    name = show_name(path)
    try:
        icc = Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"{name}: cannot be read ({error.strerror})") from error
    if icc[36:40] != b"acsp":
        raise InputError(f"{name}: is no colour profile; `profile` takes an ICC profile of CMYK")
    if not usable_inks(icc):
        space = icc[16:20].decode("ascii", "replace").strip()
        what = "cannot be used" if space == "CMYK" else f"is for {space}"
        raise InputError(f"{name}: this profile {what}; `profile` takes one of CMYK")
    return icc


def note_of_inks(icc: bytes | None, given: bool = False) -> str:
    """How CMYK is converted, in words; `given`: the profile is not the file's own."""
    if given:
        return Detail("CMYK converted to sRGB by the profile given")
    if usable_inks(icc):
        return Detail("CMYK converted to sRGB by its profile")
    left_out = ": its profile is none of inks and is left out" if icc else ""
    return f"CMYK converted to RGB{left_out}; `profile` takes the printer's, for truer colours"


def rgb_of_inks(plane: np.ndarray, icc: bytes | None) -> np.ndarray:
    """CMYK (H, W, 4 and more), 0 without ink, as sRGB (H, W, 3 and more).

    By the profile where it can be used, else RGB = (1 - CMY) (1 - K), as viewers do.
    """
    if plane.dtype.kind != "u":
        raise InputError(f"CMYK samples of type {plane.dtype} cannot be converted to RGB")
    if icc and usable_inks(icc):
        rgb = _inks_to_srgb(np.ascontiguousarray(plane[..., :4]), icc)
    else:
        top = np.float32(np.iinfo(plane.dtype).max)
        white = top - plane[..., :4].astype(np.float32)
        rgb = np.rint(white[..., :3] * (white[..., 3:] / top)).astype(plane.dtype)
    return np.concatenate([rgb, plane[..., 4:]], axis=2)


def _inks_to_srgb(inks: np.ndarray, icc: bytes) -> np.ndarray:
    import imagecodecs

    return imagecodecs.cms_transform(
        inks, icc, imagecodecs.cms_profile("srgb"), colorspace="cmyk", outcolorspace="rgb",
        outdtype=inks.dtype,
    )  # fmt: skip


def straight(plane: np.ndarray) -> np.ndarray:
    """Colour (H, W, C) that was multiplied by its alpha, the last channel, as it is without."""
    colour, alpha = plane[..., :-1], plane[..., -1:].astype(np.float32)
    top = np.float32(TOP[plane.dtype])
    with np.errstate(divide="ignore", invalid="ignore"):
        shown = np.where(alpha > 0, colour * (top / alpha), 0)
    return _with(shown, plane, top)


def premultiply(plane: np.ndarray) -> np.ndarray:
    """The other way round; what `straight` made is what it was, to the bit."""
    top = np.float32(TOP[plane.dtype])
    return _with(plane[..., :-1] * (plane[..., -1:].astype(np.float32) / top), plane, top)


def _with(colour: np.ndarray, plane: np.ndarray, top: np.float32) -> np.ndarray:
    """The plane with other colours, rounded and cut off if it is of integers."""
    out = plane.copy()
    out[..., :-1] = np.rint(colour).clip(0, top) if plane.dtype.kind == "u" else colour
    return out


def is_srgb(info: Info) -> bool:
    """Whether stored values mean nearly what they mean in sRGB: there is no profile, none that
    can be used, or one that differs by less than `ALIKE`."""
    count = info.channels - (info.alpha != "none")
    levels = np.linspace(0, 255, 6).round().astype(np.uint8)
    some = np.stack(np.meshgrid(*[levels] * min(count, 3)), -1).reshape(-1, 1, min(count, 3))
    plain = replace(info, channels=some.shape[2], alpha="none", axes="", shape=())
    try:
        found = to_srgb(some, plain)
    except InputError:
        return True
    return int(np.abs(found.astype(int) - some).max()) < ALIKE


def srgb_info(info: Info) -> Info:
    """What is true of the image after `to_srgb`."""
    try:
        converted = find_profile(info) is not None
    except InputError:  # as the plane's conversion will say
        return info
    if not converted:
        return info
    block = exif.as_srgb(info.exif) if info.exif else None
    return replace(info, icc=None, exif=block, png_colour=((b"sRGB", b"\0"),))
