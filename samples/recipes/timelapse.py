"""Four time points, two channels, of a few living cells: nuclei, and the bodies round them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import ndimage

from .cells import Nucleus, camera, footprint, glow
from .noise import Field, fractal, mix, smoothstep

T, SIDE = 4, 128
MINUTES = 10.0  # between time points
# at the start: y, x, half axes, turn, brightness in electrons; then the drift per time point
CELLS = [
    ((26, 34, 15, 12, 0.3, 520), (1.2, 2.4)),
    ((38, 92, 13, 11, 1.9, 820), (-0.8, -1.6)),
    ((84, 28, 14, 11, 2.6, 610), (-1.8, 1.1)),
    ((104, 108, 15, 12, 0.9, 470), (-1.4, 0.2)),
]
DIVIDING = (82, 72)  # a cell that rounds up, then becomes two


def make_timelapse(seed: int = 17) -> Field:
    """(T, C, Y, X) = (4, 2, 128, 128) uint16."""
    rng = np.random.default_rng(seed)
    chromatin, fibres = fractal(rng, SIDE, 18, 3, 0.7), fractal(rng, SIDE, 13, 4, 0.75)
    return np.stack([_time_point(t, chromatin, fibres) for t in range(T)])


def _time_point(t: int, chromatin: Field, fibres: Field) -> Field:
    noise, same = np.random.default_rng(100 + t), np.random.default_rng(23)
    nuclei, bodies = np.zeros((SIDE, SIDE)), np.full((SIDE, SIDE), 14.0)
    for nucleus in _cells(t):
        window, y, x, inside = footprint(nucleus, SIDE)
        moved = ndimage.shift(chromatin, (nucleus.y % 7, nucleus.x % 7), order=1, mode="grid-wrap")
        nuclei[window] += glow(same, nucleus, moved[window], inside, y, x) * 0.97**t
        _add_body(bodies, nucleus, fibres, t)
    return np.stack([camera(noise, _seen(nuclei, 9.0)), camera(noise, _seen(bodies, 12.0))])


def _seen(light: Field, background: float) -> Field:
    haze = 0.2 * ndimage.gaussian_filter(light, 9)
    return 0.82 * ndimage.gaussian_filter(light, 1.1) + haze + background


def _cells(t: int) -> list[Nucleus]:
    cells = []
    for i, (start, (dy, dx)) in enumerate(CELLS):
        cell = Nucleus(*start, lobes=(0.03, -0.03 + 0.015 * i, 0.02))
        cells.append(replace(cell, y=cell.y + dy * t, x=cell.x + dx * t, turn=cell.turn + 0.06 * t))
    return cells + _division(t)


def _division(t: int) -> list[Nucleus]:
    """Prophase, plate, the halves apart, two daughters."""
    y, x = DIVIDING
    if t == 0:
        return [Nucleus(y, x, 13, 12, 0.4, 900)]
    if t == 1:
        return [Nucleus(y, x, 12, 4, 0.4, 1900, kind="dividing")]
    apart, short = (6.5, 3.6) if t == 2 else (12.0, 6.5)
    kind = "dividing" if t == 2 else "resting"
    ends = [(y + side * apart * np.cos(0.4), x - side * apart * np.sin(0.4)) for side in (-1, 1)]
    return [Nucleus(a, b, 9.5, short, 0.4, 1700 - 350 * (t - 2), kind=kind) for a, b in ends]


def _add_body(bodies: Field, nucleus: Nucleus, fibres: Field, t: int) -> None:
    """Cytoplasm: brightest round the nucleus, threaded, darker where the nucleus is."""
    grown = 1.35 if nucleus.kind == "dividing" else 1.9
    wide = replace(nucleus, long=nucleus.long * grown, short=max(nucleus.short, 8) * grown * 1.15)
    window, y, x, inside = footprint(wide, SIDE)
    core = np.hypot(x * wide.long / nucleus.long, y * wide.short / nucleus.short)
    threads = np.clip(1 + 0.45 * np.roll(fibres, 2 * t, 1)[window], 0.1, None)
    bodies[window] += (
        210 * smoothstep(0, 0.55, inside) * threads * mix(0.4, 1, smoothstep(0.85, 1.1, core))
    )
