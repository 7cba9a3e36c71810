"""Labels as a person looks at them: thin outlines and numbers on the stretched image."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import find_objects

SMALL, LARGE = 1000, 4096  # pixels of the longer side: below enlarged, above reduced
ROOMY, MOST = 26, 6  # pixels of the median object that numbers fit into, the largest factor
SAMPLE = 1 << 20  # pixels that the stretch is computed from
TAILS = (0.2, 99.8)  # per cent of the pixels between black and white
GAMMA = 0.75  # of dark pictures: dim nuclei beside bright ones
SIZES = (17, 14, 12, 10)  # of the letters, the largest that fits
# Neighbours in the lists are unlike each other; bright ones for dark pictures and the reverse.
ON_DARK = (
    (255, 214, 10), (0, 200, 255), (255, 84, 112), (60, 220, 120), (255, 140, 0),
    (190, 120, 255), (0, 230, 200), (255, 110, 220), (170, 220, 40), (90, 150, 255),
)  # fmt: skip
ON_BRIGHT = (
    (225, 0, 40), (0, 140, 0), (0, 80, 255), (225, 100, 0), (0, 150, 150),
    (230, 0, 150), (130, 130, 0), (0, 120, 215), (190, 60, 0), (0, 160, 80),
)  # fmt: skip
Colours = tuple[tuple[int, int, int], ...]
BRIGHT = 128  # of 255: the mean from which a picture counts as bright
INK, HALO = (255, 255, 255), (0, 0, 0)


@dataclass(frozen=True)
class Spot:
    """One label: its number, where its number is written, and the room there, in pixels."""

    label: int
    x: float
    y: float
    width: int
    height: int


def overlay(
    pixels: np.ndarray,
    labels: np.ndarray,
    scale: tuple[int, int] | None = None,
    colours: Colours = (),
) -> np.ndarray:
    """RGB uint8 of an image (H, W, 1 or 3) with the outlines and numbers of labels (H, W).

    scale: by how much it is enlarged and by how much reduced, as `factors` finds. colours: those
    of the outlines, by label; without, as `colours_for` finds.
    """
    picture, shown = stretch(pixels), labels
    grown, shrunk = scale or factors(labels)
    table = np.array(colours or _colours_on(picture), np.uint8)
    if shrunk > 1:
        picture, shown = _reduce(picture, shrunk), labels[::shrunk, ::shrunk]
    elif grown > 1:
        picture = _enlarge(picture, grown)
        shown = labels.repeat(grown, axis=0).repeat(grown, axis=1)
    outlined = outline(picture, shown, table, 2 if grown > 2 else 1)
    return number(outlined, find_spots(labels, grown / shrunk), grown / shrunk)


def outline(
    picture: np.ndarray, labels: np.ndarray, colours: np.ndarray, width: int = 1
) -> np.ndarray:
    """RGB (H, W, 3) with the rims of labels (H, W), so many pixels wide."""
    picture = np.array(picture)
    edge = _edges(labels, width)
    picture[edge] = colours[labels[edge] % len(colours)]
    return picture


def colours_for(pixels: np.ndarray) -> Colours:
    """The colours in which outlines stand out of an image (H, W, 1 or 3)."""
    return _colours_on(stretch(pixels))


def _colours_on(picture: np.ndarray) -> Colours:
    return colours_by(float(picture.mean()))


def colours_by(mean: float) -> Colours:
    """Those that stand out of a picture of this mean."""
    return ON_BRIGHT if mean > BRIGHT else ON_DARK


def factors(labels: np.ndarray) -> tuple[int, int]:
    """By how much the picture of labels (H, W) is enlarged, and by how much it is reduced.

    So that the picture is neither small nor large, and its objects have room for a number.
    """
    longest = max(labels.shape)
    areas = np.bincount(labels.ravel())[1:]
    known = areas[areas > 0]
    diameter = float(np.median(known)) ** 0.5 if known.size else ROOMY
    wanted = min(MOST, max(round(SMALL / longest), -(-ROOMY // diameter)))
    return int(max(1, min(wanted, LARGE // longest))), -(-longest // LARGE)


def stretch(pixels: np.ndarray) -> np.ndarray:
    """RGB uint8 (H, W, 3) of grey or RGB of any range, dark and bright tails cut off."""
    step = sample_step(pixels.shape)
    return find_tone(pixels[::step, ::step])(pixels)


def sample_step(shape: Sequence[int]) -> int:
    """The step between the rows and columns of an image (H, W, ...) that its tone is found from."""
    return max(1, round((shape[0] * shape[1] / SAMPLE) ** 0.5))


@dataclass(frozen=True)
class Tone:
    """What is black, how far white is from it, and the bend between."""

    low: float
    span: float
    gamma: float

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        """RGB uint8 (H, W, 3) of grey or RGB, pixel by pixel."""
        eight = _eight_bits(pixels, self.low, self.span, self.gamma)
        return np.repeat(eight, 3, axis=2) if pixels.shape[2] == 1 else eight


def find_tone(sample: np.ndarray) -> Tone:
    """Of some pixels (h, w, C)."""
    known = sample[np.isfinite(sample)] if sample.dtype.kind == "f" else sample
    low, high = np.percentile(known, TAILS) if known.size else (0.0, 1.0)
    if high <= low:  # flat but for a few
        low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    low, span = float(low), max(float(high) - float(low), 1e-30)
    dark = known.size and float(known.mean()) < low + span / 3
    return Tone(low, span, GAMMA if dark else 1.0)


def _eight_bits(pixels: np.ndarray, low: float, span: float, gamma: float) -> np.ndarray:
    if pixels.dtype.kind == "u":  # a table of all values there can be
        values = np.arange(np.iinfo(pixels.dtype).max + 1, dtype=np.float32)
        return _tone(values, low, span, gamma)[pixels]
    return _tone(np.nan_to_num(pixels), low, span, gamma)


def _tone(values: np.ndarray, low: float, span: float, gamma: float) -> np.ndarray:
    share = ((values - np.float32(low)) / np.float32(span)).clip(0, 1)
    return np.rint(255 * share**gamma).astype(np.uint8)


def _enlarge(picture: np.ndarray, factor: int) -> np.ndarray:
    height, width = picture.shape[:2]
    size = (width * factor, height * factor)
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BILINEAR))


def _reduce(picture: np.ndarray, factor: int) -> np.ndarray:
    return np.asarray(Image.fromarray(picture).reduce(factor))


def _edges(labels: np.ndarray, width: int) -> np.ndarray:
    """Pixels of labels that have another label, or none, at most `width` beside them."""
    edge = np.zeros(labels.shape, bool)
    for step in range(1, width + 1):
        down = labels[step:] != labels[:-step]
        right = labels[:, step:] != labels[:, :-step]
        edge[step:] |= down
        edge[:-step] |= down
        edge[:, step:] |= right
        edge[:, :-step] |= right
    return edge & (labels > 0)


def find_spots(labels: np.ndarray, scale: float) -> Iterator[Spot]:
    """For each label that may have room for its number, in a picture that is `scale` times as
    large, the middle of its widest place near its centroid."""
    least = SIZES[-1] / scale
    for label, place in enumerate(find_objects(labels), 1):
        if place is None or place[0].stop - place[0].start < least:
            continue
        mask = labels[place] == label
        rows, columns = np.nonzero(mask)
        y = rows[np.abs(rows - rows.mean()).argmin()]
        line = np.flatnonzero(mask[y])
        x = line[np.abs(line - columns.mean()).argmin()]
        left, right = _run(mask[y], x)
        top, bottom = _run(mask[:, x], y)
        yield Spot(
            label, place[1].start + (left + right) / 2, place[0].start + (top + bottom) / 2,
            right - left, bottom - top,
        )  # fmt: skip


def _run(line: np.ndarray, at: int) -> tuple[int, int]:
    """Where the stretch of set pixels around `at` begins and ends."""
    gaps = np.flatnonzero(~line)
    after = np.searchsorted(gaps, at)
    left = int(gaps[after - 1]) + 1 if after else 0
    right = int(gaps[after]) if after < len(gaps) else len(line)
    return left, right


@functools.cache
def _font(size: int) -> Any:
    return ImageFont.load_default(size)


def number(picture: np.ndarray, spots: Iterable[Spot], scale: float) -> np.ndarray:
    """RGB (H, W, 3) with the number of each label that has room for it."""
    image = Image.fromarray(picture)
    draw = ImageDraw.Draw(image)
    for spot in spots:
        text = str(spot.label)
        size = _fitting(text, spot.width * scale, spot.height * scale)
        if size:
            at = (spot.x * scale, spot.y * scale)
            draw.text(at, text, INK, _font(size), "mm", stroke_width=1, stroke_fill=HALO)
    return np.asarray(image)


def _fitting(text: str, width: float, height: float) -> int:
    """The largest size of letters that fits, 0 if none does."""
    sizes = (s for s in SIZES if _font(s).getlength(text) <= width and s <= height)
    return next(sizes, 0)
