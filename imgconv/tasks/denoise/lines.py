"""From what the network says to where lines are, and whether they are a plot's.

All is done band by band, so that a plane of any size can be looked at; of a small one there is one
band.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import IO

import numpy as np

from imgconv.tasks.large_plane import LargePlane
from imgconv.tasks.row_file import RowFile

from .read import percentile

LIKELY = -0.5  # logit of a line's pixels
SURE, EXTENT = (3.5, 1.5), (60, 200)  # logits of its best, if it is as short, as long in pixels
SHARE = 0.25  # of its pixels that are the best: chance seldom makes long lines of middling ones
FRINGE, REACH = -4.5, 2  # logits of its soft edges, and pixels that these are wide
LENGTH = 14  # pixels that a line is long, in images that small 2/5 of their side
GAP = 16  # pixels between two dashes of one line, at most
BESIDE = (3, 6)  # pixels from a line to what is beside it, and to what is not any more
PAPER = 0.9  # share of what is beside all lines that is of even colour: they are a plot's
STEPS = 128  # of the range of values, that colours are compared by
KEPT = 64 << 20  # bytes that wait in memory, not in a file
FAR = 1 << 40  # a row or column beyond any
SQUARE = np.ones((3, 3), bool)


def dilate(mask: np.ndarray, pixels: int) -> np.ndarray:
    """(H, W) bool, grown by that many pixels to all sides."""
    from scipy import ndimage

    return ndimage.binary_dilation(mask, SQUARE, iterations=pixels) if pixels else mask


def decide_lines(overlay: np.ndarray) -> np.ndarray:
    """(H, W) logits -> bool: see find_lines."""
    with tempfile.SpooledTemporaryFile(KEPT) as file:
        return find_lines(LargePlane.of(overlay[..., None]), file).rows(0, len(overlay))[..., 0]


def find_lines(logits: LargePlane, file: IO[bytes]) -> LargePlane:
    """Pixels that are likely a line's, (H, W, 1) bool, by logits (H, W, 1). A line is long enough,
    dashes and gaps counted in, and a good part of it is sure; its soft edges are less so.

    The plane is read from `file`, which has to stay open.
    """
    height, width = logits.shape[:2]
    lines = _choose(logits, _join(logits))
    core = RowFile(file, width, np.bool_)
    for place, (begin, end) in enumerate(logits.spans()):
        core.add(lines[place][_label(logits, begin, end)[1]])

    def read(rows: slice, columns: slice) -> np.ndarray:
        top, bottom = max(0, rows.start - REACH), min(rows.stop + REACH, height)
        near, here = core.rows(top, bottom), slice(rows.start - top, rows.stop - top)
        soft = logits.rows(rows.start, rows.stop)[..., 0] > FRINGE
        return np.asarray(near[here] | (dilate(near, REACH)[here] & soft))[:, columns, None]

    return replace(logits, dtype=np.dtype(bool), read=read, _held={})


@dataclass(frozen=True)
class _Pieces:
    """What hangs together. of: of each band, which piece a label is of, from label 0 on. low, high:
    of each piece the first and last row and column, (n, 2); likely: how many pixels are."""

    of: list[np.ndarray]
    low: np.ndarray
    high: np.ndarray
    likely: np.ndarray


def _label(logits: LargePlane, begin: int, end: int) -> tuple[np.ndarray, np.ndarray]:
    """(h, W) int32 twice: what hangs together in these rows, gaps bridged; and only where it is
    likely, 0 elsewhere."""
    from scipy import ndimage

    top, bottom = max(0, begin - GAP // 2), min(end + GAP // 2, logits.shape[0])
    likely = logits.rows(top, bottom)[..., 0] > LIKELY
    bridged = ndimage.maximum_filter(likely, GAP // 2 * 2 + 1)
    here = slice(begin - top, end - top)
    labels = ndimage.label(bridged[here], SQUARE)[0]
    return labels, labels * likely[here]


def _join(logits: LargePlane) -> _Pieces:
    """What hangs together across the bands."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    starts, pairs, sizes = [0], [np.empty((0, 2), int)], []
    last: np.ndarray | None = None
    for begin, end in logits.spans():
        labels, likely = _label(logits, begin, end)
        if last is not None:
            pairs.append(_touching(last, labels[0]) + np.array(starts[-2:]) - 1)
        sizes.append(_measure(likely, begin, int(labels.max())))
        starts.append(starts[-1] + int(labels.max()))
        last = labels[-1]
    n, (a, b) = starts[-1], np.concatenate(pairs).T
    count, piece = connected_components(coo_array((np.ones(len(a)), (a, b)), (n, n)), False)
    low, high = np.full((count, 2), FAR), np.full((count, 2), -FAR)
    lows, highs, likelies = (np.concatenate(each) for each in zip(*sizes, strict=True))
    np.minimum.at(low, piece, lows)
    np.maximum.at(high, piece, highs)
    of = [np.r_[0, piece[first:end]] for first, end in pairwise(starts)]
    return _Pieces(of, low, high, np.bincount(piece, likelies, count))


def _touching(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """(n, 2): labels of two rows (W,), one below the other, that touch at a side or a corner."""
    wide = np.pad(below, 1)
    pairs = [np.stack([above, wide[k : k + len(above)]], axis=1) for k in range(3)]
    every = np.concatenate(pairs)
    return np.unique(every[every.all(1)], axis=0)


def _measure(labels: np.ndarray, top: int, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each of so many labels in rows (h, W) from `top` on: first and last row and column, (n, 2)
    each, and how many pixels."""
    places = np.argwhere(labels) + np.array([top, 0])
    which = labels[labels > 0] - 1
    low, high = np.full((count, 2), FAR), np.full((count, 2), -FAR)
    np.minimum.at(low, which, places)
    np.maximum.at(high, which, places)
    return low, high, np.bincount(which, minlength=count)


def _choose(logits: LargePlane, pieces: _Pieces) -> list[np.ndarray]:
    """Of each band, whether a label is a line's, from label 0 on."""
    sides = pieces.high - pieces.low + 1
    needed = np.interp(np.log(np.hypot(*sides.T)), np.log(EXTENT), SURE)
    best = np.zeros(len(sides))
    for of, (begin, end) in zip(pieces.of, logits.spans(), strict=True):
        labels = _label(logits, begin, end)[1]
        seen = labels > 0
        which = of[labels[seen]]
        sure = logits.rows(begin, end)[..., 0][seen] > needed[which]
        best += np.bincount(which[sure], minlength=len(best))
    long = sides.max(1, initial=0) >= min(LENGTH, 0.4 * min(logits.shape[:2]))
    lines = (best >= SHARE * pieces.likely) & long
    return [np.r_[False, lines[of[1:]]] for of in pieces.of]


def lie_on_paper(lines: LargePlane, plane: LargePlane, low: float, span: float) -> bool:
    """Whether lines (H, W, 1) of a plane (H, W, C) are a plot's axes and curves: on even colour,
    most of it bright, with nothing of a picture beneath. Black ground is that of many micrographs.
    """
    even, levels = 0, np.zeros(STEPS + 1, int)
    for begin, end in plane.spans():
        beside = _beside(lines, begin, end)
        if beside.any():
            steps, evenly = _steps(plane, begin, end, low, span)
            even += int(np.count_nonzero(evenly[beside]))
            levels += np.bincount(steps[beside], minlength=STEPS + 1)
    known = levels.sum()
    return bool(known and percentile(levels, 50) > STEPS / 2 and even / known >= PAPER)


def _beside(lines: LargePlane, begin: int, end: int) -> np.ndarray:
    """(h, W) bool: what is beside lines."""
    top, bottom = max(0, begin - BESIDE[1]), min(end + BESIDE[1], lines.shape[0])
    seen = lines.rows(top, bottom)[..., 0]
    near, far = (dilate(seen, reach)[begin - top : end - top] for reach in BESIDE)
    return np.asarray(far & ~near)


def _steps(
    plane: LargePlane, begin: int, end: int, low: float, span: float
) -> tuple[np.ndarray, np.ndarray]:
    """(h, W) twice: the brightest channel in `STEPS` of the range, and whether all pixels around
    are alike."""
    from scipy.ndimage import maximum_filter, minimum_filter

    top, bottom = max(0, begin - 1), min(end + 1, plane.shape[0])
    values = plane.rows(top, bottom)
    steps = np.rint((values - low) * (STEPS / span)).clip(0, STEPS).astype(np.uint8)
    size = (3, 3, 1)
    even = (maximum_filter(steps, size) - minimum_filter(steps, size) <= 1).all(2)
    here = slice(begin - top, end - top)
    return steps[here].max(2), even[here]
