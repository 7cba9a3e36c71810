"""Marks that are no digits, and digits of print, in the form in which a scan's marks arrive."""

from __future__ import annotations

import string
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import cv2
import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from imgconv.tasks.classify.glyph import frame

from ..files import Files, decoded

ALIKE = "OoQDIl|iJSsZzBbqgGyAT?!"  # letters that hands write as digits: learnt as neither
LETTERS = [c for c in string.ascii_letters + "@#$%&*+=<>{}[]()~^" if c not in ALIKE]
FONTS = ("STIXGeneral", "STIXGeneralBol", "STIXGeneralItalic", "STIXGeneralBolIta", "cmr10",
         "cmss10", "cmtt10", "cmb10", "cmti10")  # fmt: skip
HANDS = range(8)  # the Hershey fonts of OpenCV, drawn with strokes
SIZE = 96


def typed(rng: np.random.Generator, character: str) -> np.ndarray:
    """(h, w) ink of a character in some font. DejaVu and Aileron are kept for judging."""
    if rng.random() < 0.5:
        return struck(rng, character)
    page = Image.new("L", (SIZE, SIZE))
    ImageDraw.Draw(page).text(
        (SIZE // 2, SIZE // 2), character, 255, font(str(rng.choice(FONTS))), "mm"
    )
    return np.asarray(page, np.float32) / 255


@cache
def font(name: str) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(Path(matplotlib.get_data_path(), "fonts", "ttf", f"{name}.ttf"), 56)


def struck(rng: np.random.Generator, character: str) -> np.ndarray:
    page = np.zeros((SIZE, SIZE), np.uint8)
    face = int(rng.choice(HANDS)) | (cv2.FONT_ITALIC if rng.random() < 0.3 else 0)
    width = int(rng.integers(2, 11))
    cv2.putText(page, character, (22, 68), face, 2, 255, width, cv2.LINE_AA)
    return page / np.float32(255)


def scribble(rng: np.random.Generator) -> np.ndarray:
    """Straight and bent strokes of a pen."""
    page = np.zeros((SIZE, SIZE), np.uint8)
    for _ in range(int(rng.integers(1, 5))):
        points = rng.integers(10, SIZE - 10, (int(rng.integers(3, 7)), 2))
        steps = np.linspace(0, len(points) - 1, 40)
        line = np.stack([np.interp(steps, np.arange(len(points)), points[:, k]) for k in (0, 1)], 1)
        if rng.random() < 0.7:
            line = cv2.GaussianBlur(line, (1, 0), sigmaX=0.1, sigmaY=3)
        cv2.polylines(page, [line.astype(np.int32)], bool(rng.random() < 0.2), 255,
                      int(rng.integers(3, 14)), cv2.LINE_AA)  # fmt: skip
    return page / np.float32(255)


def shape(rng: np.random.Generator) -> np.ndarray:
    """A box, a disc, a wedge, filled or not."""
    page = np.zeros((SIZE, SIZE), np.uint8)
    width = -1 if rng.random() < 0.5 else int(rng.integers(3, 12))
    kind = int(rng.integers(3))
    a, b = (int(n) for n in rng.integers(12, 40, 2))
    if kind == 0:
        cv2.rectangle(page, (48 - a, 48 - b), (48 + a, 48 + b), 255, width)
    elif kind == 1 and (width < 0 or b > 3 * a):
        cv2.ellipse(page, (48, 48), (a, b), float(rng.uniform(0, 180)), 0, 360, 255, -1)
    else:
        points = rng.integers(8, SIZE - 8, (int(rng.integers(3, 6)), 2))
        (cv2.fillPoly if width < 0 else cv2.polylines)(
            page, [points.astype(np.int32)], *((255,) if width < 0 else (True, 255, width))
        )
    return page / np.float32(255)


def drawing(rng: np.random.Generator) -> np.ndarray:
    """A part of a chart: rings in rings, spokes, a grid, bars in a row, a curve on its axes."""
    page = np.zeros((SIZE, SIZE), np.uint8)
    kind, count, width = int(rng.integers(5)), int(rng.integers(2, 7)), int(rng.integers(2, 8))
    places = np.linspace(14, SIZE - 14, count).astype(int)
    turns = np.linspace(0, np.pi, count, endpoint=False) + rng.uniform(0, np.pi)
    if kind == 0:
        for radius in np.linspace(8, 40, count).astype(int):
            cv2.circle(page, (48, 48), int(radius), 255, width // 2 + 1, cv2.LINE_AA)
    elif kind == 1:
        for turn in turns:
            x, y = int(40 * np.cos(turn)), int(40 * np.sin(turn))
            cv2.line(page, (48 - x, 48 - y), (48 + x, 48 + y), 255, width, cv2.LINE_AA)
    elif kind == 2:
        for place in places.tolist():
            cv2.line(page, (place, 14), (place, SIZE - 14), 255, width)
            cv2.line(page, (14, place), (SIZE - 14, place), 255, width)
    elif kind == 3:
        cv2.line(page, (10, 86), (86, 86), 255, width)
        for place in places.tolist():
            cv2.line(page, (place, 86), (place, int(rng.integers(10, 70))), 255, width)
    else:
        cv2.polylines(page, [np.array([[12, 10], [12, 86], [86, 86]])], False, 255, width)
        curve = np.stack([np.linspace(12, 86, 20), rng.normal(0, 6, 20).cumsum() + 48], 1)
        cv2.polylines(page, [curve.astype(np.int32)], False, 255, width, cv2.LINE_AA)
    return page / np.float32(255)


def blob(rng: np.random.Generator) -> np.ndarray:
    """Cloudy noise, cut off somewhere, or as it is."""
    noise = cv2.GaussianBlur(
        rng.normal(0, 1, (SIZE, SIZE)).astype(np.float32), (0, 0), float(np.exp(rng.uniform(0, 3)))
    )
    noise = (noise - noise.mean()) / noise.std()
    if rng.random() < 0.3:
        return np.clip(noise / 2 + 0.5, 0, 1)
    return (noise > rng.uniform(-0.5, 1.5)).astype(np.float32)


def several(rng: np.random.Generator, digits: np.ndarray) -> np.ndarray:
    """Two or three digits that touch, which are no digit together."""
    chosen = digits[rng.integers(len(digits), size=int(rng.integers(2, 4)))] / np.float32(255)
    page = np.zeros((28, 28 * len(chosen)), np.float32)
    left = 0
    for one in chosen:
        columns = np.flatnonzero(one.max(0) > 0.4)
        cut = one[:, columns[0] : columns[-1] + 1]
        page[:, left : left + cut.shape[1]] = np.maximum(page[:, left : left + cut.shape[1]], cut)
        left += cut.shape[1] - int(rng.integers(0, 3))
    return page


def turned(rng: np.random.Generator, digits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """A digit on its side, of those that do not then look like another; or a piece of one."""
    allowed = np.isin(labels, (2, 3, 4, 5, 7))
    one = digits[rng.choice(np.flatnonzero(allowed))] / np.float32(255)
    return np.rot90(one, int(rng.choice([1, 3])))


def photo(rng: np.random.Generator, grey: np.ndarray) -> np.ndarray:
    """A crop of a photo: as it is, or its darker or brighter part."""
    side = int(rng.integers(24, min(grey.shape) + 1))
    top, left = (int(rng.integers(n - side + 1)) for n in grey.shape)
    part = grey[top : top + side, left : left + side]
    part = part if rng.random() < 0.5 else 255 - part
    if rng.random() < 0.3:
        low, high = np.percentile(part, [2, 98])
        return np.clip((part - low) / max(high - low, 1), 0, 1).astype(np.float32)
    level, _ = cv2.threshold(part, 0, 255, cv2.THRESH_OTSU)
    count, places, facts, _ = cv2.connectedComponentsWithStats((part > level).astype(np.uint8))
    if count < 2:
        return part / np.float32(255)
    order = 1 + np.argsort(-facts[1:, cv2.CC_STAT_AREA])
    return (places == order[int(rng.integers(min(3, count - 1)))]).astype(np.float32)


def photos(source: str | None) -> list[np.ndarray]:
    """Grey photos of a folder or a zip, one in four of them."""
    if not source:
        return []
    files = Files(source)
    names = [n for n in files.names if n.lower().endswith((".jpg", ".jpeg", ".png", ".webp"))]
    planes = (decoded(files, name) for name in names[::4])
    return [cv2.cvtColor(p, cv2.COLOR_RGB2GRAY) if p.ndim == 3 else p for p in planes]


def foreign(
    seed: int, count: int, digits: np.ndarray, labels: np.ndarray, pictures: list[np.ndarray]
) -> Iterator[np.ndarray]:
    """(28, 28) uint8 of no digit, of all the kinds above."""
    rng = np.random.default_rng(seed)
    kinds = [
        lambda: typed(rng, str(rng.choice(LETTERS))),
        lambda: typed(rng, str(rng.choice(LETTERS))),
        lambda: scribble(rng),
        lambda: shape(rng),
        lambda: drawing(rng),
        lambda: blob(rng),
        lambda: several(rng, digits),
        lambda: turned(rng, digits, labels),
    ]
    if pictures:
        kinds += 2 * [lambda: photo(rng, pictures[int(rng.integers(len(pictures)))])]
    for number in range(count):
        yield eight(frame(kinds[number % len(kinds)]()))


def printed(seed: int, count: int) -> Iterator[tuple[np.ndarray, int]]:
    """(28, 28) uint8 of digits of print, and which they are."""
    rng = np.random.default_rng(seed)
    for number in range(count):
        yield eight(frame(typed(rng, str(number % 10)))), number % 10


def eight(image: np.ndarray) -> np.ndarray:
    return np.rint(255 * image).astype(np.uint8)
