"""The marks of a scan: connected ink, in lines from left to right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from .glyph import stroke

INKED = 0.5
SPECK = 0.2  # of the tallest mark's longer side: smaller ones are dust
MOST, TEXTURE = 200, 20_000  # marks: a picture of more is no writing; of parts, dust included
FUSED = 0.5  # of the narrower one's width: parts that lie above each other to this share are one
WIDE = 0.95  # width by height from which a mark may be two
FINEST = 1 / 80  # of a mark's longer side: no pen draws a digit with a finer stroke
CROSSED = 0.4  # of the smaller box: marks whose boxes share more are a drawing
NECK = 0.45  # of the height: digits that touch share no more ink than this in a column

Box = tuple[slice, slice]


@dataclass(frozen=True, eq=False)
class Mark:
    """ink: (h, w) from 0 to 1, of this mark alone, at (top, left) of the scan. drawn: whether it
    is a line too fine for its size, or lies around, within or across others, as no digit does."""

    top: int
    left: int
    ink: np.ndarray
    drawn: bool = False

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
    from scipy.ndimage import find_objects, label

    places, count = label(ink >= INKED, np.ones((3, 3), int))
    boxes = dict(enumerate(find_objects(places), 1)) if count <= TEXTURE else {}
    frames = [n for n, box in boxes.items() if _is_frame(places[box] == n, box, ink.shape)]
    kept = {n: box for n, box in boxes.items() if n not in frames} or boxes
    kept = _without_dust(kept)
    if not 0 < len(kept) <= MOST:
        return []
    found = [_cut_out(ink, places, n, box) for n, box in kept.items()]
    whole = _told_apart(_fused(found))
    return [sorted(line, key=lambda mark: mark.left) for line in _rows(whole)]


def _is_frame(own: np.ndarray, box: Box, shape: tuple[int, ...]) -> bool:
    """Whether it is the dark edge of a scan: along most of a border, and thin or hollow."""
    (top, bottom), (left, right) = ((side.start, side.stop) for side in box)
    touches = top == 0 or left == 0 or bottom == shape[0] or right == shape[1]
    tall, wide = bottom - top, right - left
    if not touches or (tall <= 0.6 * shape[0] and wide <= 0.6 * shape[1]):
        return False
    return min(tall, wide) < 0.12 * max(tall, wide) or float(own.mean()) < 0.12


def _without_dust(boxes: dict[int, Box]) -> dict[int, Box]:
    sizes = {n: max(side.stop - side.start for side in box) for n, box in boxes.items()}
    least = max(SPECK * max(sizes.values(), default=0), 3)
    return {n: box for n, box in boxes.items() if sizes[n] >= least}


def _cut_out(ink: np.ndarray, places: np.ndarray, number: int, box: Box) -> Mark:
    """With the soft pixels of its edge: one more on every side."""
    from scipy.ndimage import binary_dilation

    top, left = (side.start - 1 for side in box)
    rows, columns = (slice(max(side.start - 1, 0), side.stop + 1) for side in box)
    own = binary_dilation(places[rows, columns] == number, np.ones((3, 3), bool))
    made = np.zeros(tuple(side.stop - side.start + 2 for side in box), np.float32)
    y, x = rows.start - top, columns.start - left
    made[y : y + own.shape[0], x : x + own.shape[1]] = ink[rows, columns] * own
    return Mark(top, left, made)


def _fused(found: Sequence[Mark]) -> list[Mark]:
    """Parts of one digit made one: above each other and near, as the bar of a 5."""
    marks = sorted(found, key=lambda mark: -mark.size)
    whole: list[Mark] = []
    for mark in marks:
        place = next((n for n, other in enumerate(whole) if _belongs(mark, other)), None)
        if place is None:
            whole.append(mark)
        else:
            whole[place] = _join(whole[place], mark)
    return whole


def _belongs(part: Mark, to: Mark) -> bool:
    across = min(part.right, to.right) - max(part.left, to.left)
    gap = max(part.top, to.top) - min(part.bottom, to.bottom)
    smaller = part.size < 0.7 * to.size
    return smaller and across >= FUSED * part.ink.shape[1] and gap <= 0.25 * to.size


def _told_apart(marks: Sequence[Mark]) -> list[Mark]:
    """With those said to be drawn that are."""
    ends = np.array([(m.top, m.left, m.bottom, m.right) for m in marks]).reshape(-1, 4)
    low, high = ends[:, :2], ends[:, 2:]
    shared = np.minimum(high[:, None], high) - np.maximum(low[:, None], low)
    areas = (high - low).prod(1)
    crossed = shared.clip(0).prod(2) > CROSSED * np.minimum(areas[:, None], areas)
    np.fill_diagonal(crossed, False)
    fine = [stroke(m.ink) < FINEST * m.size for m in marks]
    return [replace(m, drawn=bool(d)) for m, d in zip(marks, crossed.any(1) | fine, strict=True)]


def _join(one: Mark, other: Mark) -> Mark:
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
    if wide < WIDE * tall:
        return []
    amounts = mark.ink.sum(0) / max(tall, 1)
    inside = range(max(1, int(0.2 * tall)), wide - max(1, int(0.2 * tall)))
    chosen: list[int] = []
    for column in sorted(inside, key=lambda c: float(amounts[c])):
        if amounts[column] <= NECK and all(abs(column - other) > 0.12 * tall for other in chosen):
            chosen.append(column)
        if len(chosen) == most:
            break
    return chosen


def cut(mark: Mark, column: int) -> tuple[Mark, Mark]:
    left, right = mark.ink[:, :column], mark.ink[:, column:]
    return Mark(mark.top, mark.left, left), Mark(mark.top, mark.left + column, right)
