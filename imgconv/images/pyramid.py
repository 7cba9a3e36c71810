"""The smaller images of a plane, made as its rows pass."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack

import numpy as np

Shrink = Callable[[np.ndarray, tuple[int, int], int], np.ndarray]


class Pyramid:
    """The smaller images of a plane, made as its rows pass, kept in a file until it is written.

    sizes: (h, w) of each, from the largest on. A context manager.
    """

    def __init__(
        self,
        sizes: Iterable[tuple[int, int]],
        folder: str | None,
        smaller: Shrink | None = None,
    ) -> None:
        """`folder` is where there is room for a third of the image; None is the system's own.
        `smaller` makes rows of an image from those of the one above: `shrink`, or `pick`."""
        self.smaller = smaller or shrink
        self.sizes = list(sizes)
        self.opened = ExitStack()
        self.files = [
            self.opened.enter_context(tempfile.TemporaryFile(dir=folder))  # noqa: SIM115
            for _ in self.sizes
        ]
        self.left: list[np.ndarray | None] = [None for _ in self.sizes]
        self.done = [0 for _ in self.sizes]  # rows

    def __enter__(self) -> Pyramid:
        return self

    def __exit__(self, *error: object) -> None:
        self.opened.close()

    def watch(self, bands: Iterator[np.ndarray], height: int, width: int) -> Iterator[np.ndarray]:
        """The same rows (h, W, C), of which there are `height`."""
        self.steps = steps((height, width), self.sizes)
        for band in bands:
            self.shape, self.dtype = band.shape[2:], band.dtype
            self._add(0, band)
            yield band
        for level in range(len(self.sizes)):
            self._end(level)

    def _add(self, level: int, band: np.ndarray) -> None:
        """Rows of the image above a level."""
        if level == len(self.sizes):
            return
        left = self.left[level]
        band = band if left is None else np.concatenate([left, band])
        step = self.steps[level]
        whole = len(band) // step[0] * step[0]
        self.left[level] = band[whole:].copy() if whole < len(band) else None
        if whole:
            self._keep(level, band[:whole])

    def _end(self, level: int) -> None:
        left = self.left[level]
        if left is not None:
            self.left[level] = None
            self._keep(level, left)

    def _keep(self, level: int, band: np.ndarray) -> None:
        height, width = self.sizes[level]
        small = self.smaller(band, self.steps[level], width)[: height - self.done[level]]
        self.done[level] += len(small)
        self.files[level].write(small.tobytes())
        self._add(level + 1, small)

    def bands(self, level: int, rows: int) -> Iterator[np.ndarray]:
        """(h, w, C) of one of them, in bands of `rows`."""
        height, width = self.sizes[level]
        file, shape = self.files[level], (width, *self.shape)
        size = int(np.prod(shape)) * self.dtype.itemsize
        file.seek(0)
        for y in range(0, height, rows):
            count = min(rows, height - y)
            yield np.frombuffer(file.read(count * size), self.dtype).reshape(count, *shape)


def level_sizes(
    shape: tuple[int, int], former: tuple[int, int], levels: Iterable[tuple[int, int]]
) -> list[tuple[int, int]]:
    """Those of an image (H, W) in place of the `former` one, which had `levels`."""
    found, above = [], shape
    for level in levels:
        wanted = tuple(
            max(1, (n * part + whole // 2) // whole)
            for n, part, whole in zip(shape, level, former, strict=True)
        )
        step = [max(1, round(a / n)) for a, n in zip(above, wanted, strict=True)]
        size = tuple(min(n, -(-a // s)) for n, a, s in zip(wanted, above, step, strict=True))
        if size == above:
            break
        found.append((size[0], size[1]))
        above = (size[0], size[1])
    return found


def steps(shape: tuple[int, int], sizes: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Rows and columns of the image above that become one, for each."""
    found, above = [], shape
    for size in sizes:
        found.append((max(1, round(above[0] / size[0])), max(1, round(above[1] / size[1]))))
        above = size
    return found


def pick(band: np.ndarray, step: tuple[int, int], width: int) -> np.ndarray:
    """The same of numbers that have no mean, as labels: of each block the first pixel."""
    return band[:: step[0], :: step[1]][:, :width]


def shrink(band: np.ndarray, step: tuple[int, int], width: int) -> np.ndarray:
    """(ceil(h / step), width, C) of rows (h, W, C): means, the last ones of what is there."""
    down, across = step
    missing = -len(band) % down, max(0, width * across - band.shape[1])
    if any(missing):
        band = np.pad(band, ((0, missing[0]), (0, missing[1]), (0, 0)), mode="edge")
    band = band[:, : width * across]
    blocks = band.reshape(len(band) // down, down, width, across, band.shape[2])
    if band.dtype.kind == "f":
        return np.asarray(blocks.mean(axis=(1, 3)), band.dtype)
    sums = blocks.sum(axis=(1, 3), dtype=np.uint32)
    count = down * across
    return ((sums + count // 2) // count).astype(band.dtype)
