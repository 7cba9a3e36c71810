"""Colours that the user knows, spread over the regions they belong to.

A hint's colour flows from its pixels to their neighbours, at a cost that grows with the square
of the step in brightness and in guessed colour: shading is cheap, an edge is dear, and texture as
rough as that around the hint counts as flat. Where the way is short, the hint's colour replaces
the guess; elsewhere the guess stays. (Levin, Lischinski, Weiss: Colorization using Optimization,
2004, spreads scribbles by the same affinities, but over all of the picture.)
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from ..errors import InputError, UsageError
from ..ops.alpha import white
from .oklab import lab_of

POINT = re.compile(r"(\d+),(\d+),#?([0-9a-fA-F]{6})$")
EDGE = 0.04  # step of brightness, of white = 1, whose cost is 1 on smooth ground
ROUGH = 4.0  # times the usual step around the hint: what counts as an edge on rough ground
CHROMA = 0.12  # step of guessed chroma whose cost is 1
NEAR = 0.001  # cost of any step: how far colour flows on even ground
REACH = 1.0  # cost of a way at which half of the colour is the hint's
AROUND = 5  # pixels around a hint that say how rough its ground is
DRAWN = 0.02  # chroma from which a pixel of a hint image without alpha is a hint
STEPS = ((0, 1), (1, 0), (1, 1), (1, -1))


@dataclass(frozen=True, eq=False)
class Hint:
    """Colour at some pixels: rows, columns (n,) in a picture of `size`, chroma (n, 2).

    size: (H, W); None where a point was typed, which may lie in a picture of any size.
    """

    rows: np.ndarray
    columns: np.ndarray
    chroma: np.ndarray
    size: tuple[int, int] | None = None


def point(text: str) -> Hint | None:
    """The hint that X,Y,#RRGGBB describes; None for any other text."""
    found = POINT.match(text.strip())
    if not found:
        return None
    x, y = int(found[1]), int(found[2])
    rgb = np.frombuffer(bytes.fromhex(found[3]), np.uint8) / np.float32(255)
    return Hint(np.array([y]), np.array([x]), lab_of(rgb)[None, 1:])


def drawn(plane: np.ndarray, alpha: str, name: str) -> tuple[Hint, ...]:
    """The hints of an image (H, W, C): where it is opaque or, without alpha, coloured."""
    from scipy import ndimage

    if plane.shape[2] - (alpha != "none") != 3:
        raise UsageError(f"--hint {name}: a hint image is RGB, or RGB with alpha; found grey")
    top = white(plane.dtype)
    chroma = lab_of(plane[..., :3] / np.float32(top))[..., 1:]
    if alpha == "none":
        marked = np.hypot(chroma[..., 0], chroma[..., 1]) > DRAWN
    else:
        marked = plane[..., 3] > top / 2
    if not marked.any():
        raise UsageError(
            f"--hint {name}: no hint in it: paint colours on the grey picture, or on a "
            "transparent one of its size"
        )
    parts, count = ndimage.label(marked, np.ones((3, 3)))
    places = (np.nonzero(parts == n) for n in range(1, count + 1))
    return tuple(Hint(y, x, chroma[y, x], plane.shape[:2]) for y, x in places)


def spread(
    hints: tuple[Hint, ...], size: tuple[int, ...], luma: np.ndarray, chroma: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """What is kept of the guessed chroma, (h, w) from 0 to 1, and what is added, (2, h, w).

    size: (H, W) of the picture; luma (h, w) and the guess (2, h, w) are those at the network's.
    """
    rest = np.ones_like(luma)
    total, sums = np.zeros_like(luma), np.zeros_like(chroma)
    for hint in hints:
        rows, columns = _placed(hint, size, luma.shape)
        share = _share(rows, columns, luma, chroma)
        rest *= 1 - share
        total += share**4  # where two meet, the nearer one decides
        sums += share**4 * _shaded(hint.chroma.mean(0), luma, float(luma[rows, columns].mean()))
    return rest, sums / np.maximum(total, np.float32(1e-12)) * (1 - rest)


def _placed(
    hint: Hint, size: tuple[int, ...], small: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Where the hint's pixels lie at the network's size."""
    H, W = size
    if hint.size and hint.size != (H, W):
        raise InputError(
            f"the hint image is {hint.size[1]}x{hint.size[0]}, the picture {W}x{H}: they must be "
            "of one size"
        )
    if hint.rows.max() >= H or hint.columns.max() >= W:
        raise InputError(
            f"the hint at {hint.columns.max()},{hint.rows.max()} lies outside of the picture: "
            f"X is 0 to {W - 1}, Y is 0 to {H - 1}"
        )
    places = np.stack([hint.rows * small[0] // H, hint.columns * small[1] // W])
    rows, columns = np.unique(places, axis=1)
    return rows, columns


def _shaded(chroma: np.ndarray, luma: np.ndarray, at: float) -> np.ndarray:
    """The colour in light and shade: in OKLab, a and b of one material grow with L."""
    light = np.sqrt(luma / max(at, 0.05))  # L is about the root of the luma
    return light.clip(0, 1.2) * chroma[:, None, None]


def _share(
    rows: np.ndarray, columns: np.ndarray, luma: np.ndarray, chroma: np.ndarray
) -> np.ndarray:
    """(h, w) from 0 to 1: how much each pixel belongs to the region of these."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import dijkstra

    h, w = luma.shape
    index = np.arange(h * w).reshape(h, w)
    edge = max(EDGE, ROUGH * _roughness(rows, columns, luma))
    begins, ends, costs = [], [], []
    for dy, dx in STEPS:
        here, there = _neighbours(dy, dx)
        step = (luma[here] - luma[there]) ** 2 / edge**2
        step += ((chroma[:, *here] - chroma[:, *there]) ** 2).sum(0) / CHROMA**2
        begins.append(index[here].ravel())
        ends.append(index[there].ravel())
        costs.append(((step + NEAR) * np.hypot(dy, dx)).ravel())
    pairs = np.concatenate(begins), np.concatenate(ends)
    graph = coo_matrix((np.concatenate(costs), pairs), (h * w, h * w)).tocsr()
    way = dijkstra(graph, directed=False, indices=index[rows, columns], min_only=True)
    return 1 / (1 + (way.reshape(h, w) / REACH) ** 4)


def _neighbours(dy: int, dx: int) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Slices of all pixels that have a neighbour (dy, dx) on, and of those neighbours."""
    left, right = slice(None, -1), slice(1, None)
    rows = (left, right) if dy else (slice(None), slice(None))
    columns = {0: (slice(None), slice(None)), 1: (left, right), -1: (right, left)}[dx]
    return (rows[0], columns[0]), (rows[1], columns[1])


def _roughness(rows: np.ndarray, columns: np.ndarray, luma: np.ndarray) -> float:
    """The median step of brightness from pixel to pixel around the hint."""
    top, left = max(0, rows.min() - AROUND), max(0, columns.min() - AROUND)
    part = luma[top : rows.max() + AROUND + 1, left : columns.max() + AROUND + 1]
    steps = [np.abs(np.diff(part, axis=axis)).ravel() for axis in (0, 1)]
    every = np.concatenate(steps)
    return float(np.median(every)) if every.size else 0.0
