"""The marks of a scan: connected ink, in lines from left to right."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

INKED = 0.5
SPECK = 0.2  # of the tallest mark's longer side: smaller ones are dust
MOST = 200  # marks: a picture of more is no row of digits
FUSED = 0.5  # of the narrower one's width: parts that lie above each other to this share are one
WIDE = 1.15  # width by height from which a mark may be two


@dataclass(frozen=True, eq=False)
class Mark:
    """ink: (h, w) from 0 to 1, of this mark alone, at (top, left) of the scan."""

    top: int
    left: int
    ink: np.ndarray

    @property
    def bottom(self) -> int:
        return self.top + self.ink.shape[0]

    @property
    def right(self) -> int:
        return self.left + self.ink.shape[1]

    @property
    def size(self) -> int:
        return max(self.ink.shape)


def lines(ink: np.ndarray) -> list[list[Mark]]:
    """The marks of ink (H, W), line by line; [] where there are none, or too many to be read."""
    found = list(_components(ink))
    found = _without_dust(_without_edges(found, ink.shape))
    if not 0 < len(found) <= MOST:
        return []
    return [sorted(line, key=lambda mark: mark.left) for line in _rows(_fused(found))]


def _components(ink: np.ndarray) -> Iterator[Mark]:
    from scipy.ndimage import find_objects, label

    places, count = label(ink >= INKED, np.ones((3, 3), int))
    if count > 50 * MOST:  # a texture
        return
    edges = np.pad(ink, 1)
    for number, (rows, columns) in enumerate(find_objects(places), 1):
        own = np.pad(places[rows, columns] == number, 1)
        around = edges[rows.start : rows.stop + 2, columns.start : columns.stop + 2]
        yield Mark(rows.start - 1, columns.start - 1, around * _grown(own))


def _grown(own: np.ndarray) -> np.ndarray:
    """With the soft pixels of its edge."""
    from scipy.ndimage import binary_dilation

    return np.asarray(binary_dilation(own, np.ones((3, 3), bool)))


def _without_edges(found: list[Mark], shape: tuple[int, ...]) -> list[Mark]:
    """Without the dark frame of a scan: what runs along most of a border, and is thin or hollow."""
    kept = [mark for mark in found if not _is_frame(mark, shape)]
    return kept or found


def _is_frame(mark: Mark, shape: tuple[int, ...]) -> bool:
    H, W = shape
    touches = mark.top < 0 or mark.left < 0 or mark.bottom > H or mark.right > W
    tall, wide = mark.ink.shape
    along = tall > 0.6 * H or wide > 0.6 * W
    filled = float((mark.ink >= INKED).mean())
    return touches and along and (min(tall, wide) < 0.12 * max(tall, wide) or filled < 0.12)


def _without_dust(found: list[Mark]) -> list[Mark]:
    largest = max((mark.size for mark in found), default=0)
    return [mark for mark in found if mark.size >= max(SPECK * largest, 3)]


def _fused(found: Sequence[Mark]) -> list[Mark]:
    """Parts of one digit made one: above each other and near, as the bar of a 5."""
    marks = sorted(found, key=lambda mark: -mark.size)
    whole: list[Mark] = []
    for mark in marks:
        place = next((n for n, other in enumerate(whole) if _belongs(mark, other)), None)
        if place is None:
            whole.append(mark)
        else:
            whole[place] = _joined(whole[place], mark)
    return whole


def _belongs(part: Mark, to: Mark) -> bool:
    across = min(part.right, to.right) - max(part.left, to.left)
    gap = max(part.top, to.top) - min(part.bottom, to.bottom)
    smaller = part.size < 0.7 * to.size
    return smaller and across >= FUSED * part.ink.shape[1] and gap <= 0.25 * to.size


def _joined(one: Mark, other: Mark) -> Mark:
    top, left = min(one.top, other.top), min(one.left, other.left)
    size = max(one.bottom, other.bottom) - top, max(one.right, other.right) - left
    ink = np.zeros(size, np.float32)
    for mark in (one, other):
        y, x = mark.top - top, mark.left - left
        place = ink[y : y + mark.ink.shape[0], x : x + mark.ink.shape[1]]
        np.maximum(place, mark.ink, out=place)
    return Mark(top, left, ink)


def _rows(marks: Sequence[Mark]) -> list[list[Mark]]:
    """Lines of writing, from the top: marks whose heights overlap by half of the smaller."""
    rows: list[list[Mark]] = []
    for mark in sorted(marks, key=lambda mark: (mark.top + mark.bottom) / 2):
        if rows and any(_level(mark, other) for other in rows[-1]):
            rows[-1].append(mark)
        else:
            rows.append([mark])
    return rows


def _level(one: Mark, other: Mark) -> bool:
    overlap = min(one.bottom, other.bottom) - max(one.top, other.top)
    return overlap >= 0.5 * min(one.ink.shape[0], other.ink.shape[0])


def cuts(mark: Mark, most: int = 4) -> list[int]:
    """Columns at which a wide mark may be two that touch, those with the least ink first."""
    tall, wide = mark.ink.shape
    if wide < 0.7 * tall:
        return []
    amounts = mark.ink.sum(0) / max(tall, 1)
    inside = range(max(1, int(0.2 * tall)), wide - max(1, int(0.2 * tall)))
    chosen: list[int] = []
    for column in sorted(inside, key=lambda c: float(amounts[c])):
        if all(abs(column - other) > 0.12 * tall for other in chosen):
            chosen.append(column)
        if len(chosen) == most:
            break
    return chosen


def cut(mark: Mark, column: int) -> tuple[Mark, Mark]:
    left, right = mark.ink[:, :column], mark.ink[:, column:]
    return Mark(mark.top, mark.left, left), Mark(mark.top, mark.left + column, right)
