"""PNG row filters, chosen row by row (https://www.w3.org/TR/png-3/#9Filters).

H rows of N bytes; S bytes a pixel. With x a byte, a the one S to its left, b the one above x,
c the one above a (0 beyond the image), a filter keeps x minus its prediction, modulo 256:

    0 none: 0    1 sub: a    2 up: b    3 average: (a + b) // 2    4 paeth: of a, b, c the one
    nearest to a + b - c

The filter with the least sum of |kept byte as a signed number| wins, the standard's own advice.
"""

from __future__ import annotations

import numpy as np
from numba import carray

from .dialect import device, kernel


@device
def _average(a, b):
    return np.uint8((np.int16(a) + np.int16(b)) >> 1)


@device
def _paeth(a, b, c):
    to_a = np.int16(np.int16(b) - np.int16(c))
    to_b = np.int16(np.int16(a) - np.int16(c))
    to_c = np.int16(to_a + to_b)
    to_a = max(to_a, np.int16(-to_a))
    to_b = max(to_b, np.int16(-to_b))
    to_c = max(to_c, np.int16(-to_c))
    return np.uint8(a if to_a <= to_b and to_a <= to_c else (b if to_b <= to_c else c))


@device
def _size(byte):
    return np.int32(min(np.uint8(byte), np.uint8(-byte)))


@device
def _best(x, a, b, c):
    """The number of the filter with the least sum."""
    none, sub, up = np.int32(0), np.int32(0), np.int32(0)
    average, paeth = np.int32(0), np.int32(0)
    for k in range(x.size):
        none += _size(x[k])
        sub += _size(np.uint8(x[k] - a[k]))
        up += _size(np.uint8(x[k] - b[k]))
        average += _size(np.uint8(x[k] - _average(a[k], b[k])))
        paeth += _size(np.uint8(x[k] - _paeth(a[k], b[k], c[k])))
    least = min(min(min(none, sub), min(up, average)), paeth)
    if least == none:
        return 0
    if least == sub:
        return 1
    if least == up:
        return 2
    return 3 if least == average else 4


@device
def _apply(best, x, a, b, c, out):
    n = out.size
    if best == 0:
        for k in range(n):
            out[k] = x[k]
    elif best == 1:
        for k in range(n):
            out[k] = x[k] - a[k]
    elif best == 2:
        for k in range(n):
            out[k] = x[k] - b[k]
    elif best == 3:
        for k in range(n):
            out[k] = x[k] - _average(a[k], b[k])
    else:
        for k in range(n):
            out[k] = x[k] - _paeth(a[k], b[k], c[k])


@device
def _filter(row, up, line, S):
    """One row into line: the number of its best filter, then its kept bytes."""
    best = _best(row[S:], row, up[S:], up)
    line[0] = best
    kept = line[1:]
    for k in range(S):  # the first pixel has nothing to its left: a = c = 0
        prediction = up[k] if best == 2 or best == 4 else np.uint8(0)
        if best == 3:
            prediction = np.uint8(up[k] >> 1)
        kept[k] = row[k] - prediction
    _apply(best, row[S:], row, up[S:], up, kept[S:])


@kernel("u8* u8* u8* i64 i64 i64")
def filter_rows(above, rows, out, H, N, S):
    """above (N), the row before the first; rows (H, N); out (H, N + 1), filter number first."""
    image = carray(rows, H * N)
    lines = carray(out, H * (N + 1))
    _filter(image[:N], carray(above, N), lines[: N + 1], S)
    for y in range(1, H):
        line = lines[y * (N + 1) : (y + 1) * (N + 1)]
        _filter(image[y * N : (y + 1) * N], image[(y - 1) * N : y * N], line, S)
