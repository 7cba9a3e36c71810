"""Medians, largest and smallest values of the pixels around each pixel."""

from __future__ import annotations

import numpy as np

from imgconv import kernels, threads
from imgconv.kernels.column_layout import COLUMN, DIGITS, Columns
from imgconv.kernels.layout import pack
from imgconv.kernels.plane_layout import Histogram, Plane, Reals

from . import box, pool
from .borders import border_indices
from .box import WORDS
from .padded import NARROW, SLACK, pad, pad_by, strip_of, widen
from .strides import Windows

NEIGHBOURS, NETWORK = (3, 3), (5, 5)  # windows with kernels of their own
ROWS = 4  # of results, the fewest of kernels/neighbours.py
REGISTERS = 64  # bytes, of which one line's end in kernels/neighbours.py is a multiple
MANY = 30  # pixels, from which on a histogram is quicker than selection
TOGETHER = 1 << 18  # bytes of the histograms of columns that are at work: half a second-level cache


def slide(
    method: str,
    size: tuple[int, int],
    pixels: np.ndarray,
    border: str,
    fill: np.ndarray | None,
    out: np.ndarray,
) -> None:
    """Medians, largest or smallest values of pixels (H, W, C) into `out` (H, W, C), as Rank says.

    fill: (C,), what lies beyond a constant border, 0 if None.
    """
    if size == NEIGHBOURS:
        _neighbours(method, pixels, out, border, fill)
    elif method != "median":
        word = WORDS[pixels.dtype]
        box.run(f"{method}_{word}", pixels, out, size, border, fill, Reals(), (word, word, "f32"))
    elif size == NETWORK and pixels.shape[1] * pixels.shape[2] >= NARROW:
        _median_by_network(pixels, size, out, border, fill)
    elif pixels.dtype.kind == "u" and size[0] * size[1] > MANY:
        work = _median_by_columns if pixels.dtype == np.uint8 else _median_by_histogram
        work(_surrounded(pixels, size, border, fill), size, out)
    else:
        wide = _surrounded(pixels, size, border, fill)
        out[:] = pool.median(wide, Windows(size, (1, 1)))


def _neighbours(
    method: str, pixels: np.ndarray, out: np.ndarray, border: str, fill: np.ndarray | None
) -> None:
    """Of 3 x 3 pixels, read where they lie, but for the ends of the rows."""
    height, width, channels = pixels.shape
    plane, inner, columns = pixels, slice(width), border_indices(width, 3, border)
    if width < 8 or width * channels < NARROW or border == "wrap":
        plane, inner = widen(pixels, 3, border, fill)
        columns = border_indices(plane.shape[1], 3, "edge")
    rows = border_indices(height, 3, border)
    rows = np.append(rows, np.repeat(rows[-1:], max(ROWS - height, 0)))
    whole = plane is pixels and height >= ROWS
    into = out if whole else np.empty((rows.size - 2, *plane.shape[1:]), out.dtype)
    around = pad_by(plane, rows, columns, 1, border, fill)
    beyond = np.zeros(channels, pixels.dtype)
    beyond[:] = 0 if fill is None else fill
    step = REGISTERS // pixels.itemsize
    edge = -(-channels // step) * step
    facts = Plane(plane.shape[1], channels, plane.shape[1], 1, 3, 3, 1, 0, 0, edge, 0)

    def band(begin: int, end: int) -> None:
        kernels.ranks[method, WORDS[pixels.dtype]](
            plane, into, pack(facts._replace(begin=begin, end=end)), around.rows, around.columns,
            beyond, np.empty((ROWS + 2) * (edge + 2 * channels), pixels.dtype),
        )  # fmt: skip

    threads.run(band, into.shape[0], threads.rows_worthwhile(width * channels))
    if not whole:
        out[:] = into[:height, inner]


def _surrounded(
    pixels: np.ndarray, size: tuple[int, int], border: str, fill: np.ndarray | None
) -> np.ndarray:
    """(H + K - 1, W + L - 1, C): the plane within its border."""
    rows, columns = (border_indices(pixels.shape[a], size[a], border) for a in (0, 1))
    wide = np.ascontiguousarray(pixels[np.ix_(rows.clip(0), columns.clip(0))])
    beyond = 0 if fill is None else fill
    wide[rows < 0] = beyond
    wide[:, columns < 0] = beyond
    return wide


def _median_by_columns(wide: np.ndarray, size: tuple[int, int], out: np.ndarray) -> None:
    """Of bytes (H + K - 1, W + L - 1, C), the plane within its border."""
    K, L = size
    word, counts = ("u16", np.uint16) if K * L < 1 << 16 else ("i32", np.int32)
    strip = min(out.shape[1], max(TOGETHER // np.dtype(counts).itemsize // COLUMN - L + 1, L))
    facts = Columns(wide.shape[1], wide.shape[2], out.shape[1], K, L, 0, 0, strip)
    digits = np.arange(DIGITS)
    steps = (digits >= digits[:, None]).astype(counts)

    def band(begin: int, end: int) -> None:
        kernels.column_medians[word](
            wide, out, pack(facts._replace(begin=begin, end=end)), steps,
            np.empty((strip + L - 1) * COLUMN, counts), np.empty(DIGITS * DIGITS, counts),
            np.empty(DIGITS, np.int64),
        )  # fmt: skip

    threads.run(band, out.shape[0], smallest=2 * K)


def _median_by_histogram(wide: np.ndarray, size: tuple[int, int], out: np.ndarray) -> None:
    """Of integers (H + K - 1, W + L - 1, C), the plane within its border."""
    values = int(np.iinfo(wide.dtype).max) + 1
    bits = values.bit_length() // 2
    facts = Histogram(wide.shape[1], wide.shape[2], out.shape[1], *size, 0, 0, bits)

    def band(begin: int, end: int) -> None:
        kernels.histogram_medians[WORDS[wide.dtype]](
            wide, out, pack(facts._replace(begin=begin, end=end)), np.zeros(values, np.int32),
            np.zeros(values >> bits, np.int32),
        )  # fmt: skip

    threads.run(band, out.shape[0], smallest=4)


def _median_by_network(
    pixels: np.ndarray, size: tuple[int, int], out: np.ndarray, border: str, fill: np.ndarray | None
) -> None:
    height, width, channels = pixels.shape
    K, L = size
    around = pad(pixels, size, border, fill)
    strip = strip_of(around, width, channels, L - 1, 2 * K * pixels.itemsize)
    line = strip + (L - 1) * channels + SLACK
    beyond = np.zeros(channels, pixels.dtype)
    beyond[:] = 0 if fill is None else fill
    facts = Plane(width, channels, width, around.pad, K, L, 1, 0, 0, strip, line)

    def band(begin: int, end: int) -> None:
        kernels.medians[WORDS[pixels.dtype]](
            pixels, out, pack(facts._replace(begin=begin, end=end)), around.rows, around.columns,
            beyond, np.empty(K * line, pixels.dtype),
        )  # fmt: skip

    threads.run(band, height, threads.rows_worthwhile(width * channels))
