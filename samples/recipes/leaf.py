"""An autumn leaf, light shining through it, cut out with soft edges over a soft shadow.

The leaf is laid out straight (s from 0 at its foot to 1 at its tip, t sideways), then bent.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage, spatial

from .noise import Field, fractal, halve, mix, sample, smoothstep, to_bytes, to_linear, to_srgb

N = 1024  # drawn at twice the size
LENGTH = 0.95  # of the blade, in picture heights
SIDE_VEINS = 13


def make_leaf(seed: int = 3) -> Field:
    """(512, 512, 4) uint8, straight alpha."""
    rng = np.random.default_rng(seed)
    s, t = _laid_out()
    noise = fractal(rng, N, 6, 6)
    blade = _blade(s, t)
    stalk = _stalk(s, t)
    veins, fine = _veins(s, t), _network(rng, s, t)
    colour = _colours(rng, s, t, noise, veins, fine)
    colour = _lit(colour, veins, fine, noise, t)
    colour = mix(colour, to_linear([0.50, 0.27, 0.13]) * 0.9, (stalk * (1 - blade))[..., None])
    return _over_shadow(colour, np.maximum(blade * _bites(rng, s, t), stalk))


def _laid_out() -> tuple[Field, Field]:
    """The leaf's own coordinates for every pixel: turned, then bent along an arc."""
    y, x = (np.mgrid[0:N, 0:N] + 0.5) / N - 0.5
    turn = np.radians(34)
    along = np.cos(turn) * -y + np.sin(turn) * x
    across = np.cos(turn) * x + np.sin(turn) * y
    s = (along + 0.5 * LENGTH - 0.06) / LENGTH
    return s, (across - 0.10 * (s - 0.45) ** 2 + 0.012) / LENGTH


def _width(s: Field) -> Field:
    """Half the blade's width: an egg with a drawn-out tip."""
    u = np.clip(s, 0, 1)
    return 0.70 * u**0.62 * (1 - u) ** 0.95 * (1 - 0.10 * u)


def _blade(s: Field, t: Field) -> Field:
    """Coverage, with a tooth for each side vein and two between."""
    tooth = (SIDE_VEINS * 3 * _vein_phase(s, t)) % 1.0
    edge = _width(s) * (1 - 0.05 * tooth**1.6) - np.abs(t)
    return smoothstep(-0.0016, 0.0016, edge) * (s > 0) * (s < 1)


def _vein_phase(s: Field, t: Field) -> Field:
    """Equal along each side vein; veins leave the midrib at an angle and curve to the tip."""
    reach = np.abs(t)
    return s - 0.62 * reach - 0.55 * reach**2 + 0.008 * np.sign(t)


def _stalk(s: Field, t: Field) -> Field:
    wide = 0.0085 + 0.004 * smoothstep(-0.08, -0.14, s)
    return (
        smoothstep(wide + 0.002, wide - 0.002, np.abs(t))
        * smoothstep(-0.145, -0.140, s)
        * (s < 0.05)
    )


def _veins(s: Field, t: Field) -> Field:
    """Midrib and side veins, 0..1, tapering."""
    midrib = smoothstep(1.0, 0.35, np.abs(t) / (0.0105 * (1.06 - s)))
    place = SIDE_VEINS * _vein_phase(s, t)
    off = np.abs(place - np.round(place)) / SIDE_VEINS
    reach = np.abs(t) / np.maximum(_width(s), 1e-3)
    thin = 0.0048 * (1.12 - reach) * (1.05 - 0.5 * s)
    inside = (np.round(place) > 0) & (np.round(place) < SIDE_VEINS)
    return np.maximum(midrib, 0.85 * smoothstep(1.0, 0.3, off / np.maximum(thin, 1e-4)) * inside)


def _network(rng: np.random.Generator, s: Field, t: Field) -> Field:
    """The finest veins: borders of random cells, in two sizes."""
    net = np.zeros((N, N))
    for cells, wide, strength in ((1500, 0.0022, 1.0), (7500, 0.0016, 0.6)):
        seeds = rng.uniform([-0.05, -0.4], [1.05, 0.4], (cells, 2))
        inside = np.abs(t) < _width(s) + 0.01
        near, _ = spatial.KDTree(seeds).query(np.stack([s[inside], t[inside]], -1), k=2)
        border = strength * smoothstep(wide, 0.25 * wide, near[:, 1] - near[:, 0])
        net[inside] = np.maximum(net[inside], border)
    return net


def _colours(
    rng: np.random.Generator, s: Field, t: Field, noise: Field, veins: Field, fine: Field
) -> Field:
    """Green still along the veins, then gold, then red towards the rim and the tip."""
    reach = np.abs(t) / np.maximum(_width(s), 1e-3)
    place = SIDE_VEINS * _vein_phase(s, t)
    between = 2 * np.abs(place - np.round(place))
    age = 0.62 * reach + 0.30 * s + 0.16 * between + 0.13 * noise + 0.10 * np.sign(t) * reach
    stops = to_linear(
        [
            (0.42, 0.56, 0.14),
            (0.72, 0.72, 0.16),
            (0.95, 0.68, 0.12),
            (0.90, 0.38, 0.08),
            (0.70, 0.13, 0.08),
            (0.42, 0.06, 0.08),
        ]
    )
    at = (0.0, 0.25, 0.45, 0.68, 0.92, 1.2)
    colour = np.stack([np.interp(age, at, stops[:, c]) for c in range(3)], -1)
    spots = smoothstep(1.75, 2.3, fractal(rng, N, 26, 4) + 0.4 * noise) * 0.75
    colour = mix(colour, to_linear([0.33, 0.17, 0.08]), spots[..., None])
    pale = to_linear([0.97, 0.86, 0.48])
    colour = mix(colour, colour * 0.62, (0.75 * fine * (1 - veins))[..., None])
    return mix(colour, pale, (0.62 * veins * (1 - 0.45 * reach.clip(0, 1)))[..., None])


def _lit(colour: Field, veins: Field, fine: Field, noise: Field, t: Field) -> Field:
    """Light from the upper left over the relief: sunken veins, bulging cells, a fold."""
    relief = ndimage.gaussian_filter(4.0 * veins + 0.8 * fine, 1.6) * -1.0 + 2.2 * noise
    relief += 330 * np.sqrt(t * t + 0.0012)
    gy, gx = np.gradient(relief)
    slope = np.sqrt(1 + gx * gx + gy * gy)
    facing = np.clip((-0.42 * -gx - 0.50 * -gy + 0.78) / slope, 0, 1)
    shine = np.clip((-0.23 * -gx - 0.30 * -gy + 0.92) / slope, 0, 1) ** 38
    return colour * (0.34 + 0.98 * facing)[..., None] + 0.10 * shine[..., None]


def _bites(rng: np.random.Generator, s: Field, t: Field) -> Field:
    """Two holes an insect left."""
    wobble = sample(fractal(rng, 256, 8, 3), t * 400, s * 400) * 0.0035
    holes = [(0.63, 0.085, 0.020), (0.40, -0.125, 0.012)]
    gaps = [np.hypot(s - a, (t - b) * 1.2) - r + wobble for a, b, r in holes]
    return smoothstep(-0.0016, 0.0016, np.minimum(*gaps))


def _over_shadow(colour: Field, cover: Field) -> Field:
    shadow = ndimage.gaussian_filter(ndimage.shift(cover, (26, 18), order=1), 17) * 0.42
    alpha = cover + shadow * (1 - cover)
    premultiplied = (
        colour * cover[..., None]
        + to_linear([0.10, 0.08, 0.09]) * (shadow * (1 - cover))[..., None]
    )
    alpha, premultiplied = halve(alpha), halve(premultiplied)
    straight = to_srgb(premultiplied / np.maximum(alpha, 1e-6)[..., None])
    out = np.dstack([to_bytes(straight), to_bytes(alpha)])
    out[out[..., 3] == 0] = 0
    return out
