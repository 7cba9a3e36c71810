"""Colours that the user knows, spread over the regions they belong to.

A hint's colour flows from its pixels to their neighbours, at a cost that grows with the square
of the step in brightness and in guessed colour: shading is cheap, an edge is expensive, and texture
as rough as that around the hint counts as flat. Where the way is short, the hint's colour replaces
the guess; elsewhere the guess stays. (Levin, Lischinski, Weiss: Colorization using Optimization,
2004, spreads scribbles by the same affinities, but over all of the picture.)
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from imgconv.errors import InputError, UsageError
from imgconv.ops.alpha import white
from imgconv.tasks.large_plane import LargePlane

from .oklab import lab_of

POINT = re.compile(r"(\d+)\s*,\s*(\d+)\s*,\s*#?([0-9a-fA-F]{6}|[0-9a-fA-F]{3})$")
EDGE = 0.04  # step of brightness, of white = 1, whose cost is 1 on smooth ground
ROUGH = 4.0  # times the usual step around the hint: what counts as an edge on rough ground
CHROMA = 0.12  # step of guessed chroma whose cost is 1
NEAR = 0.001  # cost of any step: how far colour flows on even ground
REACH = 1.0  # cost of a way at which half of the colour is the hint's
MOST = 0.15  # however rough: this is an edge everywhere
AROUND = 5  # pixels around a hint that say how rough its ground is
DRAWN = 0.02  # chroma by which a pixel of a hint image without alpha differs from the picture
HALO = 33  # pixels across in which JPEG's and WebP's blocks spread the colour of a stroke
PURE = 0.8  # share of the strongest colour around that is none of that
FAINT = 0.2  # a share of the hint below which none of it is left
STEPS = ((0, 1), (1, 0), (1, 1), (1, -1))


@dataclass(frozen=True, eq=False)
class Hint:
    """Colours at pixels: rows, columns (n,) of a picture (H, W), chroma (n, 2)."""

    rows: np.ndarray
    columns: np.ndarray
    chroma: np.ndarray

    def on(self, plane: LargePlane, alpha: str) -> Hint:
        """The same, for this picture (H, W, C); InputError where it lies outside of it."""
        H, W = plane.shape[:2]
        if self.rows.max() >= H or self.columns.max() >= W:
            raise InputError(
                f"the hint at {self.columns.max()},{self.rows.max()} lies outside of the picture: "
                f"X is 0 to {W - 1}, Y is 0 to {H - 1}"
            )
        return self


@dataclass(frozen=True, eq=False)
class Painting:
    """An image (H, W, 3 or 4) with hints painted on it: where it is opaque or, without alpha,
    of another colour than the picture."""

    plane: np.ndarray
    alpha: str
    name: str
    blurred: bool = False  # by lossy compression

    def on(self, plane: LargePlane, alpha: str) -> Hint:
        """The hint for this picture (H, W, C); InputError where sizes differ or none is painted."""
        (H, W), own = plane.shape[:2], self.plane
        if own.shape[:2] != (H, W):
            raise InputError(
                f"the hint image is {own.shape[1]}x{own.shape[0]}, the picture {W}x{H}: they must "
                "be of one size"
            )
        marked = self._find_marks(plane, alpha)
        if not marked.any():
            raise InputError(
                f"`hint={self.name!r}`: no hint in it: paint colours on the grey picture, or on a "
                "transparent one of its size"
            )
        rows, columns = np.nonzero(marked)
        return Hint(rows, columns, chroma_of(own[rows, columns]))

    def _find_marks(self, plane: LargePlane, alpha: str) -> np.ndarray:
        """(H, W) bool: what is opaque or, without alpha, differs in colour from the picture or
        from the grey picture, whichever it is painted on: the one that most of it is like."""
        if self.alpha != "none":
            return np.asarray(self.plane[..., 3] > white(self.plane.dtype) / 2)
        grey = plane.shape[2] - (alpha != "none") == 1
        each = [np.empty(plane.shape[:2], bool) for _ in range(1 if grey else 2)]
        for begin, end in plane.spans():
            top, bottom = max(0, begin - HALO), min(end + HALO, plane.shape[0])
            chroma = chroma_of(self.plane[top:bottom])
            away = [chroma] if grey else [chroma, chroma - chroma_of(plane.rows(top, bottom))]
            for marks, one in zip(each, away, strict=True):
                marks[begin:end] = self._paint(one)[begin - top : end - top]
        return min(each, key=np.count_nonzero)

    def _paint(self, away: np.ndarray) -> np.ndarray:
        from scipy import ndimage

        distance = np.hypot(away[..., 0], away[..., 1])
        least = ndimage.maximum_filter(distance, HALO) * PURE if self.blurred else 0
        return np.asarray(distance > np.maximum(least, DRAWN))


def chroma_of(plane: np.ndarray) -> np.ndarray:
    """(..., 2) chroma a, b of RGB (..., 3 or 4) in any type; see oklab."""
    return lab_of(plane[..., :3] / np.float32(white(plane.dtype)))[..., 1:]


def point(text: str) -> Hint | None:
    """The hint that X,Y,#RRGGBB describes; None for any other text."""
    found = POINT.match(text.strip())
    if not found:
        return None
    x, y, digits = int(found[1]), int(found[2]), found[3]
    digits = digits if len(digits) == 6 else "".join(2 * digit for digit in digits)
    rgb = np.frombuffer(bytes.fromhex(digits), np.uint8) / np.float32(255)
    return Hint(np.array([y]), np.array([x]), lab_of(rgb)[None, 1:])


def read_hints(plane: np.ndarray, alpha: str, name: str, blurred: bool = False) -> Painting:
    """The hints of an image (H, W, C), `blurred` by lossy compression or not."""
    if plane.shape[2] - (alpha != "none") != 3:
        raise UsageError(f"`hint={name!r}`: a hint image is RGB, or RGB with alpha; found grey")
    if alpha != "none" and not (plane[..., 3] > white(plane.dtype) / 2).any():
        raise UsageError(f"`hint={name!r}`: no hint in it: all of it is transparent")
    return Painting(plane, alpha, name, blurred)


def spread(
    hints: tuple[Hint, ...], size: tuple[int, ...], luma: np.ndarray, chroma: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """What is kept of the guessed chroma, (h, w) from 0 to 1, and what is added, (2, h, w).

    size: (H, W) of the picture; luma (h, w) and the guess (2, h, w) are small ones of it.
    """
    rest = np.ones_like(luma)
    total, sums = np.zeros_like(luma), np.zeros_like(chroma)
    for hint in hints:
        rows, columns, colours = _place(hint, size, luma.shape)
        share, nearest = _share(rows, columns, luma, chroma)
        rest *= 1 - share
        total += share**4  # where two meet, the nearer one decides
        sums += share**4 * _shade(colours[:, nearest], luma, luma[rows, columns][nearest])
    return rest, sums / np.maximum(total, np.float32(1e-12)) * (1 - rest)


def _place(
    hint: Hint, size: tuple[int, ...], small: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows and columns (n,) of the hint at the small size, and its mean colours there (2, n)."""
    flat = hint.rows * small[0] // size[0] * small[1] + hint.columns * small[1] // size[1]
    places, each, counts = np.unique(flat, return_inverse=True, return_counts=True)
    colours = np.stack([np.bincount(each, c) / counts for c in hint.chroma.T])
    return places // small[1], places % small[1], colours.astype(np.float32)


def _shade(chroma: np.ndarray, luma: np.ndarray, at: np.ndarray) -> np.ndarray:
    """The colours (2, h, w) of places this bright, in this light: in OKLab, a and b of one
    material grow with L."""
    light = np.sqrt(luma / np.maximum(at, 0.05))  # L is about the root of the luma
    return np.asarray(light.clip(0, 1.2) * chroma)


def _share(
    rows: np.ndarray, columns: np.ndarray, luma: np.ndarray, chroma: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(h, w) from 0 to 1: how much each pixel belongs to the region of these places (n,); and
    (h, w) integers: to that of which of them."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import dijkstra

    h, w = luma.shape
    index = np.arange(h * w).reshape(h, w)
    edge = min(max(EDGE, ROUGH * _roughness(rows, columns, luma)), MOST)
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
    places = index[rows, columns]
    way, _, source = dijkstra(
        graph, directed=False, indices=places, min_only=True, return_predecessors=True
    )
    nearest = np.searchsorted(places, source.reshape(h, w))  # places are in order
    share = 1 / (1 + (way.reshape(h, w) / REACH) ** 4)
    return ((share - FAINT) / (1 - FAINT)).clip(0), nearest


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
