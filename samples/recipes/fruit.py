"""The shapes and skins of a still life: apples, oranges, a lemon, a pear, blueberries, stems.

Points are (3, n) arrays in the thing's own frame, its axis along +z. A shape is a signed distance
(negative inside, never far too large); a skin is the colour in linear light.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from scipy import ndimage

from .noise import Field, mix, smoothstep, to_linear


@dataclass(frozen=True)
class Thing:
    centre: tuple[float, float, float]
    bound: float  # radius of a sphere round all of it
    shape: Callable[[Field], Field] | None  # None: the bounding sphere itself
    skin: Callable[[Field], Field]
    relief: Callable[[Field], Field] | None = None  # small heights that only turn the normal
    axis: tuple[float, float, float] = (0, 0, 1)
    gloss: float = 0.04  # reflectance at right angles (Fresnel's F0)
    rough: float = 0.1
    cores: tuple[tuple[float, float], ...] = ()  # (place on the axis, radius) of spheres inside
    turn: Field = field(init=False)  # rows: the thing's own axes

    def __post_init__(self) -> None:
        z = np.array(self.axis, float) / np.linalg.norm(self.axis)
        x = np.cross(z, [0.35, 0.93, 0.1])
        x /= np.linalg.norm(x)
        object.__setattr__(self, "turn", np.stack([x, np.cross(z, x), z]))


class Grain:
    """Smooth noise in space, periodic."""

    def __init__(self, rng: np.random.Generator) -> None:
        cube = ndimage.gaussian_filter(rng.standard_normal((48, 48, 48)), 1.0, mode="wrap")
        self.cube = cube / cube.std()

    def __call__(self, p: Field, scale: float) -> Field:
        return ndimage.map_coordinates(self.cube, p * scale, order=1, mode="grid-wrap")


def _polar(p: Field) -> tuple[Field, Field, Field]:
    """Radius, angle from +z, angle round z."""
    across = np.hypot(p[0], p[1])
    return np.hypot(across, p[2]), np.arctan2(across, p[2]), np.arctan2(p[1], p[0])


def _poles(p: Field) -> tuple[Field, Field]:
    """Radius and cosine of the angle from +z: much cheaper than angles."""
    r = np.sqrt(p[0] * p[0] + p[1] * p[1] + p[2] * p[2])
    return r, p[2] / r


def _dimple(cosine: Field, width: float) -> Field:
    """1 at the +z pole, falling off over about `width` radians."""
    return np.exp((cosine - 1) * (2 / width**2))


def _bell(x: Field, width: float) -> Field:
    return np.exp(-((x / width) ** 2))


def _tint(*colours: tuple[float, float, float]) -> list[Field]:
    return [to_linear(c)[:, None] for c in colours]


def apple(grain: Grain, size: float) -> tuple[Callable, Callable]:
    yellow, red, dark = _tint((0.93, 0.76, 0.30), (0.76, 0.10, 0.10), (0.46, 0.03, 0.07))

    def shape(p: Field) -> Field:
        r, up = _poles(p)
        return r - size * (0.98 + 0.05 * up - 0.42 * _dimple(up, 0.40) - 0.22 * _dimple(-up, 0.40))

    def skin(p: Field) -> Field:
        _, down, turn = _polar(p)
        streak = grain(np.stack([np.cos(turn) * 30, np.sin(turn) * 30, down * 1.6]), 1.0)
        side = 0.55 * np.cos(turn - 2.4) + 0.5 * grain(p / size, 2.6)
        blush = smoothstep(-1.1, 1.0, 0.55 + side + 0.45 * streak - 1.5 * _bell(down, 0.5))
        dots = smoothstep(2.1, 2.7, grain(p / size, 24))
        return mix(
            mix(mix(yellow, red, blush), dark, 0.35 * blush * smoothstep(0, 2, streak)),
            yellow,
            0.5 * dots,
        )

    return shape, skin


def orange(grain: Grain, size: float) -> tuple[Callable, Callable, Callable]:
    peel, deep, green = _tint((0.98, 0.60, 0.10), (0.93, 0.45, 0.04), (0.36, 0.42, 0.16))

    def shape(p: Field) -> Field:
        r, up = _poles(p)
        return r - size * (1 - 0.03 * up * up - 0.06 * _dimple(up, 0.16))

    def relief(p: Field) -> Field:
        return 0.0065 * size * np.minimum(grain(p / size, 16), 0.6)

    def skin(p: Field) -> Field:
        _, down, turn = _polar(p)
        even = mix(
            peel, deep, smoothstep(-1.5, 1.5, grain(p / size, 3) + 0.4 * grain(p / size, 16))
        )
        star = 0.085 * (1 + 0.25 * np.cos(5 * turn))
        return mix(even, green, smoothstep(1.25, 0.8, down / star))

    return shape, skin, relief


def lemon(grain: Grain, size: float) -> tuple[Callable, Callable, Callable]:
    peel, deep = _tint((0.98, 0.87, 0.25), (0.93, 0.76, 0.12))

    def shape(p: Field) -> Field:
        r, up = _poles(p)
        egg = 1 / np.sqrt((1 - up * up) / 0.76**2 + up * up)
        return r - size * (egg + 0.24 * _dimple(up, 0.20) + 0.14 * _dimple(-up, 0.24))

    def relief(p: Field) -> Field:
        return 0.008 * size * np.minimum(grain(p / size, 15), 0.5)

    def skin(p: Field) -> Field:
        return mix(
            peel, deep, smoothstep(-1.2, 1.6, grain(p / size, 3) + 0.3 * grain(p / size, 15))
        )

    return shape, skin, relief


def pear(grain: Grain, size: float) -> tuple[Callable, Callable]:
    green, gold, brown = _tint((0.66, 0.72, 0.26), (0.88, 0.74, 0.32), (0.50, 0.34, 0.14))

    def shape(p: Field) -> Field:
        x, z = p[0], p[2] + 0.45 * size  # the frame's origin is above the belly's middle
        yy = p[1] * p[1]
        belly = np.sqrt(x * x + yy + (0.95 * z) ** 2) - size
        neck = np.sqrt((x - 0.1 * size) ** 2 + yy + (z - 1.16 * size) ** 2) - 0.50 * size
        blend = np.clip(0.5 + 0.5 * (neck - belly) / (0.75 * size), 0, 1)
        return mix(neck, belly, blend) - 0.75 * size * blend * (1 - blend)

    def skin(p: Field) -> Field:
        side = smoothstep(-1.4, 1.6, p[0] / size * 1.2 + 0.5 * grain(p / size, 2.2))
        specks = smoothstep(1.3, 2.3, grain(p / size, 21) + 0.4 * grain(p / size, 4))
        russet = smoothstep(0.75, 1.35, p[2] / size + 0.12 * grain(p / size, 9))
        return mix(mix(mix(green, gold, side), brown, 0.55 * specks), brown, 0.75 * russet)

    return shape, skin


def blueberry(grain: Grain, size: float) -> tuple[None, Callable]:
    blue, bloom, dark = _tint((0.13, 0.13, 0.25), (0.44, 0.49, 0.66), (0.05, 0.05, 0.09))

    def skin(p: Field) -> Field:
        _, down, turn = _polar(p)
        dust = smoothstep(-1.2, 1.4, grain(p / size, 3) + 0.3 * grain(p / size, 11))
        crown = 0.42 * (1 + 0.22 * np.cos(5 * turn))
        ring = smoothstep(1.15, 0.95, down / crown) * smoothstep(0.45, 0.62, down / crown)
        return mix(mix(blue, bloom, 0.8 * dust), dark, np.maximum(0.85 * ring, 0.6 * (down < 0.2)))

    return None, skin


def stem(length: float, radius: float) -> tuple[Callable, Callable]:
    bark, tip = _tint((0.33, 0.23, 0.13), (0.16, 0.10, 0.06))

    def shape(p: Field) -> Field:
        along = np.clip(p[2], -length / 2, length / 2)
        bend = 0.25 * length * (along / length) ** 2
        thick = radius * (1 + 0.9 * smoothstep(0.15, 0.5, along / length))
        return np.hypot(np.hypot(p[0] - bend, p[1]), p[2] - along) - thick

    def skin(p: Field) -> Field:
        return mix(bark, tip, smoothstep(0.3, 0.5, p[2] / length))

    return shape, skin


def steel() -> tuple[None, Callable]:
    (grey,) = _tint((0.83, 0.83, 0.84))
    return None, lambda p: grey + 0 * p
