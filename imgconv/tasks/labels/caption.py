"""The line under a picture of labels: what file, how many objects, how long a micrometre is."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from imgconv.ops.sheet import INK, PAPER

SMALLEST, SHARE = 15, 64  # pixels: of the letters; of wide pictures, their part of the width
LONGEST = 0.25  # of the width: the scale bar
UNITS = ((1e3, "mm"), (1.0, "um"), (1e-3, "nm"))  # the built-in font has no µ


def with_caption(picture: np.ndarray, words: Sequence[str], side: float | None) -> np.ndarray:
    """RGB uint8: the picture (H, W, 3) above a line of words and, where `side`, the width of its
    pixels in µm, is known, a scale bar of a round length. Narrow pictures have several lines."""
    width = picture.shape[1]
    size = max(SMALLEST, width // SHARE)
    parts = [_text(word, size, width - size) for word in words]
    if side:
        parts.append(_bar(side, size, width))
    lines = [_join(line, width, size, bool(side)) for line in _lines(parts, width - size, size)]
    return np.concatenate([picture, *lines])


def scale_bar(side: float, width: int) -> tuple[int, str]:
    """Length in pixels and name of a bar of 1, 2 or 5 units that fits a picture of this width,
    whose pixels are `side` µm wide."""
    room = LONGEST * width * side
    power = 10.0 ** math.floor(math.log10(room))
    length = next(n for n in (5, 2, 1) if n * power <= room * (1 + 1e-9)) * power
    unit, name = next((one for one in UNITS if length >= one[0] * (1 - 1e-9)), UNITS[-1])
    return max(1, round(length / side)), f"{length / unit:.6g} {name}"


def _lines(parts: Sequence[np.ndarray], width: int, gap: int) -> list[list[np.ndarray]]:
    """As many on one line as fit side by side."""
    lines: list[list[np.ndarray]] = [[]]
    for part in parts:
        taken = sum(one.shape[1] + 2 * gap for one in lines[-1])
        if lines[-1] and taken + part.shape[1] > width:
            lines.append([])
        lines[-1].append(part)
    return lines


def _join(parts: Sequence[np.ndarray], width: int, gap: int, last: bool) -> np.ndarray:
    """Parts (h, w, 3) side by side; the last, if asked, at the end of the line."""
    line = np.full((parts[0].shape[0], width, 3), PAPER, np.uint8)
    x = gap // 2
    for number, part in enumerate(parts, 1):
        if last and number == len(parts) > 1:
            x = width - part.shape[1] - gap // 2
        fits = part[:, : max(0, width - x)]
        line[:, x : x + fits.shape[1]] = fits
        x += part.shape[1] + 2 * gap
    return line


def _text(word: str, size: int, most: int) -> np.ndarray:
    """A word (h, w, 3), cut in its middle where it is wider than `most`."""
    font, kept, shown = _font(size), len(word) // 2, word
    while font.getlength(shown) > most and kept:
        kept -= 1
        shown = f"{word[:kept]}…{word[len(word) - kept :]}"
    image, draw = _paper(math.ceil(font.getlength(shown)), size)
    draw.text((0, size), shown, INK, font, "lm")
    return np.asarray(image)


def _bar(side: float, size: int, width: int) -> np.ndarray:
    """The bar, and its length behind it (h, w, 3)."""
    length, name = scale_bar(side, width)
    font, thick, behind = _font(size), max(3, size // 4), length + size // 2
    image, draw = _paper(behind + math.ceil(font.getlength(name)), size)
    top = size - thick // 2
    draw.rectangle((0, top, length - 1, top + thick - 1), fill=INK)
    draw.text((behind, size), name, INK, font, "lm")
    return np.asarray(image)


def _paper(width: int, size: int) -> tuple[Any, Any]:
    """An empty image for letters of this size, and what draws on it."""
    image = Image.new("RGB", (max(1, width), 2 * size), PAPER)
    return image, ImageDraw.Draw(image)


@functools.cache
def _font(size: int) -> Any:
    return ImageFont.load_default(size)
