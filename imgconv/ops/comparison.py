"""The figure that compares upsampling: all methods on one detail, why some leave a pattern.

A transposed convolution adds up as many stencils at each pixel of its result as overlap there.
If the stride divides the stencil's size, these are equally many inside of the image; if not,
their number alternates, and so does the brightness: checkerboard artefacts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar

import numpy as np

from imgconv.errors import UsageError

from .alpha import fit, white
from .interpolation import interpolate
from .pool import pool_windows
from .sheet import IMPORTS, INK, PAPER, thumbnail
from .stencil import Stencil
from .strides import Pair, Windows, format_pair
from .tones import Tones
from .transposed import correlate_transposed

SIDE = 288  # of a panel, pixels
DETAIL = 72  # pixels of the result in a panel
MARGIN = 4  # source pixels around the detail, so that its edges are not the image's
COARSE = 4  # pixels: edges at this scale make a detail worth showing
CELLS = 12  # of the overlap map, both ways
GAP, TITLE, LABEL = 24, 36, 46  # pixels: between panels, for a row's title, for a label
MUTED, FAINT = (104, 108, 116), (214, 214, 210)


@dataclass(frozen=True)
class Panel:
    """A square picture with a name and a remark under it."""

    picture: np.ndarray
    name: str
    remark: str


@dataclass(frozen=True)
class Comparison:
    """The figure as a function of an image: RGB uint8 of about 1270 x 1150."""

    imports: ClassVar = IMPORTS  # when it works
    stride: Pair = (2, 2)

    def __post_init__(self) -> None:
        if min(self.stride) < 2 or max(self.stride) > 4:
            raise UsageError(f"`compare` `stride={self.stride}`: must be 2 to 4")

    @property
    def stencils(self) -> tuple[Pair, ...]:
        """Sizes that the stride divides (the 1st and 3rd) and does not."""
        s, t = self.stride
        return (s, t), (s + 1, t + 1), (2 * s, 2 * t), (2 * s + 1, 2 * t + 1)

    def __call__(self, pixels: np.ndarray, alpha: str = "none") -> np.ndarray:
        around = detail(pixels, self.stride, alpha)
        factor = "x".join(dict.fromkeys(map(str, self.stride)))
        titles = (
            f"Interpolation by {factor}: pixels of the result are weighted means of pixels",
            f"Transposed convolution, stride {factor}: every pixel spreads a stencil of ones, "
            "and what overlaps adds up",
            "Overlap: how many stencils meet at each pixel of the result (top left corner)",
        )
        rows = (self._interpolations(around), self._transpositions(around), self._overlaps())
        return draw_panels(titles, rows)

    def _interpolations(self, around: np.ndarray) -> list[Panel]:
        factors = (Fraction(self.stride[0]), Fraction(self.stride[1]))
        panels = [Panel(self._show(around, (1, 1)), "the image", "a detail, each pixel a square")]
        for method, remark in (
            ("nearest", "copies: sharp, with steps"),
            ("bilinear", "2 x 2 pixels: smooth, soft"),
            ("bicubic", "4 x 4 pixels: smooth, crisper"),
        ):
            large = interpolate(around, method, factors)
            panels.append(Panel(self._show(large, self.stride), method, remark))
        return panels

    def _transpositions(self, around: np.ndarray) -> list[Panel]:
        area = self.stride[0] * self.stride[1]
        panels = []
        for size in self.stencils:
            gain = Fraction(area, size[0] * size[1])  # the mean brightness stays
            start = tuple((k - s) // 2 for k, s in zip(size, self.stride, strict=True))
            large = correlate_transposed(around, ones(size), self.stride, gain=gain)[
                start[0] :, start[1] :
            ]
            remark = "like nearest" if size == self.stride else "smooth"
            remark = remark if self._divides(size) else "a checkerboard"
            panels.append(
                Panel(self._show(large, self.stride), f"stencil {format_pair(size)}", remark)
            )
        return panels

    def _overlaps(self) -> list[Panel]:
        """Counts as numbers on colours: blue is less than the mean, red more."""
        panels = []
        for size in self.stencils:
            field = np.ones((CELLS, CELLS, 1), np.float32)
            counts = correlate_transposed(field, ones(size), self.stride)[:CELLS, :CELLS, 0]
            mean = size[0] * size[1] / (self.stride[0] * self.stride[1])
            panels.append(Panel(heat(counts, mean), self._sentence(size), self._inside(size)))
        return panels

    def _sentence(self, size: Pair) -> str:
        divides = "divides" if self._divides(size) else "does not divide"
        square = self.stride[0] == self.stride[1]
        first, second = (str(p[0]) if square else format_pair(p) for p in (self.stride, size))
        return f"{first} {divides} {second}"

    def _inside(self, size: Pair) -> str:
        """The counts that are found away from the edges."""
        down, across = (
            {-(-(k - phase) // s) for phase in range(s)}
            for k, s in zip(size, self.stride, strict=True)
        )
        counts = sorted({a * b for a in down for b in across})
        if len(counts) == 1:
            return f"{counts[0]} everywhere inside: even"
        return f"{', '.join(map(str, counts))}: uneven"

    def _divides(self, size: Pair) -> bool:
        return all(k % s == 0 for k, s in zip(size, self.stride, strict=True))

    def _show(self, large: np.ndarray, factor: Pair) -> np.ndarray:
        """The detail without its margin, RGB, pixels as squares, in a panel's size."""
        from PIL import Image

        rows, columns = (side(s) * f for s, f in zip(self.stride, factor, strict=True))
        top, left = MARGIN * factor[0], MARGIN * factor[1]
        part = np.ascontiguousarray(large[top : top + rows, left : left + columns])
        image = Image.fromarray(thumbnail(part, max(part.shape)))
        return np.asarray(image.resize((SIDE, SIDE), Image.Resampling.NEAREST))


def ones(size: Pair) -> Stencil:
    whole = np.ones(size, np.int64)
    return Stencil(whole.astype(np.float64), whole)


def side(stride: int) -> int:
    """Source pixels of the detail along an axis."""
    return DETAIL // stride


def detail(pixels: np.ndarray, stride: Pair, alpha: str) -> np.ndarray:
    """RGB uint8 (h, w, 3): the part of pixels (H, W, C) with the strongest edges.

    With MARGIN pixels around it; smaller images are continued by the pixels of their edge.
    """
    height, width = (side(s) for s in stride)
    missing = [max(0, n - have) for n, have in zip((height, width), pixels.shape, strict=False)]
    around = [(MARGIN, m + MARGIN) for m in missing]
    y, x = busiest(pixels, height, width)
    padded = np.pad(pixels, [*around, (0, 0)], mode="edge")
    part = padded[y : y + height + 2 * MARGIN, x : x + width + 2 * MARGIN]
    seen = part if alpha == "none" else on_white(part, alpha)
    return np.ascontiguousarray(thumbnail(np.ascontiguousarray(seen), max(part.shape)))


def on_white(pixels: np.ndarray, alpha: str) -> np.ndarray:
    """(H, W, C - 1): what pixels (H, W, C), the last channel alpha, look like on white paper."""
    top = white(pixels.dtype)
    cover = pixels[..., -1:] / top
    colour = pixels[..., :-1] * (cover if alpha == "straight" else 1)
    return fit(colour + (1 - cover) * top, pixels.dtype)


def busiest(pixels: np.ndarray, height: int, width: int) -> Pair:
    """Row and column where the height x width pixels with the strongest edges begin.

    pixels: (H, W, C). Edges count at a scale of COARSE pixels, so that texture counts little.
    """
    grey = pixels.astype(np.float32).mean(axis=2, keepdims=True)
    coarse = pool_windows(grey, "average", Windows((COARSE, COARSE), (COARSE, COARSE), ceil=True))[
        ..., 0
    ]
    change = np.zeros_like(coarse)
    change[1:] += np.abs(np.diff(coarse, axis=0))
    change[:, 1:] += np.abs(np.diff(coarse, axis=1))
    sums = np.pad(np.nan_to_num(change), ((1, 0), (1, 0))).astype(np.float64)
    sums = sums.cumsum(axis=0).cumsum(axis=1)
    h, w = (max(1, min(n // COARSE, m)) for n, m in zip((height, width), coarse.shape, strict=True))
    boxes = sums[h:, w:] - sums[:-h, w:] - sums[h:, :-w] + sums[:-h, :-w]
    y, x = np.unravel_index(np.argmax(boxes), boxes.shape)
    limits = max(0, pixels.shape[0] - height), max(0, pixels.shape[1] - width)
    return min(int(y) * COARSE, limits[0]), min(int(x) * COARSE, limits[1])


def heat(counts: np.ndarray, mean: float) -> np.ndarray:
    """RGB uint8 (SIDE, SIDE, 3): each of the counts (CELLS, CELLS) in a cell of its own.

    It is coloured by its ratio to the mean.
    """
    from PIL import Image, ImageDraw, ImageFont

    tones = Tones(-2, 2, signed=True)
    colours = tones.colours(np.log2(np.maximum(counts, 0.25) / mean))
    cell = SIDE // CELLS
    image = Image.fromarray(np.repeat(np.repeat(colours, cell, axis=0), cell, axis=1))
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(13)
    for i, j in np.ndindex(counts.shape):
        dark = int(colours[i, j].astype(int).sum()) < 360
        place = ((j + 0.5) * cell, (i + 0.5) * cell)
        draw.text(place, f"{counts[i, j]:.0f}", PAPER if dark else INK, font, anchor="mm")
    return np.asarray(image)


def draw_panels(titles: Sequence[str], rows: Sequence[Sequence[Panel]]) -> np.ndarray:
    """RGB uint8 (H, W, 3): rows of panels, each row under its title."""
    from PIL import Image, ImageDraw, ImageFont

    high = TITLE + SIDE + LABEL
    size = GAP + max(map(len, rows)) * (SIDE + GAP), len(rows) * high + GAP
    canvas = Image.new("RGB", size, PAPER)
    draw = ImageDraw.Draw(canvas)
    large, plain, small = (ImageFont.load_default(n) for n in (17, 16, 14))
    for r, (title, panels) in enumerate(zip(titles, rows, strict=True)):
        y = r * high + TITLE
        draw.text((GAP, y - 9), title, INK, large, anchor="ls")
        for n, panel in enumerate(panels):
            x = GAP + n * (SIDE + GAP)
            canvas.paste(Image.fromarray(panel.picture), (x, y))
            draw.rectangle((x - 1, y - 1, x + SIDE, y + SIDE), outline=FAINT)
            draw.text((x, y + SIDE + 5), panel.name, INK, plain)
            draw.text((x + SIDE, y + SIDE + 7), panel.remark, MUTED, small, anchor="ra")
    return np.asarray(canvas)
