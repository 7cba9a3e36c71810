"""Outlines of labels, traced along the corners of pixels: what they enclose is what was labelled.

A corner of a mask is a point where an odd number of its four pixels is set, or two that touch
diagonally (it then counts twice). Along every row of points corners come in pairs, the ends of a
horizontal edge; along every column likewise. Following partners in turn closes every ring.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import find_objects

Ring = list[tuple[int, int]]
"""Points (x, y) in pixels, (0, 0) is the image's upper left corner; the last joins the first."""


@dataclass(frozen=True)
class Polygon:
    """An outer ring, clockwise on the screen, and the holes in it, counterclockwise."""

    outer: Ring
    holes: tuple[Ring, ...] = ()


def area(ring: Ring) -> float:
    """By the shoelace formula; negative for a hole."""
    x, y = np.array(ring, np.int64).T
    return float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y)) / 2


def polygons(mask: np.ndarray, left: int = 0, top: int = 0) -> list[Polygon]:
    """The parts of a mask (H, W) that lie at (left, top) of an image.

    Pixels that touch only diagonally are parts of their own, so that no ring crosses or touches
    itself.
    """
    outer: list[Ring] = []
    holes: list[Ring] = []
    for ring in _rings(mask):
        ring = [(x + left, y + top) for x, y in ring]
        (outer if area(ring) > 0 else holes).append(ring)
    if len(outer) == 1:
        return [Polygon(outer[0], tuple(holes))]
    owners = [_owner(hole, outer) for hole in holes]
    return [
        Polygon(ring, tuple(hole for hole, o in zip(holes, owners, strict=True) if o == n))
        for n, ring in enumerate(outer)
    ]


def outlines(
    labels: np.ndarray, top: int = 0, before: int = 0
) -> Iterator[tuple[int, list[Polygon]]]:
    """Each label of an image (H, W) and its polygons, in order. Of a part of an image: its first
    row, and the number before the first."""
    for label, place in enumerate(find_objects(labels), 1):
        if place is not None:
            rows, columns = place
            mask = labels[place] == label
            yield label + before, polygons(mask, columns.start, rows.start + top)


def _rings(mask: np.ndarray) -> Iterator[Ring]:
    """Closed rings without repeated points, the mask on the right hand side of every edge."""
    padded = np.pad(mask, 1)
    nw, ne, sw, se = padded[:-1, :-1], padded[:-1, 1:], padded[1:, :-1], padded[1:, 1:]
    odd = nw ^ ne ^ sw ^ se
    crossing = (nw == se) & (ne == sw) & (nw != ne)
    y, x = np.nonzero(odd | crossing)
    twice = 1 + crossing[y, x]
    y, x = np.repeat(y, twice), np.repeat(x, twice)
    # Of a crossing's two corners the first has the edge on the left. It has the upper one too if
    # the pixel between them is set, so that a ring stays with its pixel.
    second = np.append(False, (np.diff(x) == 0) & (np.diff(y) == 0))
    by_column = np.lexsort((second ^ (crossing & ne)[y, x], y, x))
    below = np.empty_like(by_column)  # the other end of each corner's vertical edge
    below[by_column[0::2]], below[by_column[1::2]] = by_column[1::2], by_column[0::2]
    # An edge with the mask below it runs to the right, all others run to the left.
    starts = np.arange(0, len(x), 2) + ~se[y[0::2], x[0::2]]
    points, partner = list(zip(x.tolist(), y.tolist(), strict=True)), below.tolist()
    done = [False] * (len(points) // 2)
    for start in starts.tolist():
        walk: Ring = []
        at = start
        while not done[at // 2]:
            done[at // 2] = True
            walk += (points[at], points[at ^ 1])
            at = partner[at ^ 1]
        yield from _simple(walk)


def _simple(walk: Ring) -> Iterator[Ring]:
    """A closed walk taken apart where it comes to a point again."""
    if len(set(walk)) == len(walk):
        if walk:
            yield walk
        return
    path: Ring = []
    seen: dict[tuple[int, int], int] = {}
    for point in walk:
        if point in seen:
            at = seen[point]
            yield path[at:]
            for left in path[at + 1 :]:
                del seen[left]
            del path[at + 1 :]
        else:
            seen[point] = len(path)
            path.append(point)
    yield path


def _owner(hole: Ring, outer: list[Ring]) -> int:
    """Which outer ring a hole lies in: the smallest one around it."""
    around = [(area(ring), n) for n, ring in enumerate(outer) if _holds(ring, hole)]
    return min(around)[1]


def _holds(ring: Ring, hole: Ring) -> bool:
    """Whether the middle of the hole's first pixel lies in the ring: odd crossings to its left."""
    y, x = min((y, x) for x, y in hole)
    points = np.array(ring)
    ends = np.roll(points, -1, axis=0)
    upright = points[:, 0] == ends[:, 0]
    low, high = np.minimum(points[:, 1], ends[:, 1]), np.maximum(points[:, 1], ends[:, 1])
    crossed = upright & (points[:, 0] <= x) & (low <= y) & (y < high)
    return bool(crossed.sum() % 2)
