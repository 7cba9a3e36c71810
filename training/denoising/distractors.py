"""What is no overlay but looks a little like one: wires, letters, edges, outlines of cells, and
straight things of more than one colour."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from . import overlays

LETTERS = "ABCDEFGHIKLMNOPRSTUVWXYZabcdefghiklmnoprstuvwxyz0123456789.,-/+%"

Way = Callable[[np.random.Generator, np.ndarray], None]
LARGEST = 4  # times the side of a crop: the image it is a window of
PIXELS = 20  # of something drawn that are seen at least


def window(
    rng: np.random.Generator,
    drawn: Callable[[np.random.Generator, int, int], np.ndarray],
    height: int,
    width: int,
) -> np.ndarray:
    """Something drawn as over a larger image, half of the time, through a window of this size:
    in a crop circles are arcs, and a sagging wire is nearly straight."""
    part = np.zeros((height, width), np.float32)
    for _ in range(20):
        factor = rng.uniform(1, LARGEST) if rng.random() < 0.5 else 1.0
        H, W = round(height * factor), round(width * factor)
        y, x = int(rng.integers(H - height + 1)), int(rng.integers(W - width + 1))
        part = drawn(rng, H, W)[y : y + height, x : x + width]
        if np.count_nonzero(part) >= PIXELS:
            break
    return part


def distracted(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """The image, float32 0..255, with one to three such things drawn into it."""
    ways = (wire, text, slab, outlines, stroke, straight, straight)
    image = np.ascontiguousarray(image)
    for _ in range(int(rng.integers(1, 4))):
        colour = rng.uniform(0, 255, image.shape[2]).round()
        if rng.random() < 0.5:
            colour[:] = rng.uniform(0, 255)
        way = ways[int(rng.integers(len(ways)))]

        def drawn(rng: np.random.Generator, height: int, width: int, way: Way = way) -> np.ndarray:
            mask = np.zeros((height, width), np.uint8)
            way(rng, mask)
            return mask

        cover = window(rng, drawn, *image.shape[:2])[..., None] / np.float32(255)
        if rng.random() < 0.4:
            cover = cv2.GaussianBlur(cover, (0, 0), rng.uniform(0.4, 1.2))[..., None]
        seen = colour.astype(np.float32)
        if way is straight or rng.random() < 0.3:
            seen = np.clip(seen + shading(rng, *image.shape[:2]), 0, 255)
        image = np.rint(image * (1 - cover) + seen * cover)
    return image


def shading(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """(H, W, 1): what light, dirt and grain make of one colour from place to place."""
    size = rng.uniform(2, 30)
    coarse = rng.normal(0, rng.uniform(12, 50), [max(2, round(n / size)) for n in (height, width)])
    smooth = cv2.resize(coarse.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    return (smooth + rng.normal(0, rng.uniform(0, 10), smooth.shape))[..., None]


def straight(rng: np.random.Generator, mask: np.ndarray) -> None:
    """Masts, bars, joints between bricks: as straight as an overlay."""
    mask[:] = np.rint(overlays.drawn(rng, *mask.shape) * 255)


def curve(rng: np.random.Generator, mask: np.ndarray, points: np.ndarray, width: int) -> None:
    """A smooth line through control points (a Bezier curve)."""
    t = np.linspace(0, 1, 60)[:, None, None]
    while points.shape[-2] > 1:
        points = points[..., :-1, :] * (1 - t) + points[..., 1:, :] * t
    places = np.rint(points.reshape(-1, 1, 2) * 8).astype(np.int32)
    cv2.polylines(mask, [places], False, 255, width, cv2.LINE_AA, 3)


def wire(rng: np.random.Generator, mask: np.ndarray) -> None:
    """A line that sags or bends."""
    size = np.array(mask.shape[::-1])
    ends = np.array([rng.uniform(-0.1, 0.2), rng.random()]), np.array([1.1, rng.random()])
    sag = (ends[0] + ends[1]) / 2 + np.array([rng.uniform(-0.2, 0.2), rng.choice([-1, 1]) * 0.45])
    points = np.array([ends[0], sag, ends[1]]) * size
    curve(rng, mask, points if rng.random() < 0.5 else points[:, ::-1], int(rng.integers(1, 4)))


def stroke(rng: np.random.Generator, mask: np.ndarray) -> None:
    """Hair, scratches, handwriting: bent, short, anywhere."""
    start = rng.random((1, 2))
    points = start + np.cumsum(rng.normal(0, 0.15, (5, 2)), 0)
    curve(rng, mask, points * np.array(mask.shape[::-1]), int(rng.integers(1, 6)))


def text(rng: np.random.Generator, mask: np.ndarray) -> None:
    word = "".join(rng.choice(list(LETTERS), int(rng.integers(1, 9))))
    height, width = mask.shape
    place = (int(rng.uniform(-0.2, 0.7) * width), int(rng.uniform(0.1, 1) * height))
    face = int(rng.integers(8))
    scale = float(rng.uniform(0.3, 1.6))
    cv2.putText(mask, word, place, face, scale, 255, int(rng.integers(1, 4)), cv2.LINE_AA)


def slab(rng: np.random.Generator, mask: np.ndarray) -> None:
    """A polygon: long straight edges without a line, or a bar too wide to be one."""
    size = np.array(mask.shape[::-1])
    if rng.random() < 0.5:
        points = (rng.uniform(-0.2, 1.2, (int(rng.integers(3, 6)), 2)) * size).astype(np.int32)
        cv2.fillPoly(mask, [points], 255, cv2.LINE_AA)
        return
    ends = [tuple(int(v) for v in rng.uniform(-0.2, 1.2, 2) * size) for _ in range(2)]
    cv2.line(mask, ends[0], ends[1], 255, int(rng.integers(9, 25)), cv2.LINE_AA)


def outlines(rng: np.random.Generator, mask: np.ndarray) -> None:
    """Cells: bent closed lines of uneven radius."""
    size = min(mask.shape)
    for _ in range(int(rng.integers(1, 6))):
        angles = np.linspace(0, 2 * np.pi, 40, endpoint=False)
        radius = rng.uniform(0.05, 0.25) * size
        for wave in (2, 3, 5):
            radius = radius * (1 + rng.normal(0, 0.12) * np.cos(wave * angles + rng.uniform(0, 6)))
        ring = np.stack([np.cos(angles) * radius, np.sin(angles) * radius], 1)
        middle = rng.random(2) * np.array(mask.shape[::-1])
        places = np.rint((ring + middle) * 8).astype(np.int32)
        cv2.polylines(mask, [places], True, 255, int(rng.integers(1, 4)), cv2.LINE_AA, 3)
