"""CIE L*a*b*, in its three codings: TIFF 6.0, section 23; ICCLab of Adobe's technical notes;
ITULab of RFC 3949."""

from __future__ import annotations

from typing import Any

import numpy as np

NAMES = {"cielab": "CIELAB", "icclab": "ICCLab", "itulab": "ITULab"}
DECODE = 433
USUAL = (0, 100, -85, 85, -75, 125)  # what the least and largest numbers of ITULab stand for


def to_rgb(plane: np.ndarray, page: Any, coding: str) -> np.ndarray:
    """(H, W, 3 and more) of uint8, uint16 or float32 as sRGB of that type."""
    import imagecodecs
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    rgb = imagecodecs.cms_transform(
        _coordinates(plane[..., :3], page, coding), profile,
        imagecodecs.cms_profile("srgb"), colorspace="lab", outcolorspace="rgb",
        outdtype=plane.dtype, flags=imagecodecs.CMS.FLAGS.NOOPTIMIZE,
    )  # fmt: skip
    if plane.dtype.kind == "f":
        rgb = rgb.clip(0, 1)  # without colours that no screen shows
    return np.concatenate([rgb, plane[..., 3:]], axis=2)


def _coordinates(plane: np.ndarray, page: Any, coding: str) -> np.ndarray:
    """L* from 0 to 100, a* and b*, as float64."""
    values = plane.astype(np.float64)
    if plane.dtype.kind == "f":
        return values
    top = np.iinfo(plane.dtype).max
    unit = (top + 1) / 256  # of a* and b*
    if coding == "itulab":
        ends = np.array(_range(page)).reshape(3, 2)
        return ends[:, 0] + values / top * (ends[:, 1] - ends[:, 0])
    if coding == "icclab":
        return np.concatenate([values[..., :1] / (unit * 2.55), values[..., 1:] / unit - 128], 2)
    signed = plane[..., 1:].astype(plane.dtype.str.replace("u", "i")).astype(np.float64)
    return np.concatenate([values[..., :1] / top * 100, signed / unit], axis=2)


def _range(page: Any) -> tuple[float, ...]:
    found = page.tags.valueof(DECODE, default=())
    ends = tuple(a / (b or 1) for a, b in zip(found[::2], found[1::2], strict=False))
    return ends if len(ends) == len(USUAL) else USUAL
