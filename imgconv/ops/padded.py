"""A plane with its border, as kernels over rows and columns see it: nothing is copied."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .borders import border_indices

STRIP = 2**14  # numbers of a row at a time: long runs, which the processor fetches ahead
SCRATCH = 600_000  # bytes that lines and rows of a strip may take: about the second-level cache
NARROW = 256  # numbers of a row, below which a plane is widened for the kernels' vectors
CACHE_LINE = 64  # bytes
SLACK = 256  # numbers past its end that a kernel's vectors may touch, at most


@dataclass(frozen=True)
class Padded:
    """Where each padded row and column of a plane lies (see kernels/plane_layout.py).

    rows: int64, numbers from the plane's first; columns: int64, which pixel, -1 for `fill`.
    around: the constant row that rows beyond a constant border lie in.
    """

    rows: np.ndarray
    columns: np.ndarray
    pad: int  # padded columns before the plane's first
    around: np.ndarray
    whole: bool  # whether a line must hold a whole row, since its ends may name any pixel


def pad(
    pixels: np.ndarray, window: tuple[int, int], border: str, fill: np.ndarray | None = None
) -> Padded:
    """The plane (H, W, C) with a border for windows of K x L; fill: C values of a constant one."""
    height, width, _ = pixels.shape
    rows = border_indices(height, window[0], border)
    columns = border_indices(width, window[1], border)
    return pad_by(pixels, rows, columns, window[1] // 2, border, fill)


def pad_by(
    pixels: np.ndarray,
    rows: np.ndarray,
    columns: np.ndarray,
    pad: int,
    border: str,
    fill: np.ndarray | None = None,
) -> Padded:
    """The plane (H, W, C) by the indices of its padded rows and columns, -1 for a constant border.

    rows and columns: int64, (n,) each; pad: padded columns before the plane's first; fill: C
    values of the constant border, 0 if None.
    """
    _, width, channels = pixels.shape
    around = np.empty((width, channels), pixels.dtype)
    around[:] = 0 if fill is None else fill
    offsets = rows * (width * channels)
    if border == "constant":
        distance = _address(around) - _address(pixels)
        offsets[rows < 0] = distance // pixels.itemsize
    whole = border == "wrap" or 2 * pad >= width  # or the borders meet
    return Padded(offsets, columns, pad, around, whole)


def _address(array: np.ndarray) -> int:
    return array.__array_interface__["data"][0]


def strip_of(padded: Padded, wide: int, channels: int, reach: int, lines: int) -> int:
    """Numbers of a row at a time, whole pixels: few enough that `lines` of them stay in cache.

    wide: pixels of a row of results; reach: pixels more that it needs; lines: bytes of all
    scratch lines for each number.
    """
    if padded.whole:
        return wide * channels
    room = max(512, min(STRIP, SCRATCH // lines), 3 * reach * channels)
    pixels = min(wide, -(-room // channels))
    return -(-wide // -(-wide // pixels)) * channels


def whole_lines(count: int, dtype: np.dtype) -> int:
    """As many numbers as fill an odd number of cache lines: were it a power of two, lines one after
    the other would push each other out of the cache."""
    block = CACHE_LINE // dtype.itemsize
    return (-(-count // block) | 1) * block


def widen(
    pixels: np.ndarray, window: int, border: str, fill: np.ndarray | None
) -> tuple[np.ndarray, slice]:
    """(H, W + 2 n, C): a plane (H, W, C) with n padded columns on both sides; where its own lie.

    n is `window`, or NARROW where that is more. fill: (C,), as of `pad`.
    """
    more = max(window, NARROW)
    columns = border_indices(pixels.shape[1], 2 * more + 1, border)
    wide = np.ascontiguousarray(pixels[:, columns.clip(0)])
    wide[:, columns < 0] = 0 if fill is None else fill
    return wide, slice(more, more + pixels.shape[1])


def aligned(count: int, dtype: np.dtype, at: int = 0) -> np.ndarray:
    """(count,) numbers not set, of which number `at` begins a line of the processor's cache.

    A store that lies in two of its blocks takes twice as long.
    """
    block = CACHE_LINE // dtype.itemsize
    room = np.empty(count + block, dtype)
    first = -(_address(room) // dtype.itemsize + at) % block
    return room[first : first + count]
