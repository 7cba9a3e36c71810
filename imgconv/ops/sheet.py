"""Contact sheets: pictures side by side with their names and, for maps, their scales."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .tones import Tones, brief, tones_for

IMPORTS = ("PIL.ImageDraw", "PIL.ImageFile", "PIL.ImageFont", "base64", "numpy.ma")
"""What drawing imports: for those who import it ahead of threads."""
INK, PALE, PAPER = (32, 34, 38), (110, 114, 120), (250, 250, 248)
GAP, LINE, SIZE = 12, 26, 15  # pixels: between pictures, for a label, of its letters
SCREEN = 1.6  # width by height
SCALE, SMALL, BAR = 20, 12, 10  # for a scale, of its letters, of its bar
WIDEST, LARGEST, SMALLEST = 1600, 512, 120  # pixels: of a sheet of maps, of the side of one
DARK = 8192  # of 65535: 16-bit images below are shown stretched
LEGIBLE = 34  # pixels: of the side of a map's pixel that has its value written into it


def sheet(
    pictures: Sequence[np.ndarray],
    labels: Sequence[str],
    columns: int | None = None,
    scales: Sequence[Tones | str] | None = None,
) -> np.ndarray:
    """RGB uint8 sheet of RGB uint8 pictures of one size, (H, W, 3) each, a label under each.

    columns: by default what fits a screen. scales: under each label a bar with the
    numbers at its ends, or words.
    """
    from PIL import Image, ImageDraw, ImageFont

    height, width = pictures[0].shape[:2]
    line = LINE + (SCALE if scales else 0)
    cell_h, cell_w = height + line + GAP, width + GAP
    across = columns or _columns(len(pictures), cell_h, cell_w)
    down = -(-len(pictures) // across)
    canvas = Image.new("RGB", (across * cell_w + GAP, down * cell_h + GAP), PAPER)
    draw, font = ImageDraw.Draw(canvas), ImageFont.load_default(SIZE)
    for n, (picture, label) in enumerate(zip(pictures, labels, strict=True)):
        x, y = GAP + n % across * cell_w, GAP + n // across * cell_h
        canvas.paste(Image.fromarray(picture), (x, y))
        text = _shorten(label, font, width)
        draw.text((x + width / 2, y + height + 5), text, INK, font, anchor="ma")
        if scales:
            _draw_scale(canvas, draw, scales[n], x, y + height + LINE, width)
    return np.asarray(canvas)


def _columns(count: int, cell_h: int, cell_w: int) -> int:
    """What brings the sheet near the shape of a screen and leaves few places empty."""

    def fault(across: int) -> float:
        down = -(-count // across)
        shape = across * cell_w / (down * cell_h)
        return abs(math.log(shape / SCREEN)) + (across * down - count) / count

    return min(range(1, count + 1), key=fault)


def _shorten(label: str, font: Any, width: int) -> str:
    """As much of the label as is not wider than its picture."""
    if font.getlength(label) <= width:
        return label
    while label and font.getlength(label + "…") > width:
        label = label[:-1]
    return label.rstrip() + "…"


def _draw_scale(canvas: Any, draw: Any, tones: Tones | str, x: int, y: int, width: int) -> None:
    """Lowest number, bar, highest number: on one line, as wide as the picture."""
    from PIL import Image, ImageFont

    font = ImageFont.load_default(SMALL)
    if isinstance(tones, str):
        draw.text((x + width / 2, y), _shorten(tones, font, width), PALE, font, anchor="ma")
        return
    low, high = brief(tones.low), brief(tones.high)
    before, after = (math.ceil(font.getlength(text)) + 6 for text in (low, high))
    middle = y + BAR / 2 + 1
    draw.text((x, middle), low, PALE, font, anchor="lm")
    draw.text((x + width, middle), high, PALE, font, anchor="rm")
    if width > before + after:
        bar = tones.bar(width - before - after, BAR)
        canvas.paste(Image.fromarray(bar), (x + before, y + 1))
        corners = (x + before - 1, y, x + width - after, y + BAR + 1)
        draw.rectangle(corners, outline=PALE)


def map_sheet(
    pixels: np.ndarray,
    maps: Sequence[np.ndarray] | np.ndarray,
    name: str,
    labels: Sequence[str],
    reduced: Sequence[tuple[int, ...]] = (),
) -> np.ndarray:
    """RGB uint8 sheet of an image (H, W, C) and its feature maps (K, H', W').

    Maps with negative values are shown on a diverging scale with zero neutral, others in grey;
    under each its label and its scale. Large maps are reduced; small ones are enlarged,
    and their pixels have their values written into them. reduced: the sizes that image and maps
    had, where they have been reduced to `size_in_sheet` already.
    """
    shapes = reduced or (pixels.shape, maps[0].shape)
    size = size_in_sheet(len(maps), shapes[1][:2])
    small = [one if reduced else _resize(one, *size) for one in maps]
    scales = [tones_for(one) for one in small]
    pictures = [tones.colours(one) for tones, one in zip(scales, small, strict=True)]
    image = _picture(pixels, *size)
    if not reduced:
        pictures = [_number(p, one) for p, one in zip(pictures, maps, strict=True)]
        image = _number(image, pixels[..., 0]) if pixels.shape[2] == 1 else image
    sizes = f"{_times(shapes[0])}, maps {_times(shapes[1])}"
    columns = _columns(len(maps) + 1, *shapes[1][:2])
    return sheet([image, *pictures], [name, *labels], columns, [sizes, *scales])


def size_in_sheet(count: int, shape: tuple[int, ...]) -> tuple[int, int]:
    """Rows and columns in a sheet of each of so many maps (H, W)."""
    height, width = shape[:2]
    columns = _columns(count + 1, height, width)
    side = max(SMALLEST, min(LARGEST, WIDEST // columns - GAP))
    return _show_size(height, width, side)


def _number(picture: np.ndarray, values: np.ndarray) -> np.ndarray:
    """With each value written into its pixel, where the pixels are large enough."""
    from PIL import Image, ImageDraw, ImageFont

    rows, columns = values.shape
    cell = picture.shape[1] / columns
    if cell < LEGIBLE:
        return picture
    image = Image.fromarray(picture)
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(min(40, cell / 3.2))
    for i, j in np.ndindex(rows, columns):
        x, y = (j + 0.5) * cell, (i + 0.5) * picture.shape[0] / rows
        ink = INK if picture[int(y), int(x)].mean() > 110 else PAPER
        draw.text((x, y), brief(float(values[i, j])), ink, font, anchor="mm")
    return np.asarray(image)


def _times(shape: tuple[int, ...]) -> str:
    """Rows x columns."""
    return f"{shape[0]}x{shape[1]}"


def _show_size(height: int, width: int, side: int) -> tuple[int, int]:
    """Rows and columns of a map that fits `side` pixels: smaller, or larger by a whole factor."""
    longest = max(height, width)
    if longest > side:
        return max(1, round(height * side / longest)), max(1, round(width * side / longest))
    factor = side // longest
    return height * factor, width * factor


def _resize(values: np.ndarray, height: int, width: int) -> np.ndarray:
    """float32 (height, width): smoothly reduced, or of repeated pixels."""
    from PIL import Image

    smaller = height < values.shape[0] or width < values.shape[1]
    method = Image.Resampling.HAMMING if smaller else Image.Resampling.NEAREST
    return np.asarray(Image.fromarray(values, "F").resize((width, height), method))


def _picture(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    """RGB uint8 (height, width, 3) of an image of any type."""
    from PIL import Image

    image = Image.fromarray(thumbnail(pixels, max(*pixels.shape[:2])))
    smaller = height < pixels.shape[0] or width < pixels.shape[1]
    method = Image.Resampling.HAMMING if smaller else Image.Resampling.NEAREST
    return np.asarray(image.resize((width, height), method))


def thumbnail(pixels: np.ndarray, side: int) -> np.ndarray:
    """RGB uint8 (H, W, 3) of at most `side` pixels a side, from grey or colour of any dtype.

    Floats and dark 16-bit images are shown from their lowest to their highest value.
    """
    from PIL import Image

    eight = _eight_bits(pixels)
    colour = eight[..., :3] if eight.shape[2] >= 3 else np.repeat(eight[..., :1], 3, axis=2)
    image = Image.fromarray(np.ascontiguousarray(colour))
    image.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=3)
    return np.asarray(image)


def _eight_bits(pixels: np.ndarray) -> np.ndarray:
    """Floats from lowest to highest, 16 bits likewise where they are dark: cameras of
    microscopes fill 12 bits, mostly less.
    """
    if pixels.dtype == np.uint8:
        return pixels
    if pixels.dtype == np.uint16 and np.percentile(pixels, 99.9) >= DARK:
        return (pixels >> 8).astype(np.uint8)
    known = pixels[np.isfinite(pixels)] if pixels.dtype.kind == "f" else pixels
    low, high = np.percentile(known, [0, 99.9]) if known.size else (0, 1)
    share = (pixels - np.float32(low)) / np.float32(max(high - low, 1e-30))
    return np.nan_to_num(share * 255).clip(0, 255).astype(np.uint8)
