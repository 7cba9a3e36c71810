"""Crosshairs, reticles, hairlines, rulers and frames over images: seeded, for training and tests.

    rng = np.random.default_rng(7)
    overlay = drawn(rng, 240, 320)            # which pixels, how much of each
    marked, mask = laid(rng, image, overlay)  # in a colour that is seen

A seed gives the same overlay for the same size of image, whatever the image. What is drawn:

    crosshair  two lines at right angles, sometimes with a gap at the middle or ticks
    reticle    a crosshair with one to three circles around its middle
    hairline   one to four straight lines through the image, any angle, some of them dashed
    ruler      a line with ticks at equal distances, each fifth longer; a scale bar; or ticks alone
    frame      a rectangle or a grid

Lines are 1 to 5 pixels wide (1 or 2 in images of 64 pixels and less), at any place and angle,
with hard or smooth edges, in one colour that differs from what it covers by at least `CONTRAST`
of 255 levels in the mean, and at least that on nine of ten pixels. `mask` is where a tenth of a
pixel or more is covered.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np

CONTRAST, LOST = 20, 0.1
FINE = 4  # lines are drawn this many times as large, and reduced
COVERED = 0.1

Points = Sequence[tuple[float, float]]


class Canvas:
    """Lines by their ends in pixels, one thickness."""

    def __init__(self, height: int, width: int, thickness: float) -> None:
        self.large = np.zeros((height * FINE, width * FINE), np.uint8)
        self.stroke = max(1, round(thickness * FINE))

    def line(self, start: np.ndarray, end: np.ndarray) -> None:
        points = [tuple(round(v * FINE) for v in p) for p in (start, end)]
        cv2.line(self.large, points[0], points[1], 255, self.stroke)

    def circle(self, middle: np.ndarray, radius: float) -> None:
        place = (int(middle[0] * FINE), int(middle[1] * FINE))
        cv2.circle(self.large, place, max(1, int(radius * FINE)), 255, self.stroke)

    def coverage(self, smooth: bool) -> np.ndarray:
        """(H, W) float32 from 0 to 1."""
        size = (self.large.shape[1] // FINE, self.large.shape[0] // FINE)
        covered = cv2.resize(self.large, size, interpolation=cv2.INTER_AREA) / np.float32(255)
        return covered if smooth else (covered >= 0.5).astype(np.float32)


def drawn(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """(H, W) float32: how much of each pixel one overlay covers."""
    shapes = (crosshair, reticle, hairlines, ruler, frame)
    shape = shapes[int(rng.choice(len(shapes), p=[0.3, 0.15, 0.3, 0.15, 0.1]))]
    widest = 5 if min(height, width) > 64 else 2
    canvas = Canvas(height, width, float(rng.integers(1, widest + 1)))
    shape(rng, canvas, height, width)
    return canvas.coverage(bool(rng.random() < 0.6))


def direction(rng: np.random.Generator) -> np.ndarray:
    """A unit vector (x, y), half of the time along an axis."""
    angle = 0.0 if rng.random() < 0.5 else rng.uniform(0, np.pi / 2)
    return np.array([np.cos(angle), np.sin(angle)])


def middle(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """A place (x, y), half of the time near the image's middle."""
    spread = 0.1 if rng.random() < 0.5 else 0.4
    return np.array([width, height]) * (0.5 + rng.uniform(-spread, spread, 2))


def cross(rng: np.random.Generator, canvas: Canvas, at: np.ndarray, reach: float) -> None:
    """Four arms; the gap between them is empty in four of ten, ticks in two of ten."""
    along = direction(rng)
    gap = rng.uniform(2, max(3.0, 0.2 * reach)) if rng.random() < 0.4 else 0.0
    ticks = rng.uniform(0.06, 0.2) * reach if rng.random() < 0.2 else 0.0
    for arm in (along, -along, turned(along), -turned(along)):
        canvas.line(at + arm * gap, at + arm * reach)
        if ticks > 3:
            for place in np.arange(gap + ticks, reach, ticks):
                side = turned(arm) * max(2.0, 0.25 * ticks)
                canvas.line(at + arm * place - side, at + arm * place + side)


def turned(vector: np.ndarray) -> np.ndarray:
    return np.array([-vector[1], vector[0]])


def crosshair(rng: np.random.Generator, canvas: Canvas, height: int, width: int) -> None:
    reach = 2.0 if rng.random() < 0.4 else rng.uniform(0.15, 0.7)
    cross(rng, canvas, middle(rng, height, width), reach * max(12, min(height, width)))


def reticle(rng: np.random.Generator, canvas: Canvas, height: int, width: int) -> None:
    at, size = middle(rng, height, width), min(height, width)
    largest = rng.uniform(0.15, 0.45) * size
    for number in range(1, int(rng.integers(1, 4)) + 1):
        canvas.circle(at, largest / number)
    cross(rng, canvas, at, largest * rng.uniform(1, 1.5))


def hairlines(rng: np.random.Generator, canvas: Canvas, height: int, width: int) -> None:
    for _ in range(int(rng.choice([1, 1, 2, 3, 4]))):
        at, along = middle(rng, height, width), direction(rng)
        along = turned(along) if rng.random() < 0.5 else along
        whole = rng.random() < 0.7
        reach = 2.0 * max(height, width) if whole else rng.uniform(0.2, 0.5) * max(height, width)
        dash = rng.uniform(4, 14) if rng.random() < 0.12 else 0.0
        if not dash:
            canvas.line(at - along * reach, at + along * reach)
            continue
        for place in np.arange(-reach, reach, 2 * dash):
            canvas.line(at + along * place, at + along * (place + dash))


def ruler(rng: np.random.Generator, canvas: Canvas, height: int, width: int) -> None:
    """A ruler, a bar with ends, or ticks without a line, anywhere."""
    along = np.array([1.0, 0.0]) if rng.random() < 0.5 else direction(rng)
    along = turned(along) if rng.random() < 0.3 else along
    length = rng.uniform(0.25, 0.9) * min(height, width)
    start = middle(rng, height, width) - along * length / 2
    kind = rng.choice(["ruler", "bar", "ticks"], p=[0.5, 0.3, 0.2])
    step = length if kind == "bar" else rng.uniform(4, max(5.0, length / 6))
    tall = rng.uniform(2, max(3.0, 0.06 * min(height, width)))
    if kind == "ticks":
        step, tall = min(step, 16.0), max(tall, 4.0)
    else:
        canvas.line(start, start + along * length)
    for number, place in enumerate(np.arange(0, length + 0.01, step)):
        end = turned(along) * tall * (1.6 if number % 5 == 0 else 1)
        canvas.line(start + along * place - end, start + along * place + end)


def frame(rng: np.random.Generator, canvas: Canvas, height: int, width: int) -> None:
    """A rectangle, or a grid of lines through the image."""
    if rng.random() < 0.6:
        low = np.array([width, height]) * rng.uniform(0.05, 0.4, 2)
        high = np.array([width, height]) * rng.uniform(0.6, 0.95, 2)
        corners = [low, np.array([high[0], low[1]]), high, np.array([low[0], high[1]])]
        for start, end in zip(corners, [*corners[1:], corners[0]], strict=True):
            canvas.line(start, end)
        return
    step = rng.uniform(0.12, 0.4) * min(height, width)
    first = rng.uniform(0, step, 2)
    for x in np.arange(first[0], width, step):
        canvas.line(np.array([x, 0]), np.array([x, height]))
    for y in np.arange(first[1], height, step):
        canvas.line(np.array([0, y]), np.array([width, y]))


def laid(
    rng: np.random.Generator, image: np.ndarray, overlay: np.ndarray, lost: float = LOST
) -> tuple[np.ndarray, np.ndarray]:
    """The image (H, W, 1 or 3), 8 bits, under the overlay, and (H, W) bool where that is.

    lost: the share of it that may lie over its own colour. Where no colour is seen well enough
    after many tries, black or white is taken.
    """
    mask = overlay > COVERED
    under = image[overlay >= 0.5] if (overlay >= 0.5).any() else image[mask]
    colour = seen(rng, under, lost)
    cover = np.where(mask, overlay, 0)[..., None]
    marked = image * (1 - cover) + colour * cover
    return np.clip(np.rint(marked), 0, 255).astype(np.uint8), mask


def seen(rng: np.random.Generator, under: np.ndarray, lost: float) -> np.ndarray:
    """A colour that differs from the pixels under it, but for a share that is lost in them."""
    for _ in range(40):
        colour = common(rng) if rng.random() < 0.6 else rng.integers(0, 256, 3).astype(np.float32)
        colour = colour if under.shape[1] == 3 else colour[:1]
        away = np.abs(under - colour).max(1)
        if len(away) == 0 or np.quantile(away, lost) >= CONTRAST:
            return colour
    return np.full(under.shape[1], 255.0 if under.mean() < 128 else 0.0, np.float32)


def common(rng: np.random.Generator) -> np.ndarray:
    """Black, white, grey and the colours that programs draw in."""
    drawn: Callable[..., int] = rng.integers
    choices = [(0, 0, 0), (255, 255, 255), (255, 0, 0), (0, 255, 0), (255, 255, 0), (0, 255, 255)]
    choices += [(255, 0, 255), (0, 0, 255), (drawn(256),) * 3]
    return np.array(choices[int(rng.integers(len(choices)))], np.float32)
