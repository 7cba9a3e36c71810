"""A grey test chart: what shows aliasing, ringing, uneven steps and borders.

Smooth figures are drawn from formulas at 8x8 points a pixel, so their edges carry exact coverage;
one-pixel figures are set pixel by pixel.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from .noise import Field, smoothstep

N, FINE = 512, 8
LINES = "The quick brown fox jumps over the lazy dog", "HAMBURGEFONTSIV  iIl1| 0O  5/9 = .5556"


def make_chart() -> Field:
    """(512, 512) uint8."""
    chart = np.full((N, N), 128.0)
    _put(chart, 8, 8, _averaged(_star, 232))
    _put(chart, 8, 272, _averaged(_zone_plate, 232))
    _put(chart, 252, 8, _averaged(_slanted_edge, 104))
    _put(chart, 252, 122, _averaged(_rings, 104))
    _put(chart, 252, 236, _dots(104))
    _put(chart, 252, 350, _line_pairs(104, 154))
    _put(chart, 366, 8, _wedge(496, 40))
    _put(chart, 412, 8, _gradient(496, 24))
    _put(chart, 442, 8, _checks(62, 190))
    _put(chart, 442, 206, _text(62, 298))
    return np.rint(chart).astype(np.uint8)


def _put(chart: Field, row: int, column: int, figure: Field) -> None:
    chart[row : row + figure.shape[0], column : column + figure.shape[1]] = figure


def _averaged(draw: Callable[[Field, Field], Field], side: int) -> Field:
    """draw(y, x) in -1..1 coordinates, values 0..1, averaged over each pixel: (side, side)."""
    at = (np.arange(side * FINE) + 0.5) / (side * FINE) * 2 - 1
    values = draw(at[:, None], at[None, :]) * 255.0
    return values.reshape(side, FINE, side, FINE).mean((1, 3))


def _star(y: Field, x: Field) -> Field:
    """Siemens star, 36 spokes; grey beyond the disc."""
    spokes = smoothstep(-0.004, 0.004, np.hypot(x, y) * np.sin(36 * np.arctan2(y, x)) / 36)
    return np.where(np.hypot(x, y) < 0.98, spokes, 128 / 255)


def _zone_plate(y: Field, x: Field) -> Field:
    """cos(k r²): rings whose frequency grows with the radius up to the pixel limit at the edge."""
    return 0.5 + 0.5 * np.cos(np.pi / 2 * 232 / 2 * (x * x + y * y))


def _slanted_edge(y: Field, x: Field) -> Field:
    """A square turned by 5 degrees, 10 % and 90 %: for measuring sharpness and ringing."""
    turn = np.radians(5.0)
    u, v = np.cos(turn) * x + np.sin(turn) * y, np.cos(turn) * y - np.sin(turn) * x
    return 0.1 + 0.8 * smoothstep(-0.002, 0.002, 0.62 - np.maximum(np.abs(u), np.abs(v)))


def _rings(y: Field, x: Field) -> Field:
    """Thin circles and rays, black on white."""
    r = np.hypot(x, y)
    lines = [smoothstep(0.014, 0.010, np.abs(r - radius)) for radius in (0.25, 0.5, 0.75, 0.96)]
    for angle in np.radians(np.arange(0, 180, 15)):
        off = np.abs(np.cos(angle) * y - np.sin(angle) * x)
        lines.append(smoothstep(0.012, 0.008, off) * (r < 0.96) * (r > 0.25))
    return 1.0 - np.maximum.reduce(np.broadcast_arrays(*lines))


def _dots(side: int) -> Field:
    """Single pixels: white on black above, black on white below; closer and closer to the right."""
    figure = np.zeros((side, side))
    half, column, gap = side // 2, 4, 13
    while column < side - 2:
        figure[4 : half - 2 : gap, column] = 255
        column, gap = column + gap, max(gap - 1, 2)
    figure[half:] = 255 - figure[:half][::-1]
    return figure


def _line_pairs(height: int, width: int) -> Field:
    """Bars of 1, 2, 3, 4, 6 pixels: upright above, level below."""
    figure, column = np.full((height, width), 255.0), 3
    for bar in (1, 2, 3, 4, 6):
        span = min(6 * bar if bar > 2 else 20, width - column)
        stripes = np.where(np.arange(span) // bar % 2 == 0, 0.0, 255.0)
        figure[3 : height // 2 - 2, column : column + span] = stripes
        level = np.where(np.arange(height // 2 - 5) // bar % 2 == 0, 0.0, 255.0)
        figure[height // 2 + 2 : height // 2 + 2 + level.size, column : column + span] = level[
            :, None
        ]
        column += span + 6
    return figure


def _wedge(width: int, height: int) -> Field:
    """16 equal steps from black to white, each with a small patch one eighth of a step lighter."""
    step = np.arange(width) * 16 // width
    figure = np.tile(step * 17.0, (height, 1))
    inner = (np.arange(width) * 16 % width) // 16
    patch = (inner > width // 16 * 0.35) & (inner < width // 16 * 0.65)
    figure[height // 3 : 2 * height // 3, patch] += 2
    return np.minimum(figure, 255)


def _gradient(width: int, height: int) -> Field:
    """Black to white, evenly."""
    return np.tile(np.linspace(0, 255, width), (height, 1))


def _checks(height: int, width: int) -> Field:
    """Checkerboards of 1, 2, 4 and 8 pixels, and one of 1 pixel in low contrast."""
    row, column = np.mgrid[0:height, 0:width]
    part = width // 5
    sizes = np.array([1, 2, 4, 8, 1, 1])[column // part]
    dark = (row // sizes + column % part // sizes) % 2 == 0
    return np.where(column // part < 4, np.where(dark, 0.0, 255.0), np.where(dark, 112.0, 144.0))


def _text(height: int, width: int) -> Field:
    """Pillow's built-in bitmap font (the same everywhere), dark on light and light on dark."""
    font = ImageFont.load_default_imagefont()
    image = Image.new("L", (width, height), 245)
    pen = ImageDraw.Draw(image)
    pen.rectangle((0, height // 2, width, height), fill=20)
    for row, ink in ((2, 0), (17, 70), (height // 2 + 2, 255), (height // 2 + 17, 160)):
        line = LINES[0 if row in (2, height // 2 + 2) else 1]
        pen.text((4, row), line, fill=ink, font=font)
    return np.asarray(image, float)


def make_checker() -> Field:
    """(16, 16) uint8: four small patterns that a stride of 2 or 3 turns into something else."""
    row, column = np.mgrid[0:8, 0:8]
    single = (row + column) % 2
    double = (row // 2 + column // 2) % 2
    stripes = column % 2
    dot = (row == 3) & (column == 4)
    return (np.block([[single, double], [stripes, dot]]) * 255).astype(np.uint8)
