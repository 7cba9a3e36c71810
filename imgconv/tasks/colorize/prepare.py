"""From a picture to what a colouring network sees of it: small, and grey."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from imgconv.ops.areas import Areas
from imgconv.ops.tint import brightness

from .card import PREPARE

FINER = 2  # times the network's size: at which hints spread, so that they reach small things


def network_size(
    height: int, width: int, step: int = 1, rules: Mapping[str, Any] = PREPARE
) -> tuple[int, int]:
    """Rows and columns, multiples of `step`, at which a network sees a picture of this size."""
    scale = min(1.0, rules["side"] / (height * width) ** 0.5)
    scale = min(scale, rules["longest"] / max(height, width))
    rows, columns = (max(step, round(n * scale / step) * step) for n in (height, width))
    return rows, columns


def finer(size: tuple[int, int], height: int, width: int) -> tuple[int, int]:
    """Rows and columns for hints: more than the network's, not more than the picture's."""
    rows, columns = (max(n, min(FINER * n, m)) for n, m in zip(size, (height, width), strict=True))
    return rows, columns


def small(plane: np.ndarray, alpha: str, size: tuple[int, int]) -> np.ndarray:
    """(h, w) float32 brightness of a plane (H, W, C), 0 to 1; hidden pixels do not count."""

    areas = Areas((plane.shape[0], plane.shape[1]), size)
    add_rows(areas, 0, plane, alpha)
    return brightness_of(areas)


def add_rows(areas: Areas, top: int, rows: np.ndarray, alpha: str) -> None:
    """Rows (h, W, C) of a plane, from `top` on: see Areas."""

    def values(begin: int, end: int) -> np.ndarray:
        part = rows[begin:end]
        luma = brightness(part, alpha).clip(0, 1)
        cover = part[..., -1].astype(np.float32) if alpha != "none" else np.ones_like(luma)
        return np.stack([luma * cover, cover])

    areas.add(top, len(rows), values)


def brightness_of(areas: Areas) -> np.ndarray:
    """(h, w) float32, 0 to 1, of a plane all of whose rows were added."""
    luma, cover = areas.means()
    return np.divide(luma, cover, out=np.zeros_like(luma), where=cover > 0).clip(0, 1)
