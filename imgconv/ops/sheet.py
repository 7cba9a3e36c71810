"""Contact sheets: pictures side by side with their names."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

INK, PAPER = (32, 34, 38), (250, 250, 248)
GAP, LINE, SIZE = 12, 26, 15  # pixels: between pictures, for a label, of its letters


def sheet(
    pictures: Sequence[np.ndarray], labels: Sequence[str], columns: int | None = None
) -> np.ndarray:
    """RGB uint8 sheet of RGB uint8 pictures of one size, (H, W, 3) each, a label under each.

    columns: by default what makes the sheet about 4:3.
    """
    from PIL import Image, ImageDraw, ImageFont

    height, width = pictures[0].shape[:2]
    cell_h, cell_w = height + LINE + GAP, width + GAP
    across = columns or _columns(len(pictures), cell_h, cell_w)
    down = -(-len(pictures) // across)
    canvas = Image.new("RGB", (across * cell_w + GAP, down * cell_h + GAP), PAPER)
    draw, font = ImageDraw.Draw(canvas), ImageFont.load_default(SIZE)
    for n, (picture, label) in enumerate(zip(pictures, labels, strict=True)):
        x, y = GAP + n % across * cell_w, GAP + n // across * cell_h
        canvas.paste(Image.fromarray(picture), (x, y))
        draw.text((x + width / 2, y + height + 5), label, INK, font, anchor="ma")
    return np.asarray(canvas)


def _columns(count: int, cell_h: int, cell_w: int) -> int:
    return max(1, min(count, round(math.sqrt(count * cell_h / cell_w * 4 / 3))))


def thumbnail(pixels: np.ndarray, side: int) -> np.ndarray:
    """RGB uint8 (H, W, 3) of at most `side` pixels a side, from grey or colour of any dtype.

    float32 images are shown from their lowest to their highest value.
    """
    from PIL import Image

    eight = _eight_bits(pixels)
    colour = eight[..., :3] if eight.shape[2] >= 3 else np.repeat(eight[..., :1], 3, axis=2)
    image = Image.fromarray(np.ascontiguousarray(colour))
    image.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=3)
    return np.asarray(image)


def _eight_bits(pixels: np.ndarray) -> np.ndarray:
    if pixels.dtype == np.uint8:
        return pixels
    if pixels.dtype == np.uint16:
        return (pixels >> 8).astype(np.uint8)
    low, high = np.nanmin(pixels), np.nanmax(pixels)
    return np.nan_to_num((pixels - low) / max(high - low, 1e-30) * 255).astype(np.uint8)
