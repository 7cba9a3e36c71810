"""From an image to a classification network's input."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from imgconv.errors import InputError
from imgconv.images import Info
from imgconv.ops.alpha import white

LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # Rec. 601


def light(plane: np.ndarray, info: Info) -> np.ndarray:
    """(H, W, C) of any dtype -> its colours as light (H, W, 1 or 3), white 1, on white paper."""
    top = np.float32(white(plane.dtype))
    values = plane.astype(np.float32) / top
    if plane.dtype.kind == "f" and values.size and np.nanmax(values) > 1.5:
        values = values / np.float32(np.nanmax(values))  # measured, not shown: its own white
    if info.alpha == "none":
        colours = values
    else:
        cover, colours = values[..., -1:], values[..., :-1]
        colours = (colours if info.alpha == "premultiplied" else colours * cover) + 1 - cover
    if colours.shape[2] not in (1, 3):
        raise InputError(
            f"the image has {colours.shape[2]} channels, classify looks at 1 (grey) or 3 (colours)"
        )
    return colours


def grey(colours: np.ndarray) -> np.ndarray:
    """(H, W, 1 or 3) -> (H, W)."""
    return colours[..., 0] if colours.shape[2] == 1 else colours @ LUMA


def photo(
    colours: np.ndarray, channels: int, size: tuple[int, int], rules: Mapping[str, Any]
) -> np.ndarray:
    """(H, W, 1 or 3), white 1 -> (1, channels, h, w): reduced, the middle cut out, normalised."""
    if channels == 1:
        colours = grey(colours)[..., None]
    shorter = int(rules["resize"] or max(size))
    factor = shorter / min(colours.shape[:2])
    whole = tuple(
        max(n, round(have * factor)) for n, have in zip(size, colours.shape, strict=False)
    )
    top, left = ((n - m) // 2 for n, m in zip(whole, size, strict=True))
    planes = [_resize(colours[..., c], whole) for c in range(colours.shape[2])]
    cut = np.stack(planes)[:, top : top + size[0], left : left + size[1]]
    values = np.broadcast_to(cut, (channels, *size)).astype(np.float32)
    return normalise(values, rules)[None]


def _resize(values: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """(H, W) at (h, w): bilinear, without aliasing."""
    from PIL import Image

    image = Image.fromarray(np.ascontiguousarray(values), "F")
    return np.asarray(image.resize((size[1], size[0]), Image.Resampling.BILINEAR))


def normalise(values: np.ndarray, rules: Mapping[str, Any]) -> np.ndarray:
    """(C, h, w) from 0 to 1, as the card says."""
    low, high = rules["range"]
    values = values * np.float32(high - low) + np.float32(low)
    for key, operation in (("mean", np.subtract), ("std", np.divide)):
        if rules[key] is not None:
            values = operation(values, np.asarray(rules[key], np.float32).reshape(-1, 1, 1))
    return np.asarray(values, np.float32)
