"""The tone curves of an image: by its colour profile, else sRGB's."""

from __future__ import annotations

import functools

import numpy as np

from imgconv.errors import InputError

from .colour import SPACES
from .info import Info

SAMPLES = 65536  # of a curve: one for every 16-bit value
ADDITIVE = 0.004  # of white: how far a mixture may be from the sum of its parts
DROP = "convert it first (`to_srgb`), or drop `linear`"


def check_light(info: Info) -> None:
    """Raise InputError for an image whose numbers stand for no light."""
    colours = info.channels - (info.alpha != "none")
    if info.lut is not None:
        raise InputError(
            "numbers under a pseudo-colour table are a measurement, which has no curve of light; "
            "drop `linear`"
        )
    if colours not in (1, 3):
        raise InputError(f"{colours} channels are neither grey nor RGB; drop `linear`")


@functools.lru_cache(maxsize=4)
def light_of_profile(icc: bytes, colours: int) -> np.ndarray:
    """(SAMPLES, C): how much light the stored values from 0 to 1 of each channel stand for.

    LittleCMS tells it: the luminance that each channel alone adds. Raises InputError where the
    profile is of another kind of image, cannot be used, or is a table in which light does not add.
    """
    if SPACES.get(icc[16:20]) != colours:
        found = icc[16:20].decode("ascii", "replace").strip()
        raise InputError(f"the colour profile is for {found}, the image has {colours} colours")
    ramp = np.linspace(0, 1, SAMPLES, dtype=np.float32)
    try:
        parts = np.stack([_luminance(_alone(ramp, c, colours), icc) for c in range(colours)], 1)
        mixture = _luminance(np.repeat(ramp[:, None, None], colours, 2), icc)
    except Exception as error:
        raise InputError(f"the colour profile cannot be used ({error}); {DROP}") from error
    parts -= parts[0]
    total = parts.sum(axis=1)
    if parts[-1].min() <= 0 or np.abs(total - mixture + mixture[0]).max() > ADDITIVE * total[-1]:
        raise InputError(f"the colour profile is a table and has no curves; {DROP}")
    return parts / parts[-1]


def _alone(ramp: np.ndarray, channel: int, colours: int) -> np.ndarray:
    """(N, 1, C) with values in one channel."""
    image = np.zeros((len(ramp), 1, colours), np.float32)
    image[:, 0, channel] = ramp
    return image


def _luminance(image: np.ndarray, icc: bytes) -> np.ndarray:
    """The Y of (N, 1, C)."""
    import imagecodecs

    grey = image.shape[2] == 1
    found = imagecodecs.cms_transform(
        np.ascontiguousarray(image[..., 0] if grey else image), icc,
        imagecodecs.cms_profile("xyz"), colorspace="gray" if grey else "rgb",
        outcolorspace="xyz", outdtype=np.float32, flags=imagecodecs.CMS.FLAGS.NOOPTIMIZE,
    )  # fmt: skip
    return found[:, 0, 1].astype(np.float64)
