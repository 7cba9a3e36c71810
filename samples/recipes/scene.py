"""The table by the window, and what a ray meets there.

Rays and points are (3, n) arrays; x to the right, y away, z up; a unit is about 4 cm.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .fruit import Grain, Thing, apple, blueberry, lemon, orange, pear, steel, stem
from .noise import Field, fractal, mix, sample, smoothstep, to_linear

TABLE, WALL, NOTHING = -1, -2, -3


def _arrange(rng: np.random.Generator) -> list[Thing]:
    grain = Grain(rng)
    things = [
        Thing(
            (-1.42, 0.55, 0.86),
            1.06,
            *apple(grain, 0.93),
            axis=(0.15, -0.30, 1),
            rough=0.12,
            cores=((0, 0.9),),
        ),
        Thing((-1.30, 0.31, 1.72), 0.45, *stem(0.62, 0.035), axis=(0.45, -0.2, 1)),
        Thing(
            (0.15, 1.35, 0.86),
            0.90,
            *orange(grain, 0.86),
            axis=(-0.5, -0.75, 0.6),
            rough=0.16,
            cores=((0, 0.85),),
        ),
        Thing(
            (1.60, 1.18, 1.37),
            1.50,
            *pear(grain, 0.93),
            axis=(0.10, 0.06, 1),
            rough=0.12,
            cores=((-0.42, 0.95), (0.28, 0.72), (0.70, 0.50)),
        ),
        Thing((1.86, 1.26, 2.72), 0.5, *stem(0.66, 0.04), axis=(0.35, 0.05, 1)),
        Thing(
            (0.72, -0.35, 0.56),
            0.95,
            *lemon(grain, 0.72),
            axis=(0.86, -0.62, 0.06),
            rough=0.12,
            cores=((0, 0.57), (0.3, 0.44), (-0.3, 0.44)),
        ),
        Thing((-0.42, -0.50, 0.40), 0.40, *steel(), gloss=0.85, rough=0.0, cores=((0, 0.4),)),
        Thing(
            (-2.75, 1.75, 0.80),
            0.86,
            *orange(grain, 0.80),
            axis=(0.3, 0.5, 0.8),
            rough=0.16,
            cores=((0, 0.79),),
        ),
    ]
    spots = [
        (-1.55, -0.95),
        (-1.18, -1.12),
        (-1.30, -0.70),
        (0.02, -1.22),
        (-2.05, -0.62),
        (2.1, -0.35),
    ]
    spots += [(1.72, -1.05), (2.42, -0.80), (2.12, -1.25), (-2.45, 0.0), (0.55, -1.75), (2.85, 0.3)]
    for x, y in spots:
        size, axis = rng.uniform(0.15, 0.2), rng.normal((0, -0.9, 0.8), 1)
        things.append(
            Thing(
                (x, y, size),
                size,
                *blueberry(grain, size),
                axis=tuple(axis),
                rough=0.3,
                cores=((0, size),),
            )
        )
    return things


class Scene:
    def __init__(self, rng: np.random.Generator) -> None:
        self.things = _arrange(rng)
        self.centres = np.array([thing.centre for thing in self.things])
        self.bounds = np.array([thing.bound for thing in self.things])
        inside = [
            (i, c + z * t.turn[2], r)
            for (i, t), c in zip(enumerate(self.things), self.centres, strict=True)
            for z, r in t.cores
        ]
        self.core_of, self.core_at, self.core_radii = (
            np.array(part) for part in zip(*inside, strict=True)
        )
        self.fibre, self.cloud = fractal(rng, 512, 60, 3), fractal(rng, 512, 5, 5)

    def meet(self, origin: Field, ray: Field) -> tuple[Field, Field]:
        """Nearest hit: distance along the ray, and which thing (or TABLE, WALL, NOTHING)."""
        t, hit = _meet_planes(origin, ray)
        b, root = _spheres(origin, ray, self.centres, self.bounds)
        for i, thing in enumerate(self.things):
            maybe = np.flatnonzero((root[i] > 0) & (b[i] < thing.bound))
            half = np.sqrt(root[i, maybe])
            at, end = (
                np.maximum(-b[i, maybe] - half, 1e-3),
                np.minimum(half - b[i, maybe], t[maybe]),
            )
            if thing.shape is not None:
                way = along(thing.turn, ray[:, maybe])
                local = along(thing.turn, origin[:, maybe] - self.centres[i][:, None])
                at = _march(thing.shape, local, way, at, end)
            found = at < end - 1e-3
            t[maybe[found]], hit[maybe[found]] = at[found], i
        return t, hit

    def meet_cores(self, origin: Field, ray: Field) -> tuple[Field, Field]:
        """As `meet`, with spheres for things: enough for soft shadows and dull reflections."""
        t, hit = _meet_planes(origin, ray)
        b, root = _spheres(origin, ray, self.core_at, self.core_radii)
        at = -b - np.sqrt(np.maximum(root, 0))
        at = np.where((root > 0) & (at > 0), at, 1e4)
        nearest = np.argmin(at, axis=0)
        at = np.take_along_axis(at, nearest[None], 0)[0]
        return np.minimum(t, at), np.where(at < t, self.core_of[nearest], hit)

    def surface(self, point: Field, hit: Field) -> tuple[Field, Field, Field, Field]:
        """Normal, colour, reflectance and roughness where the rays ended."""
        normal = np.where(hit == WALL, np.array([[0.0], [-1], [0]]), np.array([[0.0], [0], [1]]))
        gloss, rough = np.where(hit == TABLE, 0.035, 0.0), np.where(hit == TABLE, 0.09, 0.9)
        for i, thing in enumerate(self.things):
            here = np.flatnonzero(hit == i)
            if here.size:
                normal[:, here] = _normal(thing, point[:, here])
                gloss[here], rough[here] = thing.gloss, thing.rough
        return normal, self.colour(point, hit), gloss, rough

    def colour(self, point: Field, hit: Field) -> Field:
        colour = np.zeros_like(point)
        for i, thing in enumerate(self.things):
            here = np.flatnonzero(hit == i)
            if here.size:
                local = along(thing.turn, point[:, here] - self.centres[i][:, None])
                colour[:, here] = thing.skin(local)
        for which, paint in ((TABLE, self._wood), (WALL, self._plaster)):
            here = np.flatnonzero(hit == which)
            colour[:, here] = paint(point[:, here])
        return colour

    def _wood(self, p: Field) -> Field:
        """Planks along x, each with its own rings, pores and tone."""
        plank = np.floor(p[1] / 1.55 + 0.42)
        x, y = p[0] + 7.3 * plank, p[1] + 3.1 * plank
        bend = sample(self.cloud, y * 24, x * 7 + 90 * plank)
        rings = np.sin(24 * y + 3.6 * bend + 0.6 * np.sin(0.5 * x))
        pores = sample(self.fibre, y * 150, x * 9)
        light, dark = (
            to_linear([0.62, 0.42, 0.26])[:, None],
            to_linear([0.36, 0.215, 0.12])[:, None],
        )
        tone = 0.42 + 0.26 * rings + 0.16 * pores + 0.14 * np.sin(plank * 2.4)
        seam = smoothstep(
            0.012, 0.03, np.abs(p[1] / 1.55 + 0.42 - np.round(p[1] / 1.55 + 0.42)) * 1.55
        )
        return mix(dark, light, np.clip(tone, 0, 1)) * (0.25 + 0.75 * seam)

    def _plaster(self, p: Field) -> Field:
        tone = sample(self.cloud, p[2] * 30, p[0] * 30)
        return to_linear([0.36, 0.42, 0.43])[:, None] * (1 + 0.10 * tone)


def _spheres(origin: Field, ray: Field, centres: Field, radii: Field) -> tuple[Field, Field]:
    """Rays against k spheres: b, root (k, n); met at -b - sqrt(root) if root > 0."""
    b = np.einsum("in,in->n", origin, ray) - along(centres, ray)
    root = 2 * along(centres, origin) - np.einsum("in,in->n", origin, origin)
    root += b * b
    root -= (np.einsum("ki,ki->k", centres, centres) - radii * radii)[:, None]
    return b, root


def _meet_planes(origin: Field, ray: Field) -> tuple[Field, Field]:
    with np.errstate(divide="ignore"):
        table, wall = -origin[2] / ray[2], (5.2 - origin[1]) / ray[1]
    table, wall = np.where(table > 1e-4, table, 1e4), np.where(wall > 1e-4, wall, 1e4)
    t = np.minimum(table, wall)
    return t, np.where(t == 1e4, NOTHING, np.where(table < wall, TABLE, WALL))


def _march(shape: Callable, origin: Field, ray: Field, at: Field, end: Field) -> Field:
    """Along rays from `at` to where the shape begins; 1e4 where it does not before `end`."""
    met = np.full(at.shape, 1e4)
    active = np.flatnonzero(at < end)
    for _ in range(40):
        gap = shape(origin[:, active] + at[active] * ray[:, active])
        at[active] += 0.85 * gap
        touching = gap < 0.002
        met[active[touching]] = at[active[touching]]
        active = active[~touching & (at[active] < end[active])]
        if active.size == 0:
            break
    return met


def along(vectors: Field, p: Field) -> Field:
    """Dot products (k, n) of k vectors and n points, without waking a BLAS."""
    return vectors[:, :1] * p[0] + vectors[:, 1:2] * p[1] + vectors[:, 2:] * p[2]


def _depth(thing: Thing, p: Field) -> Field:
    assert thing.shape is not None
    return thing.shape(p) - (thing.relief(p) if thing.relief else 0)


def _normal(thing: Thing, point: Field) -> Field:
    local = along(thing.turn, point - np.array(thing.centre)[:, None])
    if thing.shape is not None:
        step = 2e-3 * np.eye(3)[:, :, None]
        local = np.stack(
            [_depth(thing, local + step[a]) - _depth(thing, local - step[a]) for a in range(3)]
        )
    world = along(thing.turn.T, local)
    return world / np.linalg.norm(world, axis=0)
