"""Fruit on a wooden table by a window: a small path tracer with a lens, one bounce of light.

Rays and points are (3, n) arrays; x to the right, y away, z up; a unit is about 4 cm.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from scipy import ndimage

from .noise import Field, mix, smoothstep, to_bytes, to_srgb
from .scene import NOTHING, TABLE, WALL, Scene, along

W, H, SAMPLES, BAND = 768, 512, 6, 32
EYE, TARGET, FIELD = np.array([0.25, -8.2, 3.0]), np.array([0.14, 0.5, 0.90]), 0.655
FOCUS, APERTURE = 8.05, 0.085
WINDOW = np.array([-6.0, -2.2, 4.6])  # its middle; it looks along WINDOW_OUT
WINDOW_U, WINDOW_V = np.array([1.15, -1.6, 0.0]), np.array([0.0, 0.0, 1.7])
WINDOW_OUT = np.cross(WINDOW_V, WINDOW_U) / np.linalg.norm(np.cross(WINDOW_V, WINDOW_U))
TO_WINDOW = WINDOW / np.linalg.norm(WINDOW)
DAYLIGHT = np.array([11.0, 10.6, 10.0])[:, None]
ROOM = np.array([0.23, 0.205, 0.18])[:, None]
GOLDEN = np.array([0.8192, 0.6711, 0.5498, 0.4504, 0.3690, 0.3023, 0.2476, 0.2028])  # R8 sequence


def make_still_life(tops: Iterable[int] = range(0, H, BAND), seed: int = 5) -> Field:
    """(512, 768, 3) uint8; or only the bands of 32 rows that begin at `tops`, one upon another."""
    rng = np.random.default_rng(seed)
    tracer = Tracer(rng)
    shifts = np.stack([_even(rng.standard_normal((H, W))) for _ in range(8)])
    grain = rng.standard_normal((H, W, 1))
    return np.concatenate(
        [
            to_bytes(
                to_srgb(_shoulder(tracer.render(top, shifts))) + 0.004 * grain[top : top + BAND]
            )
            for top in tops
        ]
    )


def _even(noise: Field) -> Field:
    """White noise to numbers in 0..1 that differ between neighbours, so that grain stays fine."""
    rough = noise - ndimage.gaussian_filter(noise, 1.2, mode="wrap")
    return (
        np.argsort(np.argsort(rough, axis=None, kind="stable")).reshape(noise.shape) + 0.5
    ) / noise.size


def _shoulder(x: Field) -> Field:
    """Film-like: highlights bend towards white instead of clipping."""
    return x * (1 + x / 9) / (1 + 0.55 * x)


class Tracer:
    def __init__(self, rng: np.random.Generator) -> None:
        self.scene = Scene(rng)
        ahead = (TARGET - EYE) / np.linalg.norm(TARGET - EYE)
        right = np.cross(ahead, [0, 0, 1.0])
        right /= np.linalg.norm(right)
        self.frame = np.stack([right, np.cross(right, ahead), ahead], 1)

    def render(self, top: int, shifts: Field) -> Field:
        """Rows top .. top + BAND: (BAND, W, 3) linear light."""
        total = np.zeros((3, BAND * W))
        for k in range(SAMPLES):
            luck = (shifts[:, top : top + BAND].reshape(8, -1) + GOLDEN[:, None] * k) % 1.0
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
        t, hit = self.scene.meet(origin, ray)
        point = origin + t * ray
        normal, colour, gloss, rough = self.scene.surface(point, hit)
        start = point + 2e-3 * normal
        near = np.flatnonzero(hit != WALL)  # the wall is far from everything
        light = self._window(start, normal, luck)
        light *= 1.0 - self._shaded(start, luck, near)
        light += ROOM * 1.3
        light[:, near] += self._room(start[:, near], normal[:, near], luck[:, near]) - ROOM * 1.3
        out = colour * (1 - gloss) * light
        facing = np.clip(-np.sum(ray * normal, 0), 0, 1)
        fresnel = gloss + (1 - gloss) * (1 - facing) ** 5 * (1 - rough) ** 2
        mirror = ray + 2 * facing * normal + rough * _ball(luck[4:7])
        tint = np.where(gloss > 0.5, colour, 1.0)
        for meet, which in (
            (self.scene.meet, gloss > 0.5),
            (self.scene.meet_cores, (gloss > 0) & (gloss < 0.5)),
        ):
            shiny = np.flatnonzero(which)
            way = mirror[:, shiny] / np.linalg.norm(mirror[:, shiny], axis=0)
            out[:, shiny] += (
                fresnel[shiny] * tint[:, shiny] * self._glance(start[:, shiny], way, meet)
            )
        return out

    def _window(self, point: Field, normal: Field, luck: Field) -> Field:
        """Light from one spot of the window, as if nothing stood between."""
        way, far = _to_window(point, luck)
        cosines = np.clip(np.sum(way * normal, 0), 0, 1) * np.clip(
            -along(WINDOW_OUT[None], way)[0], 0, 1
        )
        area = 4 * np.linalg.norm(WINDOW_U) * np.linalg.norm(WINDOW_V)
        return DAYLIGHT * (cosines * area / (np.pi * far * far))

    def _shaded(self, point: Field, luck: Field, near: Field) -> Field:
        """1 where something stands between the point and that spot; only `near` is asked."""
        way, far = _to_window(point[:, near], luck[:, near])
        t, _ = self.scene.meet_cores(point[:, near], way)
        shaded = np.zeros(point.shape[1])
        shaded[near] = t < far
        return shaded

    def _room(self, point: Field, normal: Field, luck: Field) -> Field:
        way = normal + _ball(luck[[6, 7, 2]]) * 0.999
        way /= np.linalg.norm(way, axis=0)
        t, hit = self.scene.meet_cores(point, way)
        near = (hit >= 0) | (hit == TABLE) & (t < 6)
        colour = self.scene.colour(point + np.minimum(t, 50) * way, hit)
        return np.where(near, colour * ROOM * 1.3, ROOM * (1.2 + 0.5 * way[2] - 0.35 * way[0]))

    def _glance(self, point: Field, way: Field, meet: Callable) -> Field:
        """What a reflection shows: things, table and wall roughly lit, or the window."""
        t, hit = meet(point, way)
        at = point + np.minimum(t, 50) * way
        out = at - self.scene.centres[np.maximum(hit, 0)].T
        out /= np.linalg.norm(out, axis=0) + 1e-9
        side = along(TO_WINDOW[None], out)[0]
        light = np.where(hit >= 0, 0.22 + 0.18 * out[2] + 0.8 * np.clip(side + 0.12, 0, 1), 0.6)
        lit = self.scene.colour(at, hit) * light
        lit = np.where(hit == NOTHING, ROOM * 0.55, lit)
        facing = along(WINDOW_OUT[None], way)[0]
        reach = along(WINDOW_OUT[None], WINDOW[:, None] - point)[0]
        reach /= np.where(np.abs(facing) < 1e-9, 1e-9, facing)
        at = point + reach * way - WINDOW[:, None]
        u = along(WINDOW_U[None], at)[0] / np.sum(WINDOW_U**2)
        v = along(WINDOW_V[None], at)[0] / np.sum(WINDOW_V**2)
        pane = smoothstep(1, 0.96, np.abs(u)) * smoothstep(1, 0.96, np.abs(v))
        pane *= smoothstep(0.03, 0.07, np.abs(u)) * smoothstep(0.03, 0.07, np.abs(v - 0.2))
        return mix(lit, DAYLIGHT * 0.9, pane * (reach > 0) * (reach < t))


def _to_window(point: Field, luck: Field) -> tuple[Field, Field]:
    """Direction and distance to one spot of the window."""
    spot = (
        WINDOW[:, None]
        + WINDOW_U[:, None] * (2 * luck[4] - 1)
        + WINDOW_V[:, None] * (2 * luck[5] - 1)
    )
    way = spot - point
    far = np.linalg.norm(way, axis=0)
    return way / far, far


def _ball(luck: Field) -> Field:
    """(3, n) numbers in 0..1 to points on the unit sphere (the third is left out)."""
    z, turn = 2 * luck[0] - 1, 2 * np.pi * luck[1]
    across = np.sqrt(1 - z * z)
    return np.stack([across * np.cos(turn), across * np.sin(turn), z])
