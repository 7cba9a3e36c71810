"""A mountain lake after sunset: the last sun on the peaks, their mirror image in the water.

A pixel is a ray with column slope u = x/y and row slope s = z/y, from a camera `EYE` metres above
the water. The mirror image is what a camera as far below the water sees.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .conifer import Conifers
from .noise import Field, fractal, halve, mix, sample, smoothstep, to_bytes, to_linear, to_srgb
from .terrain import Land, make_land

W, H = 1536, 1024  # drawn at twice the size, then halved
FOCAL, HORIZON, EYE = 1646.0, 628.0, 4.0
DEPTHS = np.geomspace(26, 10500, 1400)
KINDS = 9
GROVE = [  # on the near bank: column slope, depth in m, height in m
    (-0.470, 118, 21.0),
    (-0.445, 128, 16.0),
    (-0.418, 113, 24.5),
    (-0.397, 131, 13.0),
    (-0.376, 124, 18.5),
    (-0.352, 116, 7.0),
    (-0.335, 122, 11.5),
    (-0.452, 108, 6.0),
    (0.452, 190, 17.0),
]
CONIFER = np.array([0.006, 0.010, 0.014]), np.array([0.085, 0.115, 0.115])  # dark, lit
HAZE = to_linear([0.60, 0.62, 0.76])
COLUMNS = (np.arange(W) + 0.5 - W / 2) / FOCAL
ROWS = (HORIZON - np.arange(H) - 0.5) / FOCAL
MIRRORED = (np.arange(450)[::-1] + 0.5) / FOCAL


def make_lake(seed: int = 11) -> Field:
    """(512, 768, 3) uint8."""
    rng = np.random.default_rng(seed)
    land = make_land(rng)
    sky = Sky(rng)
    forest, sprites = _plant(rng, land), Conifers(rng, KINDS)
    direct, depth = _view(land, sky, forest, sprites, ROWS, EYE)
    mirror, _ = _view(land, sky, forest, sprites, MIRRORED, -EYE)
    image = _with_water(rng, direct, depth, mirror)
    return _develop(rng, halve(image))


class Sky:
    """Colour by ray: dusk gradient, cloud sheet, a rising moon."""

    STOPS = (0.0, 0.07, 0.15, 0.25, 0.42)
    COLOURS = to_linear(
        [
            (0.72, 0.64, 0.73),
            (0.95, 0.72, 0.68),
            (0.90, 0.76, 0.80),
            (0.62, 0.68, 0.84),
            (0.34, 0.48, 0.73),
        ]
    )
    MOON = (0.205, 0.305, 0.0072)  # u, s, radius

    def __init__(self, rng: np.random.Generator) -> None:
        self.clouds = fractal(rng, 1024, 5, 8, 0.56)
        self.wisps = fractal(rng, 1024, 9, 7, 0.6)
        self.maria = fractal(rng, 64, 3, 3)

    def __call__(self, u: Field, s: Field) -> Field:
        base = np.stack([np.interp(s, self.STOPS, self.COLOURS[:, c]) for c in range(3)], -1)
        return self._clouded(self._moonlit(base, u, s), u, s)

    def _moonlit(self, base: Field, u: Field, s: Field) -> Field:
        mu, ms, radius = self.MOON
        r = np.hypot(u - mu, s - ms) / radius
        marks = sample(self.maria, (s - ms) / radius * 14, (u - mu) / radius * 14)
        disc = (1.35 - 0.22 * smoothstep(-0.2, 1.2, marks))[..., None] * np.array([1.0, 0.95, 0.86])
        glow = 0.10 * np.exp(-r / 3.2) + 0.05 * np.exp(-r / 12)
        return mix(base + glow[..., None], disc, smoothstep(1.07, 0.93, r)[..., None])

    def _clouded(self, base: Field, u: Field, s: Field) -> Field:
        far = 1.0 / (np.maximum(s, 0) + 0.05)
        x, y = u * far * 120 + far * 14, far * 74
        dense = sample(self.clouds, y, x) + 0.45 * sample(self.wisps, y * 3.1, x * 1.7)
        cover = smoothstep(0.15, 2.1, dense) * smoothstep(0.02, 0.12, s) * 0.85
        warm = mix([1.0, 0.56, 0.42], [0.98, 0.70, 0.66], smoothstep(0.08, 0.3, s)[..., None])
        return mix(base, warm * (0.80 + 0.10 * np.tanh(dense))[..., None], cover[..., None])


def _trace(land: Land, rows: Field, eye: float, start: float = 0.0) -> tuple[Field, Field]:
    """First land behind `start` along each ray: its depth (rows, W), infinite in the sky;
    and the highest slope so far (depths, W)."""
    x = DEPTHS[:, None] * COLUMNS
    height = land.at(land.height, x, np.broadcast_to(DEPTHS[:, None], x.shape))
    slopes = np.where(
        (height > 0) & (DEPTHS[:, None] > start), (height - eye) / DEPTHS[:, None], -9.0
    )
    rising = np.maximum.accumulate(slopes, axis=0)
    depth = np.empty((len(rows), W))
    for column in range(W):
        depth[:, column] = _first(rising[:, column], rows)
    return depth, rising


def _first(rising: Field, rows: Field) -> Field:
    i = np.searchsorted(rising, rows)
    j = np.clip(i, 1, len(rising) - 1)
    t = (rows - rising[j - 1]) / np.maximum(rising[j] - rising[j - 1], 1e-12)
    hit = mix(DEPTHS[j - 1], DEPTHS[j], np.clip(t, 0, 1))
    return np.where(i == len(rising), np.inf, hit)


def _view(
    land: Land, sky: Sky, forest: list[Tree], sprites: Conifers, rows: Field, eye: float
) -> tuple[Field, Field]:
    """Colours (rows, W, 3) and depths (rows, W) without the water."""
    depth, rising = _trace(land, rows, eye)
    if eye < 0:  # a mirrored ray starts at the water: land before that point is not in its way
        behind, _ = _trace(land, rows, eye, start=400)
        depth = np.where(depth * rows[:, None] > -eye, depth, behind)
    u, s = np.broadcast_to(COLUMNS, depth.shape), np.broadcast_to(rows[:, None], depth.shape)
    image, solid = sky(u, s), np.isfinite(depth)
    d = depth[solid]
    lit = np.stack([land.at(land.colour[..., c], u[solid] * d, d) for c in range(3)], -1)
    image[solid] = mix(lit, HAZE, _air(d, np.maximum(s[solid] * d + eye, 0))[..., None])
    painter = Painter(sprites, rows, eye, depth, rising)
    for tree in forest:
        painter.draw(tree, image)
    return image, depth


def _air(depth: Field, height: Field) -> Field:
    """0..1, how much the air hides: blue haze by distance, mist low over the far shore."""
    haze = 1 - np.exp(-depth / 26000 * np.exp(-height / 4000))
    mist = 0.6 * np.exp(-height / 22) * smoothstep(700, 2300, depth)
    return 1 - (1 - haze) * (1 - mist)


@dataclass(frozen=True)
class Tree:
    u: float  # column slope
    y: float  # depth, m
    foot: float  # m above the water
    tall: float  # m
    kind: int
    tint: float
    air: float  # how much the air hides it


def _plant(rng: np.random.Generator, land: Land) -> list[Tree]:
    """The forest, far to near."""
    u = rng.uniform(-0.5, 0.5, 36000)
    y = np.sqrt(rng.uniform(60**2, 4300**2, u.size))
    near = rng.uniform(size=u.size) < 0.15
    y[near] = rng.uniform(60, 1300, near.sum())
    foot, grows = land.at(land.height, u * y, y), land.at(land.forest, u * y, y)
    tall = rng.uniform(8, 22, u.size) * mix(0.6, 1, smoothstep(0.2, 0.9, grows))
    kept = (foot > 0.7) & (rng.uniform(size=u.size) < grows * mix(1, 0.5, y < 200))
    tint, kind = rng.uniform(0.7, 1.35, u.size), rng.integers(0, KINDS, u.size)
    u[-9:], y[-9:], tall[-9:], kept[-9:] = *np.array(GROVE).T, True
    foot = land.at(land.height, u * y, y)
    columns = (u, y, foot - 0.3, tall, kind, tint, _air(y, foot + tall / 2))
    order = np.flatnonzero(kept)[np.argsort(-y[kept], kind="stable")]
    return [Tree(*row) for row in zip(*(column[order].tolist() for column in columns), strict=True)]


class Painter:
    """Draws trees onto one view, hidden behind nearer land."""

    def __init__(self, sprites: Conifers, rows: Field, eye: float, depth: Field, rising: Field):
        self.sprites, self.rows, self.eye, self.depth, self.rising = (
            sprites,
            rows,
            eye,
            depth,
            rising,
        )

    def draw(self, tree: Tree, image: Field) -> None:
        top, bottom = self._row(tree, tree.tall), self._row(tree, 0)
        shade, cover = self.sprites(tree.kind, max(round(bottom - top), 2))
        h, w = cover.shape
        r, c = round(bottom) - h, round(tree.u * FOCAL + W / 2 - w / 2)
        rows, cols = slice(max(r, 0), min(r + h, len(self.rows))), slice(max(c, 0), min(c + w, W))
        if rows.start >= rows.stop or cols.start >= cols.stop or self._behind(tree):
            return
        part = slice(rows.start - r, rows.stop - r), slice(cols.start - c, cols.stop - c)
        seen = (cover[part] * (self.depth[rows, cols] > tree.y * 0.96))[..., None]
        dark, lit = mix(CONIFER[0], HAZE, tree.air), CONIFER[1] * tree.tint * (1 - tree.air)
        self.depth[rows, cols][seen[..., 0] > 0.4] = tree.y  # the water lies behind
        image[rows, cols] += seen * (dark + shade[part][..., None] * lit - image[rows, cols])

    def _row(self, tree: Tree, above: float) -> float:
        return (self.rows[0] - (tree.foot + above - self.eye) / tree.y) * FOCAL

    def _behind(self, tree: Tree) -> bool:
        before = self.rising[
            np.searchsorted(DEPTHS, tree.y * 0.97), int(tree.u * FOCAL + W / 2) % W
        ]
        return bool(before > (tree.foot + tree.tall - self.eye) / tree.y)


def _with_water(rng: np.random.Generator, image: Field, depth: Field, mirror: Field) -> Field:
    s = np.broadcast_to(np.minimum(ROWS, -1e-6)[:, None], (H, W))
    u = np.broadcast_to(COLUMNS, (H, W))
    y = -EYE / s
    tilt_s, tilt_u = _ripples(rng, u * y, y, u)
    up = np.clip(-s + tilt_s, 0.0004, None)
    row = (len(mirror) - 1) - (up * FOCAL - 0.5)
    column = (u + tilt_u) * FOCAL + W / 2 - 0.5
    seen = np.stack([sample(mirror[..., c], row, column, mode="nearest") for c in range(3)], -1)
    grazing = np.clip(1 - np.abs(s - 0.5 * tilt_s), 0, 1)
    fresnel = (0.04 + 0.96 * grazing**4.2)[..., None]
    deep = np.array([0.010, 0.030, 0.042])
    water = mix(deep, seen, fresnel)
    water = mix(water, HAZE, (0.35 * smoothstep(500, 2600, y))[..., None])
    return np.where(((ROWS[:, None] < 0) & (y < depth))[..., None], water, image)


def _ripples(rng: np.random.Generator, x: Field, y: Field, u: Field) -> tuple[Field, Field]:
    """How far waves bend the mirrored ray, in row slope and column slope."""
    waves, streaks, wind = (
        fractal(rng, 512, 40, 4, 0.6),
        fractal(rng, 512, 30, 4),
        fractal(rng, 512, 4, 3),
    )
    calm = 0.35 + 0.65 * smoothstep(-0.6, 1.2, sample(wind, np.log(y) * 60, u * 200))
    near = smoothstep(130, 14, y)
    small = sample(waves, y * 9, x * 5) * near
    broad = sample(streaks, np.log(y) * 130, u * 260 + x * 0.3)
    tilt = calm * (0.010 * small + 0.0075 * broad * np.sqrt(np.minimum(EYE / y / 0.1, 1)))
    return tilt, 0.25 * sample(waves, x * 5, y * 9) * 0.008 * near * calm


def _develop(rng: np.random.Generator, linear: Field) -> Field:
    """Exposure, a film-like shoulder, vignette and grain."""
    y, x = np.mgrid[-1:1:512j, -1:1:768j]
    exposed = linear * (1.12 - 0.16 * (x * x + y * y))[..., None]
    shoulder = exposed * (1 + exposed / 2.2) / (1 + exposed * 0.62)
    grain = rng.standard_normal((512, 768, 1)) * 0.75 + rng.standard_normal((512, 768, 3)) * 0.35
    return to_bytes(to_srgb(shoulder) + grain * 0.008)
