"""Label images that are not there as a whole: packed band by band, numbered when all are known."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

import numpy as np
from scipy import ndimage

from imgconv.images.bands import BandedPlane

ROWS = 512  # of a window, about


class PackedLabels:
    """Labels (H, W) as bands of rows, packed to about a hundredth.

    `add` bands with any numbers, from top to bottom; then `number` them, from which on they are
    1 to n, in the order of their top rows.
    """

    def __init__(self, width: int) -> None:
        self.width, self.height = width, 0
        self.bands: list[tuple[int, bytes]] = []  # first row, numbers as they came
        self.numbers: np.ndarray | None = None  # from those that came to those that stay
        self._boxes: list[np.ndarray] = []  # rows (number, top, left, bottom, area, at the border)
        self.tops = self.bottoms = np.zeros(0, np.int64)  # of 1 to n
        self._last: tuple[int, np.ndarray] | None = None

    @staticmethod
    def of(labels: np.ndarray) -> PackedLabels:
        """Labels (H, W) as they are."""
        packed = PackedLabels(labels.shape[1])
        packed._pack(labels)
        return packed

    def add(self, band: np.ndarray) -> None:
        """(h, W) int32, 0 is background."""
        if len(band):
            self._boxes.append(_boxes(band, self.height))
            self._pack(band)

    def _pack(self, band: np.ndarray) -> None:
        data = np.ascontiguousarray(band, np.int32).data
        self.bands.append((self.height, zlib.compress(data, 1)))
        self.height += len(band)

    def number(
        self,
        same: Iterable[tuple[int, int]] = (),
        *,
        least: float = 1,
        most: float = float("inf"),
        exclude_border: bool = False,
        without: np.ndarray | None = None,
    ) -> None:
        """Decide which labels stay, by their areas, and number them from top to bottom and left to
        right. `same` are pairs of numbers that are one object. without: of every number that came,
        whether it goes."""
        found, roots = self._joined(list(same))
        root, top, left, bottom, area, border = found.T
        border = border | (top == 0) | (bottom == self.height)
        stays = (area >= least) & (area <= most) & ~((border > 0) & exclude_border)
        stays = stays if without is None else stays & ~without[root]
        order = np.lexsort((left[stays], top[stays]))
        self.tops, self.bottoms = top[stays][order], bottom[stays][order]
        final = np.zeros(len(roots), np.int32)
        final[root[stays][order]] = np.arange(1, len(order) + 1)
        self.numbers = final[roots]
        self._last = None

    def _joined(self, same: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
        """A row for each object as `_boxes` has them, and from every number to its object's."""
        boxes = np.concatenate(self._boxes) if self._boxes else np.zeros((0, 6), np.int64)
        roots = _roots(same, int(boxes[:, 0].max(initial=0)) + 1)
        keys, place = np.unique(roots[boxes[:, 0]], return_inverse=True)
        n = len(keys)
        top, left = np.full(n, 1 << 60), np.full(n, 1 << 60)
        np.minimum.at(top, place, boxes[:, 1])
        np.minimum.at(left, place, boxes[:, 2])
        bottom = np.zeros(n, np.int64)
        np.maximum.at(bottom, place, boxes[:, 3])
        area = np.bincount(place, boxes[:, 4], n).astype(np.int64)
        border = np.bincount(place, boxes[:, 5], n).astype(np.int64)
        return np.stack([keys, top, left, bottom, area, border], axis=1), roots

    @property
    def shape(self) -> tuple[int, int]:
        return self.height, self.width

    @property
    def largest(self) -> int:
        return len(self.tops)

    def rows(self, dtype: np.dtype | type = np.int32) -> Iterator[np.ndarray]:
        """(h, W) after (h, W)."""
        for n in range(len(self.bands)):
            yield self._unpack(n).astype(dtype, copy=False)

    def plane(self, dtype: np.dtype) -> np.ndarray | BandedPlane:
        """(H, W, 1), in bands where there are several."""
        made = (band[..., None] for band in self.rows(dtype))
        if len(self.bands) == 1:
            return next(made)
        return BandedPlane((*self.shape, 1), dtype, made)

    def window(self, top: int, bottom: int) -> np.ndarray:
        """(bottom - top, W) int32."""
        starts = [first for first, _ in self.bands]
        begin = int(np.searchsorted(starts, top, "right")) - 1
        end = int(np.searchsorted(starts, bottom, "left"))
        parts = [self._unpack(n) for n in range(begin, end)]
        joined = parts[0] if len(parts) == 1 else np.concatenate(parts)
        return joined[top - starts[begin] : bottom - starts[begin]]

    def _unpack(self, n: int) -> np.ndarray:
        if self._last is None or self._last[0] != n:
            found = np.frombuffer(zlib.decompress(self.bands[n][1]), np.int32)
            found = found.reshape(-1, self.width)
            self._last = n, found if self.numbers is None else self.numbers[found]
        return self._last[1]

    def windows(self) -> Iterator[tuple[int, int, np.ndarray]]:
        """Every object once: the first row of a window, the number before those whose top is in
        it, and (h, W) int32 of these alone, counted from 1. Rows without a top are left out."""
        for top in range(0, self.height, ROWS):
            before, end = np.searchsorted(self.tops, [top, top + ROWS])
            if end > before:
                labels = self.window(top, int(self.bottoms[before:end].max()))
                mine = (labels > before) & (labels <= end)
                yield top, int(before), np.where(mine, labels - np.int32(before), 0)


def _boxes(plane: np.ndarray, first: int) -> np.ndarray:
    """(n, 6) int64: number, top, left, bottom, area, 1 if it touches the first or last column."""
    present = np.unique(plane)
    present = present[present > 0]
    if not len(present):
        return np.zeros((0, 6), np.int64)
    low = int(present[0]) - 1
    local = np.where(plane > 0, plane - low, 0)
    areas = np.bincount(local.ravel())
    touching = np.zeros(len(areas), np.int64)
    touching[local[:, 0]] = touching[local[:, -1]] = 1
    found = [
        (n + low, box[0].start + first, box[1].start, box[0].stop + first, areas[n], touching[n])
        for n, box in enumerate(ndimage.find_objects(local), 1)
        if box
    ]
    return np.array(found, np.int64).reshape(-1, 6)


def _roots(same: list[tuple[int, int]], count: int) -> np.ndarray:
    """For each number one that all have that are the same, (count,) int32."""
    parents = np.arange(count, dtype=np.int32)

    def root(n: int) -> int:
        while parents[n] != n:
            parents[n] = parents[parents[n]]
            n = int(parents[n])
        return n

    for a, b in same:
        parents[root(a)] = root(b)
    for n in {n for pair in same for n in pair}:
        parents[n] = root(n)
    return parents
