"""Planes as bands of rows, from top to bottom, for images that are larger than memory should be."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from .image import Image

if TYPE_CHECKING:
    from concurrent.futures import Future

LARGE = 64 << 20  # bytes of a plane, from which on it is worth it
BAND = 8 << 20  # bytes of a band, about
T = TypeVar("T")
END: Any = object()


@dataclass(frozen=True, eq=False)
class BandedPlane:
    """A plane (H, W, C) that is not there as a whole: its bands come once."""

    shape: tuple[int, int, int]
    dtype: np.dtype[Any]
    bands: Iterator[np.ndarray]  # (h, W, C) each

    @property
    def likeness(self) -> np.ndarray:
        """Zeros of its shape and type that take no memory."""
        return np.broadcast_to(np.zeros((), self.dtype), self.shape)


Plane = np.ndarray | BandedPlane


def likeness_of(plane: Plane) -> np.ndarray:
    """An array of the plane's shape and type."""
    return plane.likeness if isinstance(plane, BandedPlane) else plane


def bands_of(plane: Plane) -> Iterator[np.ndarray]:
    """The plane's rows (h, W, C), from top to bottom."""
    return plane.bands if isinstance(plane, BandedPlane) else iter((plane,))


def whole_of(plane: Plane) -> np.ndarray:
    """The plane (H, W, C) as an array."""
    return plane if isinstance(plane, np.ndarray) else np.concatenate(list(plane.bands))


def in_bands_of(bands: Iterable[np.ndarray], rows: int) -> Iterator[np.ndarray]:
    """The same rows in bands of so many; the last one has the rest."""
    held: deque[np.ndarray] = deque()
    count = 0
    for band in bands:
        held.append(band)
        count += len(band)
        while count >= rows:
            yield _take(held, rows)
            count -= rows
    if count:
        yield _take(held, count)


def _take(held: deque[np.ndarray], rows: int) -> np.ndarray:
    """The first rows of bands, which are taken out; a copy only of what comes from several."""
    parts = []
    while rows:
        first = held.popleft()
        parts.append(first[:rows])
        if len(first) > rows:
            held.appendleft(first[rows:])
        rows -= len(parts[-1])
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _thread(name: str) -> Any:
    """An executor of one thread; few images need one."""
    from concurrent.futures import ThreadPoolExecutor

    return ThreadPoolExecutor(1, f"imgconv-{name}")


def ahead(items: Iterator[T]) -> Iterator[T]:
    """The same, the next one made while this one is used."""
    with _thread("ahead") as pool:
        future = pool.submit(next, items, END)
        while (item := future.result()) is not END:
            future = pool.submit(next, items, END)
            yield item


class RowReader:
    """Rows of a plane of an image that has regions, from top to bottom.

    What is stored together is decoded once, and read ahead while the caller works. A context
    manager.
    """

    def __init__(self, image: Image, plane: int) -> None:
        self.image, self.plane, self.height = image, plane, image.info.height
        row = image.info.width * image.info.channels * image.info.dtype.itemsize
        together = image.rows_together()
        self.step = max(1, BAND // row // together) * together
        self.held: deque[tuple[int, np.ndarray]] = deque()
        self.next = 0  # row
        self.reader = _thread("read")
        self.coming: Future[np.ndarray] | None = None

    def __enter__(self) -> RowReader:
        return self

    def __exit__(self, *error: object) -> None:
        self.reader.shutdown(wait=True, cancel_futures=True)

    def rows(self, top: int, bottom: int) -> np.ndarray:
        """(bottom - top, W, C); neither of them may be smaller than before.

        Above row 0 and below the last one lie those of the other end.
        """
        if top < 0 or bottom > self.height:
            parts = [
                self._apart(top + self.height, self.height) if top < 0 else None,
                self._held(max(top, 0), min(bottom, self.height)),
                self._apart(0, bottom - self.height) if bottom > self.height else None,
            ]
            return np.concatenate([part for part in parts if part is not None])
        return self._held(top, bottom)

    def _apart(self, top: int, bottom: int) -> np.ndarray:
        return self.reader.submit(self._read, top, bottom).result()

    def _read(self, top: int, bottom: int) -> np.ndarray:
        columns = slice(0, self.image.info.width)
        return self.image.region(slice(top, bottom), columns, self.plane)

    def _held(self, top: int, bottom: int) -> np.ndarray:
        while self.next < bottom:
            self._take_next()
        while self.held and self.held[0][0] + len(self.held[0][1]) <= top:
            self.held.popleft()
        parts = [
            rows[max(0, top - first) : bottom - first]
            for first, rows in self.held
            if first < bottom
        ]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _take_next(self) -> None:
        coming = self.coming or self._begin(self.next)
        rows = coming.result()
        self.held.append((self.next, rows))
        self.next += len(rows)
        self.coming = self._begin(self.next) if self.next < self.height else None

    def _begin(self, top: int) -> Future[np.ndarray]:
        return self.reader.submit(self._read, top, min(top + self.step, self.height))
