"""Fruit on a wooden table by a window: a small path tracer with a lens, one bounce of light.

Rays and points are (3, n) arrays; x to the right, y away, z up; a unit is about 4 cm.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from .fruit import Grain, Thing, apple, blueberry, lemon, orange, pear, steel, stem
from .noise import Field, fractal, mix, sample, smoothstep, to_bytes, to_linear, to_srgb

W, H, SAMPLES, BAND = 768, 512, 24, 32
EYE, TARGET, FIELD = np.array([0.25, -8.2, 3.0]), np.array([0.1, 0.5, 0.78]), 0.62
FOCUS, APERTURE = 8.05, 0.085
WINDOW = np.array([-6.0, -2.2, 4.6])  # its middle; it looks along WINDOW_OUT
WINDOW_U, WINDOW_V = np.array([1.15, -1.6, 0.0]), np.array([0.0, 0.0, 1.7])
WINDOW_OUT = np.cross(WINDOW_V, WINDOW_U) / np.linalg.norm(np.cross(WINDOW_V, WINDOW_U))
DAYLIGHT = np.array([11.0, 10.6, 10.0])[:, None]
ROOM = np.array([0.23, 0.205, 0.18])[:, None]
TABLE, WALL, NOTHING = -1, -2, -3
GOLDEN = np.array([0.8192, 0.6711, 0.5498, 0.4504, 0.3690, 0.3023, 0.2476, 0.2028])  # R8 sequence


def make_still_life(seed: int = 5) -> Field:
    """(512, 768, 3) uint8."""
    rng = np.random.default_rng(seed)
    tracer = Tracer(rng)
    shifts = rng.random((8, H, W))
    with ThreadPoolExecutor(2) as pool:
        bands = pool.map(lambda top: tracer.render(top, shifts[:, top : top + BAND]), range(0, H, BAND))
        linear = np.concatenate(list(bands))
    grain = rng.standard_normal((H, W, 1))
    return to_bytes(to_srgb(_shoulder(linear)) + 0.004 * grain)


def _shoulder(x: Field) -> Field:
    """Film-like: highlights bend towards white instead of clipping."""
    return x * (1 + x / 9) / (1 + 0.55 * x)


def _arrange(rng: np.random.Generator) -> list[Thing]:
    grain = Grain(rng)
    things = [
        Thing((-1.42, 0.55, 0.86), 1.06, *apple(grain, 0.93), axis=(0.15, -0.30, 1), rough=0.05),
        Thing((-1.30, 0.31, 1.72), 0.45, *stem(0.62, 0.035), axis=(0.45, -0.2, 1)),
        Thing((0.15, 1.35, 0.86), 0.90, *orange(grain, 0.86), axis=(-0.5, -0.75, 0.6), rough=0.16),
        Thing((1.55, 1.15, 0.93), 2.0, *pear(grain, 0.93), axis=(0.10, 0.06, 1), rough=0.12),
        Thing((1.86, 1.26, 2.72), 0.5, *stem(0.66, 0.04), axis=(0.35, 0.05, 1)),
        Thing((0.72, -0.35, 0.56), 0.95, *lemon(grain, 0.72), axis=(0.86, -0.62, 0.06), rough=0.12),
        Thing((-0.42, -0.50, 0.40), 0.40, *steel(), gloss=0.85, rough=0.0),
        Thing((-2.75, 1.75, 0.80), 0.86, *orange(grain, 0.80), axis=(0.3, 0.5, 0.8), rough=0.16),
    ]
    spots = [(-1.55, -0.95), (-1.18, -1.12), (-1.30, -0.70), (0.02, -1.22), (-2.05, -0.62), (2.1, -0.35)]
    spots += [(1.72, -1.05), (2.42, -0.80), (2.12, -1.25), (-2.45, 0.0), (0.55, -1.75), (2.85, 0.3)]
    for x, y in spots:
        size, axis = rng.uniform(0.15, 0.2), rng.normal(0, 1, 3) + [0, -0.9, 0.8]
        things.append(Thing((x, y, size), size, *blueberry(grain, size), axis=tuple(axis), rough=0.3))
    return things


class Tracer:
    def __init__(self, rng: np.random.Generator) -> None:
        self.things = _arrange(rng)
        self.fibre, self.cloud = fractal(rng, 512, 60, 3), fractal(rng, 512, 5, 5)
        ahead = (TARGET - EYE) / np.linalg.norm(TARGET - EYE)
        right = np.cross(ahead, [0, 0, 1.0])
        right /= np.linalg.norm(right)
        self.frame = np.stack([right, np.cross(right, ahead), ahead], 1)

    def render(self, top: int, shifts: Field) -> Field:
        """Rows top .. top + BAND: (BAND, W, 3) linear light."""
        total = np.zeros((3, BAND * W))
        for k in range(SAMPLES):
            luck = (shifts.reshape(8, -1) + GOLDEN[:, None] * k) % 1.0
            origin, ray = self._camera(top, luck)
            total += np.minimum(self._light(origin, ray, luck), 6.0)
        return (total / SAMPLES).T.reshape(BAND, W, 3)

    def _camera(self, top: int, luck: Field) -> tuple[Field, Field]:
        row, column = np.divmod(np.arange(BAND * W), W)
        x = (column + luck[0] - W / 2) / W * FIELD
        y = -(row + top + luck[1] - H / 2) / W * FIELD
        radius, turn = APERTURE * np.sqrt(luck[2]), 2 * np.pi * luck[3]
        lens = self.frame[:, :2] @ np.stack([radius * np.cos(turn), radius * np.sin(turn)])
        ray = self.frame @ np.stack([x, y, np.ones_like(x)]) * FOCUS - lens
        return EYE[:, None] + lens, ray / np.linalg.norm(ray, axis=0)

    def _light(self, origin: Field, ray: Field, luck: Field) -> Field:
        """Radiance along the rays: window light, one bounce of room light, one reflection."""
        t, hit = self.meet(origin, ray)
        point = origin + t * ray
        normal, colour, gloss, rough = self._surface(point, hit)
        start = point + 2e-3 * normal
        out = colour * (1 - gloss) * (self._window(start, normal, luck) + self._room(start, normal, luck))
        facing = np.clip(-np.sum(ray * normal, 0), 0, 1)
        fresnel = gloss + (1 - gloss) * (1 - facing) ** 5 * (1 - rough) ** 2
        mirror = ray + 2 * facing * normal + rough * _ball(luck[4:7])
        shine = self._glance(start, mirror / np.linalg.norm(mirror, axis=0))
        return out + fresnel * np.where(gloss > 0.5, colour, 1.0) * shine

    def _window(self, point: Field, normal: Field, luck: Field) -> Field:
        """Light from one spot of the window, if nothing stands between."""
        spot = WINDOW[:, None] + WINDOW_U[:, None] * (2 * luck[4] - 1) + WINDOW_V[:, None] * (2 * luck[5] - 1)
        way = spot - point
        far = np.linalg.norm(way, axis=0)
        way /= far
        cosines = np.clip(np.sum(way * normal, 0), 0, 1) * np.clip(-WINDOW_OUT @ way, 0, 1)
        area = 4 * np.linalg.norm(WINDOW_U) * np.linalg.norm(WINDOW_V)
        seen, lit = np.zeros_like(far), cosines > 0
        t, _ = self.meet(point[:, lit], way[:, lit], steps=12)
        seen[lit] = t > far[lit]
        return DAYLIGHT * (cosines * seen * area / (np.pi * far * far))

    def _room(self, point: Field, normal: Field, luck: Field) -> Field:
        way = normal + _ball(luck[[6, 7, 2]]) * 0.999
        way /= np.linalg.norm(way, axis=0)
        t, hit = self.meet(point, way, steps=10)
        near = (hit >= 0) | (hit == TABLE) & (t < 6)
        colour = self._colour(point + np.minimum(t, 50) * way, hit)
        return np.where(near, colour * ROOM * 1.3, ROOM * (1.2 + 0.5 * way[2] - 0.35 * way[0]))

    def _glance(self, point: Field, way: Field) -> Field:
        """What a reflection shows: things, table and wall in even light, or the window."""
        t, hit = self.meet(point, way, steps=14)
        lit = self._colour(point + np.minimum(t, 50) * way, hit) * np.array([0.62, 0.58, 0.54])[:, None]
        lit = np.where(hit == NOTHING, ROOM * 0.55, lit)
        along = way.T @ WINDOW_OUT
        reach = ((WINDOW[:, None] - point).T @ WINDOW_OUT) / np.where(np.abs(along) < 1e-9, 1e-9, along)
        at = point + reach * way - WINDOW[:, None]
        u, v = at.T @ WINDOW_U / (WINDOW_U @ WINDOW_U), at.T @ WINDOW_V / (WINDOW_V @ WINDOW_V)
        pane = smoothstep(1, 0.96, np.abs(u)) * smoothstep(1, 0.96, np.abs(v))
        pane *= smoothstep(0.03, 0.07, np.abs(u)) * smoothstep(0.03, 0.07, np.abs(v - 0.2))
        return mix(lit, DAYLIGHT * 0.9, pane * (reach > 0) * (reach < t))

    def meet(self, origin: Field, ray: Field, steps: int = 26) -> tuple[Field, Field]:
        """Nearest hit: distance along the ray, and which thing (or TABLE, WALL, NOTHING)."""
        with np.errstate(divide="ignore"):
            table, wall = -origin[2] / ray[2], (5.2 - origin[1]) / ray[1]
        t = np.where(table > 1e-4, table, 1e4)
        hit = np.where(table > 1e-4, TABLE, NOTHING)
        closer = (wall > 1e-4) & (wall < t)
        t, hit = np.where(closer, wall, t), np.where(closer, WALL, hit)
        for i, thing in enumerate(self.things):
            self._meet_thing(i, thing, origin, ray, steps, t, hit)
        return t, hit

    def _meet_thing(
        self, i: int, thing: Thing, origin: Field, ray: Field, steps: int, t: Field, hit: Field
    ) -> None:
        o = origin - np.array(thing.centre)[:, None]
        b = np.einsum("in,in->n", o, ray)
        root = b * b - np.einsum("in,in->n", o, o) + thing.bound**2
        maybe = np.flatnonzero((root > 0) & (b < thing.bound))
        half = np.sqrt(root[maybe])
        at, end = np.maximum(-b[maybe] - half, 1e-3), -b[maybe] + half
        if thing.shape is not None:
            local, way = thing.turn @ o[:, maybe], thing.turn @ ray[:, maybe]
            for _ in range(steps):
                gap = thing.shape(local + at * way)
                at = np.minimum(at + 0.85 * gap, end + 0.1)
            found = (np.abs(gap) < 0.01) & (at < end)
        else:
            found = at < end - 1e-3
        found &= at < t[maybe]
        t[maybe[found]], hit[maybe[found]] = at[found], i

    def _surface(self, point: Field, hit: Field) -> tuple[Field, Field, Field, Field]:
        """Normal, colour, reflectance and roughness where the rays ended."""
        normal = np.where(hit == WALL, np.array([[0.0], [-1], [0]]), np.array([[0.0], [0], [1]]))
        gloss, rough = np.where(hit == TABLE, 0.035, 0.0), np.where(hit == TABLE, 0.09, 0.9)
        for i, thing in enumerate(self.things):
            here = np.flatnonzero(hit == i)
            if here.size:
                normal[:, here] = _normal(thing, point[:, here])
                gloss[here], rough[here] = thing.gloss, thing.rough
        return normal, self._colour(point, hit), gloss, rough

    def _colour(self, point: Field, hit: Field) -> Field:
        colour = np.zeros_like(point)
        for i, thing in enumerate(self.things):
            here = np.flatnonzero(hit == i)
            if here.size:
                local = thing.turn @ (point[:, here] - np.array(thing.centre)[:, None])
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
        light, dark = to_linear([0.62, 0.42, 0.26])[:, None], to_linear([0.36, 0.215, 0.12])[:, None]
        tone = 0.42 + 0.26 * rings + 0.16 * pores + 0.14 * np.sin(plank * 2.4)
        seam = smoothstep(0.012, 0.03, np.abs(p[1] / 1.55 + 0.42 - np.round(p[1] / 1.55 + 0.42)) * 1.55)
        return mix(dark, light, np.clip(tone, 0, 1)) * (0.25 + 0.75 * seam)

    def _plaster(self, p: Field) -> Field:
        tone = sample(self.cloud, p[2] * 30, p[0] * 30)
        return to_linear([0.36, 0.42, 0.43])[:, None] * (1 + 0.10 * tone)


def _ball(luck: Field) -> Field:
    """(3, n) numbers in 0..1 to points on the unit sphere (the third is left out)."""
    z, turn = 2 * luck[0] - 1, 2 * np.pi * luck[1]
    across = np.sqrt(1 - z * z)
    return np.stack([across * np.cos(turn), across * np.sin(turn), z])


def _normal(thing: Thing, point: Field) -> Field:
    local = thing.turn @ (point - np.array(thing.centre)[:, None])
    if thing.shape is not None:
        step = 2e-3 * np.eye(3)[:, :, None]
        local = np.stack([thing.shape(local + step[a]) - thing.shape(local - step[a]) for a in range(3)])
    world = thing.turn.T @ local
    return world / np.linalg.norm(world, axis=0)
