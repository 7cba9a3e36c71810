"""Colour profiles: an image converted to sRGB, for those who will not read the profile."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from imgconv.errors import InputError

from .info import Info

SPACES = {b"GRAY": 1, b"RGB ": 3}
ALIKE = 6  # levels of 255, at black and elsewhere: profiles of sRGB differ by up to 3


def to_srgb(plane: np.ndarray, info: Info) -> np.ndarray:
    """The plane (H, W, C) with its colours in sRGB; unchanged where there is no profile.

    Alpha passes through. Raises InputError where the profile is of another kind than the image
    or cannot be used. `srgb_info` gives the Info that belongs to the result.
    """
    if info.icc is None:
        return plane
    import imagecodecs

    alpha = info.alpha != "none"
    colours = plane.shape[2] - alpha
    if SPACES.get(info.icc[16:20]) != colours:
        raise InputError(
            f"the colour profile is for {info.icc[16:20].decode('ascii', 'replace').strip()}, the "
            f"image has {colours} colour channels; drop `to_srgb`"
        )
    flat = np.ascontiguousarray(plane[..., :colours] if colours > 1 else plane[..., 0])
    try:
        # the optimised tables of integers are off by half in the darks
        done = imagecodecs.cms_transform(
            flat, info.icc, imagecodecs.cms_profile("srgb"),
            colorspace="gray" if colours == 1 else "rgb", outcolorspace="rgb",
            outdtype=plane.dtype, flags=imagecodecs.CMS.FLAGS.NOOPTIMIZE,
        )  # fmt: skip
    except Exception as error:
        raise InputError(f"the colour profile cannot be used ({error}); drop `to_srgb`") from error
    out = plane.copy()
    out[..., :colours] = done[..., :colours]  # of grey, R = G = B
    return out


def is_srgb(info: Info) -> bool:
    """Whether stored values mean nearly what they mean in sRGB: there is no profile, none that
    can be used, or one that differs by less than `ALIKE`."""
    count = info.channels - (info.alpha != "none")
    if info.icc is None or SPACES.get(info.icc[16:20]) != count:
        return True
    levels = np.linspace(0, 255, 6).round().astype(np.uint8)
    some = np.stack(np.meshgrid(*[levels] * count), -1).reshape(-1, 1, count)
    plain = Info("", some.dtype, *some.shape, icc=info.icc)
    try:
        found = to_srgb(some, plain)
    except InputError:
        return True
    return int(np.abs(found.astype(int) - some).max()) < ALIKE


def srgb_info(info: Info) -> Info:
    """What is true of the image after `to_srgb`."""
    if info.icc is None:
        return info
    return replace(info, icc=None, png_colour=((b"sRGB", b"\0"),))
