"""A page written as its rows come, in tiles or strips."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import chain
from typing import Any

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
    folder: str | None = None,
) -> None:
    """Rows (h, W, C) as a page of `shape`, (H, W) or (H, W, C).

    `arrange` makes rows of the page of them; `page` are the other arguments of tifffile's writer.
    Samples in planes of their own follow each other in the file: they are kept in files in
    `folder` until all are there.
    """
    rows = map(arrange, bands)
    if page["planarconfig"] == "separate":
        with Planes(rows, shape, dtype, folder) as planes:
            _write(writer, planes.each(), (shape[2], *shape[:2]), dtype, page)
    else:
        _write(writer, iter((rows,)), shape, dtype, page)


class Planes:
    """Rows (C, h, W) as planes of one sample, from a file. A context manager."""

    def __init__(
        self,
        rows: Iterable[np.ndarray],
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        folder: str | None,
    ) -> None:
        self.shape, self.dtype = shape, dtype
        self.files = [tempfile.TemporaryFile(dir=folder) for _ in range(shape[2])]  # noqa: SIM115
        try:
            for band in rows:
                for file, plane in zip(self.files, band, strict=True):
                    file.write(np.ascontiguousarray(plane).data)
        except BaseException:
            self.__exit__()
            raise

    def __enter__(self) -> Planes:
        return self

    def __exit__(self, *error: object) -> None:
        for file in self.files:
            file.close()

    def each(self) -> Iterator[Iterator[np.ndarray]]:
        """Each plane in bands of rows (h, W)."""
        return map(self._bands, self.files)

    def _bands(self, file: Any) -> Iterator[np.ndarray]:
        row = self.shape[1] * self.dtype.itemsize
        file.seek(0)
        while data := file.read(max(1, BUFFER // row) * row):
            yield np.frombuffer(data, self.dtype).reshape(-1, self.shape[1])


def _write(
    writer: Any,
    planes: Iterator[Iterator[np.ndarray]],
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    page: dict[str, Any],
) -> None:
    """Planes of rows (h, W) or (h, W, C), one after the other."""
    if page["contiguous"]:
        _fill(writer, chain.from_iterable(planes), shape, dtype, page)
        return
    if page["tile"]:
        cut: Callable[[Any], Iterator[Any]] = partial(_tiles, tile=page["tile"])
    elif page["compression"] is None:
        cut = iter
    else:
        one = shape[1:] if page["planarconfig"] == "separate" else shape
        page = {**page, "rowsperstrip": _rows_of_strip(one, dtype)}
        order = dtype.newbyteorder(writer.tiff.byteorder)
        cut = partial(_strips, page=page, dtype=order)
    data = chain.from_iterable(map(cut, planes))
    writer.write(data, shape=shape, dtype=dtype, buffersize=BUFFER, **page)


def _fill(
    writer: Any,
    rows: Iterable[np.ndarray],
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    page: dict[str, Any],
) -> None:
    """A page of a stack that lies in one piece: tifffile leaves room for it, and takes rows as
    they come for the first page alone."""
    place, _ = writer.write(None, shape=shape, dtype=dtype, returnoffset=True, **page)
    file = writer.filehandle
    file.seek(place)
    for band in rows:
        file.write(np.ascontiguousarray(band, dtype.newbyteorder(writer.tiff.byteorder)).data)
    file.seek(0, os.SEEK_END)


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
