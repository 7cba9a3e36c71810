"""Fluorescence microscopy, made up: nuclei seen by lens and camera, and the truth about them.

Light is counted in photo-electrons until the camera turns it into grey levels (uint16).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from .noise import Field, fractal, smoothstep

PIXEL_UM = 0.325  # a 6.5 µm camera pixel behind a 20x lens
OFFSET, GAIN, READ_NOISE = 100.0, 2.17, 1.6  # levels, levels per electron, electrons


@dataclass(frozen=True)
class Nucleus:
    y: float
    x: float
    long: float  # half axes, pixels
    short: float
    turn: float  # radians
    bright: float  # electrons at its middle
    lobes: tuple[float, ...] = (0.0, 0.0, 0.0)  # how far it is from an ellipse
    kind: str = "resting"  # "resting" or "dividing"


def make_field(
    seed: int, count: int, radius: float, bright: float, side: int = 512
) -> tuple[Field, Field]:
    """Grey levels (side, side) uint16 and labels (side, side) uint16: 0 outside, 1 to n by row."""
    rng = np.random.default_rng(seed)
    nuclei = _population(rng, count, radius, bright, side)
    light, labels = _stain(rng, nuclei, side)
    light = _through_lens(rng, light, radius, bright, side)
    return camera(rng, light), _in_reading_order(labels)


def camera(rng: np.random.Generator, light: Field) -> Field:
    """Shot noise, read noise, offset and gain."""
    electrons = rng.poisson(light) + rng.normal(0, READ_NOISE, light.shape)
    return np.clip(np.rint(OFFSET + GAIN * electrons), 0, 65535).astype(np.uint16)


def _population(
    rng: np.random.Generator, count: int, radius: float, bright: float, side: int
) -> list[Nucleus]:
    """Nuclei thrown in until they fit: most apart, some touching, some against the border."""
    nuclei: list[Nucleus] = []
    for _ in range(200 * count):
        if len(nuclei) == count:
            break
        new = _throw(rng, nuclei, radius, bright, side)
        gaps = [np.hypot(new.y - o.y, new.x - o.x) / (_girth(new) + _girth(o)) for o in nuclei]
        if min(gaps, default=9) > rng.choice([0.90, 1.25], p=[0.5, 0.5]):
            nuclei.append(new)
    return nuclei


def _girth(nucleus: Nucleus) -> float:
    return float(np.sqrt(nucleus.long * nucleus.short))


def _throw(
    rng: np.random.Generator, nuclei: list[Nucleus], radius: float, bright: float, side: int
) -> Nucleus:
    size, stretch = radius * rng.lognormal(0, 0.17), rng.uniform(1.02, 1.32)
    y, x = rng.uniform(-0.5 * radius, side + 0.5 * radius, 2)
    if nuclei and rng.uniform() < 0.5:  # beside another: cells grow in groups
        other = nuclei[rng.integers(len(nuclei))]
        angle, apart = rng.uniform(0, 2 * np.pi), rng.uniform(0.90, 1.1) * (size + _girth(other))
        y, x = other.y + apart * np.sin(angle), other.x + apart * np.cos(angle)
    level, turn, lobes = (
        bright * rng.lognormal(0, 0.38),
        rng.uniform(0, np.pi),
        tuple(rng.normal(0, 0.026, 3)),
    )
    if rng.uniform() < 0.05:
        return Nucleus(y, x, size * 0.95, size * 0.36, turn, level * 2.6, lobes, "dividing")
    return Nucleus(y, x, size * stretch, size / stretch, turn, level, lobes)


def _stain(rng: np.random.Generator, nuclei: list[Nucleus], side: int) -> tuple[Field, Field]:
    """In-focus light and labels; where two overlap, a pixel belongs to the one it is deeper in."""
    light, depth = np.zeros((side, side)), np.zeros((side, side))
    labels = np.zeros((side, side), int)
    chromatin = fractal(rng, side, side / 9, 3, 0.7)
    for i, nucleus in enumerate(nuclei, 1):
        window, y, x, inside = footprint(nucleus, side)
        light[window] += glow(rng, nucleus, chromatin[window], inside, y, x)
        mine = inside > depth[window]
        labels[window][mine], depth[window][mine] = i, inside[mine]
    return light, labels


def footprint(nucleus: Nucleus, side: int) -> tuple[tuple[slice, slice], Field, Field, Field]:
    """A window round the nucleus; for its pixels the nucleus's own coordinates (half axes are 1)
    and how deep inside they are: 1 in the middle, 0 at the rim, negative outside."""
    reach = 1.4 * max(nucleus.long, nucleus.short) + 2
    window = _span(nucleus.y, reach, side), _span(nucleus.x, reach, side)
    rows, columns = np.mgrid[window]
    dy, dx = rows - nucleus.y, columns - nucleus.x
    x = (np.cos(nucleus.turn) * dx + np.sin(nucleus.turn) * dy) / nucleus.long
    y = (np.cos(nucleus.turn) * dy - np.sin(nucleus.turn) * dx) / nucleus.short
    angle = np.arctan2(y, x)
    rim = 1 + sum(a * np.cos((k + 2) * angle + 9 * a) for k, a in enumerate(nucleus.lobes))
    return window, y, x, 1 - np.hypot(x, y) / rim


def _span(middle: float, reach: float, side: int) -> slice:
    """The pixels within reach of the middle, perhaps none."""
    start, stop = np.clip([middle - reach, middle + reach + 1], 0, side).astype(int)
    return slice(start, stop)


def glow(
    rng: np.random.Generator, nucleus: Nucleus, chromatin: Field, inside: Field, y: Field, x: Field
) -> Field:
    """Dome of light with chromatin texture and dark nucleoli; compact when dividing."""
    dome = np.sqrt(np.clip(1 - (1 - inside) ** 4, 0, 1)) * (inside > 0)
    if nucleus.kind == "dividing":
        return nucleus.bright * dome * (1 + 0.12 * chromatin)
    texture = 1 + 0.17 * chromatin + 0.05 * rng.normal()
    for _ in range(rng.integers(1, 4)):
        angle, out, size = (
            rng.uniform(0, 2 * np.pi),
            rng.uniform(0.1, 0.55),
            rng.uniform(0.12, 0.22),
        )
        apart = np.hypot(x - out * np.cos(angle), y - out * np.sin(angle))
        texture = texture * (1 - rng.uniform(0.35, 0.6) * smoothstep(1.4, 0.7, apart / size))
    return nucleus.bright * dome * np.clip(texture, 0.1, None)


def _through_lens(
    rng: np.random.Generator, light: Field, radius: float, bright: float, side: int
) -> Field:
    """Blur, haze from above and below the focus, debris, background, uneven lighting."""
    sharp = ndimage.gaussian_filter(light, 1.05)
    haze = 0.16 * ndimage.gaussian_filter(light, 0.55 * radius) + 0.12 * ndimage.gaussian_filter(
        light, 2.4 * radius
    )
    above = ndimage.gaussian_filter(_specks(rng, side, 7), radius * 0.75) * radius**2 * 2.2 * bright
    debris = ndimage.gaussian_filter(_specks(rng, side, 26), 1.1) * 5 * bright
    clouds = 0.035 * bright * (1.6 + 0.45 * fractal(rng, side, 2, 3))
    y, x = np.mgrid[0:side, 0:side] / side - 0.5
    lamp = 1.04 - 0.95 * ((y + 0.10) ** 2 + (x - 0.13) ** 2)
    return np.clip(0.8 * sharp + haze + above + debris + clouds, 0, None) * lamp


def _specks(rng: np.random.Generator, side: int, count: int) -> Field:
    field = np.zeros((side, side))
    places = rng.integers(0, side, (2, count))
    field[places[0], places[1]] = rng.uniform(0.3, 1.0, count)
    return field


def _in_reading_order(labels: Field) -> Field:
    """1 to n in the order a reader meets them; specks of a hidden nucleus are dropped."""
    found, first, sizes = np.unique(labels, return_index=True, return_counts=True)
    kept = [
        value
        for value, _, size in sorted(zip(found, first, sizes, strict=True), key=lambda v: v[1])
        if value and size >= 12
    ]
    table = np.zeros(labels.max() + 1, np.uint16)
    table[kept] = np.arange(1, len(kept) + 1)
    return table[labels]
