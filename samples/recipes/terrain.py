"""The land round the lake: a height field in metres, its colours, its light.

Maps are (N, N): row y is depth in front of the camera (0 to SIDE metres), column x runs from
-SIDE/2 (left) to SIDE/2 (right).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .noise import Field, fractal, mix, octave, sample, smoothstep

N, SIDE = 1024, 10600.0
CELL = SIDE / N
GAIN = 0.53  # of each octave of the mountains
SUN = np.array([-0.70, -0.70, 0.13])  # towards the sun: left, behind the camera, low
SUNLIGHT = np.array([2.9, 1.42, 0.80])
SKYLIGHT = np.array([0.30, 0.37, 0.55])


@dataclass(frozen=True)
class Land:
    height: Field  # (N, N) metres above the lake; negative under water
    colour: Field  # (N, N, 3) linear light, as lit
    forest: Field  # (N, N) 0..1, how willingly trees grow

    def at(self, field: Field, x: Field, y: Field) -> Field:
        return sample(field, y / CELL, (x + SIDE / 2) / CELL, mode="nearest")


def make_land(rng: np.random.Generator) -> Land:
    y, x = np.mgrid[0:N, 0:N] * CELL
    x -= SIDE / 2
    height = _shores(rng, x, y) + _mountains(rng, x, y)
    forest = _forest(rng, height)
    return Land(height, _lit(rng, height, forest), forest)


def _mound(x: Field, y: Field, at: tuple[float, float], radii: tuple[float, float]) -> Field:
    """1 in the middle, 0 on the ellipse, negative beyond."""
    return 1.0 - np.hypot((x - at[0]) / radii[0], (y - at[1]) / radii[1])


def _shores(rng: np.random.Generator, x: Field, y: Field) -> Field:
    """The lake's floor and its low banks, hills and headland."""
    wobble = fractal(rng, N, 9, 5)
    hills = [
        (24.0 * np.minimum((y - 1750 - 0.12 * x) / 300, 1.6), 6.0),
        (2.6 * _mound(x, y, (-99, 125), (66, 45)), 0.4),
        (2.2 * _mound(x, y, (118, 190), (56, 30)), 0.5),
        (75.0 * _mound(x, y, (560, 1000), (330, 150)), 9.0),
        (470.0 * _mound(x, y, (-1500, 2500), (1250, 1050)), 50.0),
        (430.0 * _mound(x, y, (1750, 3000), (1250, 1200)), 50.0),
    ]
    return np.maximum.reduce(
        [np.maximum(h, -20 - 5 * rough) + rough * wobble for h, rough in hills]
    )


def _eroded(rng: np.random.Generator, octaves: int) -> Field:
    """Ridged noise whose fine scales fade on steep ground, as scree fills gullies."""
    total, gy, gx = np.zeros((N, N)), np.zeros((N, N)), np.zeros((N, N))
    for k in range(octaves):
        layer = octave(rng, N, 4.6 * 2.0**k) * GAIN**k
        if k < 6:
            layer = GAIN**k - 1.5 * np.sqrt(layer * layer + 0.012 * GAIN ** (2 * k))
        total += layer / (1.0 + 0.02 * (gy * gy + gx * gx))
        if k < 4:
            dy, dx = np.gradient(layer, CELL / 900)
            gy, gx = gy + dy, gx + dx
    return total


def _mountains(rng: np.random.Generator, x: Field, y: Field) -> Field:
    peaks = [((500, 7600), (2600, 3000), 1500), ((-2500, 8600), (2300, 3200), 1350)]
    peaks += [((3900, 7400), (2300, 3000), 1250), ((-5200, 7000), (2600, 3000), 1100)]
    massif = sum(h * np.clip(_mound(x, y, at, r), 0, None) ** 1.3 for at, r, h in peaks)
    rise = smoothstep(2300, 7000, y)
    return np.asarray(massif) + rise * (230 + 345 * _eroded(rng, 7))


def _forest(rng: np.random.Generator, height: Field) -> Field:
    line = 620 + 90 * fractal(rng, N, 13, 5)
    slope = np.hypot(*np.gradient(height, CELL))
    return smoothstep(0, -160, height - line) * smoothstep(1.1, 0.75, slope) * (height > 0.6)


def _shadow(height: Field) -> Field:
    """1 where the sun reaches, 0 in the cast shadow; soft at the rim. On every fourth cell."""
    coarse = height[::4, ::4]
    lit = np.ones_like(coarse)
    flat = np.hypot(SUN[0], SUN[1])
    for k in range(1, 110):
        dy, dx = round(-k * 1.4 * SUN[1] / flat), round(-k * 1.4 * SUN[0] / flat)
        blocker = np.roll(coarse, (dy, dx), (0, 1)) - k * 1.4 * 4 * CELL * SUN[2] / flat
        lit = np.minimum(lit, smoothstep(10 + k, -10 - k, blocker - coarse))
    rows = np.arange(N)[:, None] / 4 + np.zeros((1, N))
    return sample(lit, rows, rows.T, mode="nearest")


def _albedo(rng: np.random.Generator, height: Field, forest: Field) -> Field:
    patches, grain = fractal(rng, N, 40, 5), fractal(rng, N, 200, 2)
    slope = np.hypot(*np.gradient(height, CELL))
    rock = mix([0.20, 0.17, 0.155], [0.31, 0.28, 0.26], smoothstep(-1.5, 1.5, patches)[..., None])
    strata = np.sin(height / 19 + 3 * patches) * 0.10 + 0.20 * grain
    rock *= (1 + strata)[..., None]
    meadow = mix([0.06, 0.066, 0.035], [0.12, 0.10, 0.05], smoothstep(-1, 1, patches)[..., None])
    ground = mix(
        meadow, rock, smoothstep(0.45, 0.85, slope + height / 2600 + 0.1 * patches)[..., None]
    )
    ground = mix(ground, [0.022, 0.034, 0.022], (forest * 0.9)[..., None])
    snow = smoothstep(520, 1150, height + 130 * patches) * smoothstep(
        1.75, 1.05, slope + 0.22 * grain
    )
    return mix(ground, [0.80, 0.82, 0.86], snow[..., None])


def _lit(rng: np.random.Generator, height: Field, forest: Field) -> Field:
    gy, gx = np.gradient(height, CELL)
    length = np.sqrt(1 + gy * gy + gx * gx)
    facing = np.clip((-gx * SUN[0] - gy * SUN[1] + SUN[2]) / length, 0, None)
    reach = _shadow(height) * smoothstep(260, 760, height)  # peaks behind us shade the valley
    direct = (facing * reach)[..., None] * SUNLIGHT
    return _albedo(rng, height, forest) * (direct + SKYLIGHT * (0.45 + 0.55 / length)[..., None])
