"""A page written as its rows come: tiles and strips, and the smaller images of a pyramid."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any, BinaryIO

import numpy as np

from imgconv.images.bands import in_bands_of

STRIP = 1 << 18  # bytes, as tifffile has them
BUFFER = 1 << 24  # bytes of tiles that are encoded at once
Arrange = Callable[[np.ndarray], np.ndarray]


def write_page(
    writer: Any,
    bands: Iterator[np.ndarray],
    arrange: Arrange,
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    page: dict[str, Any],
) -> None:
    """Rows (h, W, C) as a page of `shape`, (H, W) or (H, W, C).

    `arrange` makes rows of the page of them; `page` are the other arguments of tifffile's writer.
    """
    rows = map(arrange, bands)
    if page["tile"]:
        data: Iterator[Any] = _tiles(rows, page["tile"])
    elif page["compression"] is None:
        data = rows
    else:
        page = {**page, "rowsperstrip": _rows_of_strip(shape, dtype)}
        data = _strips(rows, page, dtype.newbyteorder(writer.tiff.byteorder))
    writer.write(data, shape=shape, dtype=dtype, buffersize=BUFFER, **page)


def _tiles(rows: Iterable[np.ndarray], tile: tuple[int, int]) -> Iterator[np.ndarray]:
    """(h, w[, C]) each; those at the edges are smaller, and tifffile fills them up."""
    for band in in_bands_of(rows, tile[0]):
        for x in range(0, band.shape[1], tile[1]):
            yield band[:, x : x + tile[1]]


def _rows_of_strip(shape: tuple[int, ...], dtype: np.dtype[Any]) -> int:
    row = int(np.prod(shape[1:])) * dtype.itemsize
    return max(1, min(shape[0], STRIP // row))


def _strips(
    rows: Iterable[np.ndarray], page: dict[str, Any], dtype: np.dtype[Any]
) -> Iterator[bytes]:
    """Encoded: tifffile takes rows of a page only as a whole, strips as they come."""
    import tifffile

    compress = tifffile.TIFF.COMPRESSORS[tifffile.COMPRESSION[page["compression"].upper()]]
    predict = tifffile.TIFF.PREDICTORS[page["predictor"] or 1]
    how = {"axis": -2} if page["compression"] == "packbits" else {}

    def encode(strip: np.ndarray) -> bytes:
        strip = np.ascontiguousarray(strip, dtype)
        strip = strip if strip.ndim == 3 else strip[..., None]
        if page["predictor"]:
            strip = predict(strip, axis=-2)
        return bytes(compress(strip, **how))

    with ThreadPoolExecutor(page["maxworkers"]) as pool:
        for band in in_bands_of(rows, 16 * page["rowsperstrip"]):
            yield from pool.map(encode, list(in_bands_of((band,), page["rowsperstrip"])))


class Pyramid:
    """The smaller images of a plane, made as its rows pass, kept in a file until it is written.

    sizes: (h, w) of each, from the largest on. A context manager.
    """

    def __init__(self, sizes: Iterable[tuple[int, int]], beside: BinaryIO) -> None:
        name = getattr(beside, "name", None)
        folder = os.path.dirname(name) if isinstance(name, str) else None  # noqa: PTH120
        self.sizes = list(sizes)
        self.opened = ExitStack()
        self.files = [
            self.opened.enter_context(tempfile.TemporaryFile(dir=folder or None))  # noqa: SIM115
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
        small = shrink(band, self.steps[level], width)[: height - self.done[level]]
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
