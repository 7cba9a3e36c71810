"""Objects linked over time: nearest of like size, as linear assignments, gaps closed, divisions.

In two steps as Jaqaman et al. do it (Robust single-particle tracking in live-cell time-lapse
sequences, Nature Methods 5 (2008) 695): from frame to frame, then ends of tracks to beginnings of
others. A beginning that fits beside a continuing track whose object halved there is a division.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from scipy.spatial import cKDTree

from .assignment import assign

REACH = 1.5  # typical diameters that an object moves from one frame to the next, at most
USUAL = 2.5  # of the step that three quarters stay below: longer ones are links where no other fits
LEAST = 0.55  # of the reach, what is usual at least: daughters lie so far from their mother
GAP = 2  # frames in which an object may be missed
SIZES = 0.5  # what a factor e in size costs, of the cost of the largest step
EARLIER = 3  # frames, in which the mother was last as large as cells are: it condenses to divide
DAUGHTER = 0.85  # of that, at most; daughters are alike within a factor 2
HALVES = (0.45, 1.5)  # both together: over the mother as it is, at least; as it was, at most


class Frame(NamedTuple):
    """The objects of one time: places (n, d) in one unit, sizes (n,) in any."""

    places: np.ndarray
    sizes: np.ndarray


class Node(NamedTuple):
    """An object: its frame and its number in it, from 0."""

    frame: int
    number: int


@dataclass
class Tracks:
    """`numbers`: for each frame the track (from 1) of each object. `parents`: of a track that
    began with a division, the track that divided."""

    numbers: list[np.ndarray]
    parents: dict[int, int] = field(default_factory=dict)

    @property
    def count(self) -> int:
        return max((int(n.max(initial=0)) for n in self.numbers), default=0)


def track(frames: Sequence[Frame], reach: float, gap: int = GAP) -> Tracks:
    """Link the objects of frames. `reach`: the largest step between two frames, in the unit of the
    places; `gap`: how many frames an object may be missing."""
    steady = _steadied(frames, reach)
    known = [_nearest(one, two, reach) for one, two in pairwise(steady)]
    usual = float(np.clip(USUAL * _step(steady, known), LEAST * reach, reach))
    after: dict[Node, Node] = {}
    for number, (one, two) in enumerate(pairwise(steady)):
        for a, b in _nearest(one, two, usual):
            after[Node(number, a)] = Node(number + 1, b)
    divided = _close(steady, after, reach, gap)
    return _number(steady, after, divided)


def _steadied(frames: Sequence[Frame], reach: float) -> list[Frame]:
    """The frames without the shift that all objects have in common (of the stage)."""
    found, moved = list(frames[:1]), np.zeros(frames[0].places.shape[1] if frames else 2)
    for one, two in pairwise(frames):
        pairs = _nearest(one, two, reach)
        if len(pairs) >= 5:
            first, second = (np.array(side) for side in zip(*pairs, strict=True))
            moved = moved + np.median(two.places[second] - one.places[first], axis=0)
        found.append(Frame(two.places - moved, two.sizes))
    return found


def _step(frames: Sequence[Frame], pairs: Sequence[list[tuple[int, int]]]) -> float:
    """How far three quarters of the objects move at most; infinite without any."""
    far = [
        float(np.hypot.reduce(two.places[b] - one.places[a]))
        for (one, two), each in zip(pairwise(frames), pairs, strict=True)
        for a, b in each
    ]
    return float(np.percentile(far, 75)) if far else np.inf


def _nearest(one: Frame, two: Frame, reach: float) -> list[tuple[int, int]]:
    if not len(one.places) or not len(two.places):
        return []
    near = cKDTree(one.places).query_ball_tree(cKDTree(two.places), reach)
    rows = np.repeat(np.arange(len(near)), [len(n) for n in near])
    columns = np.array([c for n in near for c in n], np.int64)
    return assign(rows, columns, _cost(one, rows, two, columns, reach))


def _cost(
    one: Frame, rows: np.ndarray, two: Frame, columns: np.ndarray, reach: float
) -> np.ndarray:
    """The squared distance over the squared reach, and what the change of size costs."""
    apart = ((one.places[rows] - two.places[columns]) ** 2).sum(axis=1) / reach**2
    change = np.log(one.sizes[rows] / two.sizes[columns])
    return apart + SIZES * change**2 * (1 - apart).clip(0)


def _close(
    frames: Sequence[Frame], after: dict[Node, Node], reach: float, gap: int
) -> dict[Node, Node]:
    """Links over gaps are added to `after`; returned are those from a second daughter to its
    mother's last object."""
    every = [Node(f, n) for f, frame in enumerate(frames) for n in range(len(frame.sizes))]
    begun = set(after.values())
    starts = [node for node in every if node.frame and node not in begun]
    rows, columns, costs = [], [], []
    order = {node: n for n, node in enumerate(every)}
    by_frame, large = _by_frame(frames), _earlier_sizes(frames, after)
    for column, start in enumerate(starts):
        for node, cost in _before(start, frames, by_frame, after, large, reach, gap):
            rows.append(order[node])
            columns.append(column)
            costs.append(cost)
    divided = {}
    for row, column in assign(np.array(rows, int), np.array(columns, int), np.array(costs, float)):
        if every[row] in after:
            divided[starts[column]] = every[row]
        else:
            after[every[row]] = starts[column]
    return divided


def _by_frame(frames: Sequence[Frame]) -> list[cKDTree | None]:
    return [cKDTree(frame.places) if len(frame.places) else None for frame in frames]


def _earlier_sizes(frames: Sequence[Frame], after: dict[Node, Node]) -> dict[Node, float]:
    """How large each object was at most in the last frames."""
    before = {b: a for a, b in after.items()}
    large = {}
    for frame, one in enumerate(frames):
        for number, size in enumerate(one.sizes):
            node, most = Node(frame, number), float(size)
            for _ in range(EARLIER):
                if (earlier := before.get(node)) is None:
                    break
                node, most = earlier, max(most, float(frames[earlier.frame].sizes[earlier.number]))
            large[Node(frame, number)] = most
    return large


def _before(
    start: Node,
    frames: Sequence[Frame],
    trees: list[cKDTree | None],
    after: dict[Node, Node],
    large: dict[Node, float],
    reach: float,
    gap: int,
) -> list[tuple[Node, float]]:
    """What a beginning may follow: an end of some frames ago, or an object that divided."""
    found = []
    place, size = frames[start.frame].places[start.number], frames[start.frame].sizes[start.number]
    for frame in range(max(0, start.frame - gap - 1), start.frame):
        steps = start.frame - frame
        tree = trees[frame]
        if tree is None:
            continue
        for index in tree.query_ball_point(place, reach * steps**0.5):
            node = Node(frame, index)
            apart = ((frames[frame].places[index] - place) ** 2).sum() / (reach**2 * steps)
            mother = frames[frame].sizes[index]
            if node not in after:
                change = np.log(size / mother)
                found.append((node, apart + SIZES * change**2 * max(0.0, 1 - apart)))
            elif steps == 1 and after[node].frame == start.frame:
                sister = frames[start.frame].sizes[after[node].number]
                middle = (place + frames[start.frame].places[after[node].number]) / 2
                off = ((frames[frame].places[index] - middle) ** 2).sum() / reach**2
                if _is_division(mother, large[node], sister, size):
                    found.append((node, 0.5 + off / 2))
    return found


def _is_division(mother: float, before: float, one: float, two: float) -> bool:
    """Whether two objects are the daughters of one that is so large now, and was `before`."""
    alike = max(one, two) < DAUGHTER * before and max(one, two) < 2 * min(one, two)
    return bool(alike and HALVES[0] * mother < one + two < HALVES[1] * before)


def _number(frames: Sequence[Frame], after: dict[Node, Node], divided: dict[Node, Node]) -> Tracks:
    """Tracks from 1 on, in the order in which they begin; both daughters begin one."""
    mothers = {node: divided[node] for node in divided}
    mothers |= {after[mother]: mother for mother in divided.values()}
    numbers = [np.zeros(len(frame.sizes), np.int32) for frame in frames]
    before = {b: a for a, b in after.items()}
    tracks, parents = 0, {}
    for frame, own in enumerate(numbers):
        for index in range(len(own)):
            node = Node(frame, index)
            earlier = before.get(node)
            if earlier is not None and node not in mothers:
                own[index] = numbers[earlier.frame][earlier.number]
                continue
            tracks += 1
            own[index] = tracks
            if node in mothers:
                mother = mothers[node]
                parents[tracks] = int(numbers[mother.frame][mother.number])
    return Tracks(numbers, parents)
