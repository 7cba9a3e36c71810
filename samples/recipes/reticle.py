"""What an eyepiece with a measuring reticle shows of a field of cells."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

FINE = 4  # drawn this many times as large, for soft edges
TURNED = 0.0  # degrees
WIDTH, TICK, STEP = 2, 8, 16  # pixels: of a line, of half a tick, between ticks
INK = 235


def make_reticle(field: np.ndarray) -> Image.Image:
    """8-bit grey of a field of 16 bits (H, W), under crosshair, scale and ring."""
    low, high = np.percentile(field, [0.5, 99.8])
    values = np.clip((field - low) / (high - low), 0, 1) ** 0.7 * 200 + 15
    picture = Image.fromarray(np.rint(values).astype(np.uint8))
    return Image.composite(Image.new("L", picture.size, INK), picture, lines(picture.size))


def lines(size: tuple[int, int]) -> Image.Image:
    """How much of each pixel they cover, 0 to 255."""
    large = Image.new("L", (size[0] * FINE, size[1] * FINE))
    draw = ImageDraw.Draw(large)
    x, y = large.width // 2, large.height // 2
    wide, tick = WIDTH * FINE, TICK * FINE
    draw.line((0, y, large.width, y), 255, wide)
    draw.line((x, 0, x, large.height), 255, wide)
    for place in range(-8, 9):
        at, reach = x + place * STEP * FINE, tick * (2 if place % 4 == 0 else 1)
        draw.line((at, y - reach, at, y + reach), 255, wide)
    radius = large.width // 3
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), None, 255, wide)
    turned = large.rotate(TURNED, Image.Resampling.BICUBIC)
    return turned.resize(size, Image.Resampling.BOX)
