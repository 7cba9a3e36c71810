"""Operations on light instead of stored values: `linear`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from imgconv.images import Info
from imgconv.images.light import SAMPLES, check_light, light_of_profile
from imgconv.ops.light import SRGB, Curves, curves_through, in_light

IMPORTS = ("imagecodecs:cms_transform",)  # where the image has a profile


def work_in_light(
    work: Callable[[np.ndarray, str], np.ndarray],
    plane: np.ndarray,
    info: Info,
    linear: bool,
    keep_float: bool = False,
) -> np.ndarray:
    """work(plane, alpha) of a plane (H, W, C), with `linear` in the light its values stand for.

    `keep_float`: what is not rounded stays so. Raises InputError where the values are no light.
    """
    if not linear:
        return work(plane, info.alpha)
    check_light(info)
    return in_light(work, plane, info.alpha, curves(info), keep_float)


def caller(
    work: Callable[[np.ndarray, str], np.ndarray], info: Info, linear: bool, keep_float: bool
) -> Callable[[str], Callable[[np.ndarray], np.ndarray]]:
    """For bands of planes of one Info: what is known of alpha -> band -> result."""
    if linear:
        check_light(info)
    shown = curves(info) if linear else None

    def knowing(alpha: str) -> Callable[[np.ndarray], np.ndarray]:
        def each(band: np.ndarray, _: str = "") -> np.ndarray:
            return work(band, alpha)

        if shown is None:
            return each
        return lambda band: in_light(each, band, info.alpha, shown, keep_float)

    return knowing


def curves(info: Info) -> Curves:
    """The curves of the image's profile, else sRGB's."""
    if info.icc is None:
        return SRGB
    light = light_of_profile(info.icc, info.channels - (info.alpha != "none"))
    return curves_through(np.linspace(0, 1, SAMPLES), light)
