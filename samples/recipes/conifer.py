"""Conifers as pictures: coverage and shade, drawn large once, scaled down for each tree."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

HEIGHT, WIDTH = 640, 300  # of a drawn tree, foot at the bottom centre


class Conifers:
    """Kinds of trees at any height in pixels: (shade, coverage), each (h, w) in 0..1."""

    def __init__(self, rng: np.random.Generator, kinds: int) -> None:
        self.drawn = [draw_conifer(rng) for _ in range(kinds)]
        self.scaled: dict[tuple[int, int], tuple[np.ndarray, np.ndarray]] = {}

    def __call__(self, kind: int, h: int) -> tuple[np.ndarray, np.ndarray]:
        if (kind, h) not in self.scaled:
            size = max(round(h * WIDTH / HEIGHT), 2), h
            small = self.drawn[kind].resize(size, Image.Resampling.BOX)
            shade, cover = (np.asarray(small.getchannel(c), float) / 255 for c in "LA")
            self.scaled[kind, h] = shade, cover
        return self.scaled[kind, h]


def draw_conifer(rng: np.random.Generator) -> Image.Image:
    """One tree as "LA": L the shade (left side catches the sky), A the coverage."""
    shade, cover = Image.new("L", (WIDTH, HEIGHT)), Image.new("L", (WIDTH, HEIGHT))
    pens = ImageDraw.Draw(shade), ImageDraw.Draw(cover)
    _line(pens, [(WIDTH / 2, HEIGHT), (WIDTH / 2, 6)], 60, 5)
    spread = rng.uniform(0.30, 0.42) * WIDTH
    y = 14.0
    while y < HEIGHT * rng.uniform(0.93, 0.98):
        down = y / HEIGHT
        reach = spread * down**0.8 * rng.uniform(0.72, 1.12) + 4
        for side in (-1, 1):
            _branch(rng, pens, y + rng.uniform(-4, 4), side, reach * rng.uniform(0.75, 1.1))
        y += 5 + 9 * down
    return Image.merge("LA", (shade, cover))


def _branch(rng: np.random.Generator, pens: tuple, y: float, side: int, reach: float) -> None:
    """A drooping bough hung with twigs, lighter at its tip."""
    droop = rng.uniform(0.25, 0.55)
    for t in np.linspace(0, 1, max(3, int(reach / 3.5))):
        x = WIDTH / 2 + side * reach * t
        foot = y + reach * droop * t * (1.25 - 0.5 * t)
        light = int(70 + 90 * t * (0.9 if side < 0 else 0.35) + rng.uniform(-30, 45))
        twig = (4 + 0.16 * reach * (1.1 - t)) * rng.uniform(0.6, 1.3)
        end = (x + side * rng.uniform(0, 6) + rng.uniform(-3, 3), foot + twig)
        _line(pens, [(x, foot - 2), end], max(light, 25), 3)


def _line(pens: tuple, points: list, light: int, width: int) -> None:
    pens[0].line(points, fill=light, width=width + 4)  # shade reaches past the rim: no dark edge
    pens[1].line(points, fill=255, width=width)
