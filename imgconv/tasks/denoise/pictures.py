"""Pictures of what denoising did: what was removed, and before beside after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from imgconv.ops.alpha import fit, white
from imgconv.ops.comparison import busiest
from imgconv.ops.sheet import sheet
from imgconv.ops.similarity import psnr, ssim

MIDDLE, REACH = 128, 110  # grey for nothing; levels that what was removed is stretched to
LEGIBLE = 270  # pixels of the width of a panel at least
DETAIL = 640  # pixels of the side from which a comparison shows a detail
EIGHT = np.dtype(np.uint8)


def draw_removed(removed: np.ndarray, top: float) -> tuple[np.ndarray, float]:
    """(H, W, C) -> uint8 (H, W, 1 or 3) on middle grey, and how many times as strong it is shown.

    top: the value of white of what was removed.
    """
    levels = as_colours(removed) * np.float32(255 / top)
    highest = float(np.percentile(np.abs(levels), 99.9)) or float(np.abs(levels).max())
    gain = REACH / highest if highest else 1.0
    return fit(levels * np.float32(gain) + MIDDLE, EIGHT), gain


def comparison(
    before: np.ndarray,
    after: np.ndarray,
    removed: np.ndarray,
    labels: Sequence[str],
    top: float,
) -> tuple[np.ndarray, float]:
    """RGB uint8 sheet (h, w, 3): before | after | removed.

    And how many times as strong what was removed is shown. Of large images it is the part with
    most edges. All three are (H, W, C); before and after are of one type, stretched alike where
    floats or dark.
    """
    H, W = before.shape[:2]
    h, w = min(H, DETAIL), min(W, DETAIL)
    y, x = busiest(before, h, w) if (h, w) != (H, W) else (0, 0)
    part = (slice(y, y + h), slice(x, x + w))
    low, high = ends(before)
    shown = [show_between(p[part], low, high) for p in (before, after)]
    picture, gain = draw_removed(removed[part], top)
    names = (*labels, f"removed, x {gain:.3g}")
    panels = [enlarge(triple(p)) for p in (*shown, picture)]
    return sheet(panels, names, columns=3), gain


def show_between(pixels: np.ndarray, low: np.float32, high: np.float32) -> np.ndarray:
    """(H, W, C) -> uint8 (H, W, 1 or 3): `low` is black, `high` white."""
    return fit(np.nan_to_num((as_colours(pixels) - low) * (255 / (high - low))), EIGHT)


def enlarge(panel: np.ndarray) -> np.ndarray:
    """(h, w, C) -> (n h, n w, C): repeated pixels, so that its label can be read under it."""
    times = -(-LEGIBLE // panel.shape[1])
    return panel.repeat(times, 0).repeat(times, 1) if times > 1 else panel


def as_colours(pixels: np.ndarray) -> np.ndarray:
    """float32 (H, W, 1 or 3): RGB, or the first channel."""
    return pixels[..., : 3 if pixels.shape[2] >= 3 else 1].astype(np.float32)


def triple(picture: np.ndarray) -> np.ndarray:
    """(H, W, 1) -> (H, W, 3), grey as equal channels; others as they are."""
    return np.repeat(picture, 3, axis=2) if picture.shape[2] == 1 else picture


def ends(pixels: np.ndarray) -> tuple[np.float32, np.float32]:
    """The values of pixels (H, W, C) that are shown black and white.

    0 and 255 of uint8, else nearly the lowest and the highest finite one.
    """
    if pixels.dtype == np.uint8:
        return np.float32(0), np.float32(255)
    known = pixels[np.isfinite(pixels)] if pixels.dtype.kind == "f" else pixels
    low, high = np.percentile(known, [0.1, 99.9]) if known.size else (0, 1)
    return np.float32(low), np.float32(max(high, low + 1e-6 * white(pixels.dtype)))


def quality(image: np.ndarray, reference: np.ndarray, top: float) -> dict[str, float]:
    """PSNR and SSIM of two images (H, W, C) where white is `top`, as far as there are any.

    See ops/similarity.
    """
    found = {"psnr": psnr(image, reference, top), "ssim": ssim(image, reference, top)}
    return {name: value for name, value in found.items() if value is not None}


def words(found: Mapping[str, float]) -> str:
    """PSNR 31.20 dB, SSIM 0.893."""
    if not found:
        return "nothing to compare"
    ssim = f", SSIM {found['ssim']:.3f}" if "ssim" in found else ""
    return f"PSNR {found['psnr']:.2f} dB{ssim}"
