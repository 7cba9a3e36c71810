"""A picture under every named kernel, by families, each family with one range."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from .catalogue import NAMED
from .filter import Filter
from .sheet import GAP, INK, LINE, PALE, PAPER, SIZE

FAMILIES = {
    "smooth": ("identity", "box", "gaussian", "cross", "motion"),
    "corners": ("edge-diagonal",),
    "log": ("log",),
    "sharpen": ("sharpen", "unsharp", "emboss"),
    "Sobel": ("sobel-x", "sobel-y", "sobel"),
    "Prewitt": ("prewitt-x", "prewitt-y", "prewitt"),
    "Scharr": ("scharr-x", "scharr-y", "scharr"),
    "Roberts": ("roberts-x", "roberts-y", "roberts"),
    "Laplacian": ("laplacian", "laplacian-8", "outline"),
}
COLUMNS, HEAD = 7, 40  # pictures side by side; pixels above the pictures of a family
SIDE, LEAST = 224, 200  # pixels of a picture; of the room for a narrow one and its heading
TAIL = 98  # per cent of a family's values that its range holds


def kernel_sheet(picture: np.ndarray) -> np.ndarray:
    """RGB uint8 (H', W', 3) of a picture (H, W, 3), RGB uint8, of at most SIDE pixels a side.

    Small pictures are enlarged after the filter, so that every pixel can be seen. Kernels that sum
    to zero are shown without their sign; a family's heading says what to type for its range.
    """
    from PIL import Image, ImageDraw, ImageFont

    factor = max(1, SIDE // max(picture.shape[:2]))
    height, width = (n * factor for n in picture.shape[:2])
    room = max(width, LEAST)
    cell_h, cell_w = height + LINE + GAP + HEAD, room + GAP
    places = _places([len(names) for names in FAMILIES.values()])
    down = max(row for row, _ in places) + 1
    canvas = Image.new("RGB", (COLUMNS * cell_w + GAP, down * cell_h + GAP), PAPER)
    draw, font = ImageDraw.Draw(canvas), ImageFont.load_default(SIZE)
    for (row, column), (family, names) in zip(places, FAMILIES.items(), strict=True):
        pictures, words = show_family(picture, names)
        x, y = GAP + column * cell_w, GAP + row * cell_h + HEAD
        _head(draw, family, words, (x, y - GAP))
        for n, (name, shown) in enumerate(zip(names, pictures, strict=True)):
            large = shown.repeat(factor, axis=0).repeat(factor, axis=1)
            canvas.paste(Image.fromarray(large), (x + n * cell_w + (room - width) // 2, y))
            draw.text((x + n * cell_w + room / 2, y + height + 5), name, INK, font, "ma")
    return np.asarray(canvas)


def show_family(picture: np.ndarray, names: Sequence[str]) -> tuple[list[np.ndarray], str]:
    """The picture under each of the kernels, all in one range, and what to type for it."""
    kernels = [NAMED[name].stencils() for name in names]
    signed = round(float(kernels[0][0].weights.sum())) == 0
    if not signed:
        scales = [Fraction(1, max(1, round(float(k[0].weights.sum())))) for k in kernels]
        each = [
            Filter((kernel,), scale=scale)(picture)
            for kernel, scale in zip(kernels, scales, strict=True)
        ]
        odd = {f"{n} --scale {s}" for n, s in zip(names, scales, strict=True) if s != 1}
        return each, ", ".join(sorted(odd))
    largest = max(_tail(Filter((kernel,), range="float")(picture)) for kernel in kernels)
    scale = Fraction(2) ** math.floor(math.log2(255 / largest)) if largest else Fraction(1)
    shown = [Filter((kernel,), range="abs", scale=scale)(picture) for kernel in kernels]
    return shown, f"--range abs{f' --scale {scale}' if scale != 1 else ''}"


def _tail(values: np.ndarray) -> float:
    return float(np.percentile(np.abs(values), TAIL))


def _places(counts: Sequence[int]) -> list[tuple[int, int]]:
    """The row and column of the first picture of each family; families are not broken."""
    found, row, column = [], 0, 0
    for count in counts:
        if column + count > COLUMNS:
            row, column = row + 1, 0
        found.append((row, column))
        column += count
    return found


def _head(draw: Any, family: str, words: str, at: tuple[int, int]) -> None:
    """The family's name and, paler, what to type."""
    from PIL import ImageFont

    font = ImageFont.load_default(SIZE + 3)
    draw.text(at, family, INK, font, "ls")
    behind = at[0] + font.getlength(family) + GAP
    draw.text((behind, at[1]), words, PALE, ImageFont.load_default(SIZE - 2), "ls")
