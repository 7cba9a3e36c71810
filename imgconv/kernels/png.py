"""PNG row filters, chosen row by row (https://www.w3.org/TR/png-3/#9Filters).

H rows of N bytes; S bytes a pixel. With x a byte, a the one S to its left, b the one above x,
c the one above a (0 beyond the image), a filter keeps x minus its prediction, modulo 256:

    0 none: 0    1 sub: a    2 up: b    3 average: (a + b) // 2    4 paeth: of a, b, c the one
    nearest to a + b - c

The filter with the least sum of |kept byte as a signed number| wins, the standard's own advice.
"""

from __future__ import annotations

import numpy as np

from .dialect import device, kernel, shift


@device
def _paeth(a, b, c):
    to_a, to_b = np.int16(b - c), np.int16(a - c)
    to_c = abs(np.int16(to_a + to_b))
    to_a, to_b = abs(to_a), abs(to_b)
    return a if to_a <= to_b and to_a <= to_c else (b if to_b <= to_c else c)


@device
def _size(difference):
    return np.int32(abs(np.int16(np.int8(difference))))


@kernel("u8* u8* i64 i64 i64")
def filter_rows(rows, out, H, N, S):
    """rows (H + 1, S + N): zeros on the left, the row before the first on top.

    out (H, 1 + N): each row's filter number, then its kept bytes.
    """
    W = S + N
    for y in range(H):
        above, here = shift(rows, y * W), shift(rows, (y + 1) * W)
        line = shift(out, y * (N + 1))
        kept, x, b = shift(line, 1), shift(here, S), shift(above, S)
        none = sub = up = mean = paeth = np.int32(0)
        for k in range(N):
            X, A, B, C = np.int16(x[k]), np.int16(here[k]), np.int16(b[k]), np.int16(above[k])
            none += _size(X)
            sub += _size(X - A)
            up += _size(X - B)
            mean += _size(X - ((A + B) >> 1))
            paeth += _size(X - _paeth(A, B, C))
        least = min(none, sub, up, mean, paeth)
        if least == paeth:
            line[0] = 4
            for k in range(N):
                A, B, C = np.int16(here[k]), np.int16(b[k]), np.int16(above[k])
                kept[k] = x[k] - np.uint8(_paeth(A, B, C))
        elif least == mean:
            line[0] = 3
            for k in range(N):
                kept[k] = x[k] - np.uint8((np.int16(here[k]) + np.int16(b[k])) >> 1)
        elif least == none:
            line[0] = 0
            for k in range(N):
                kept[k] = x[k]
        else:
            line[0] = 1 if least == sub else 2
            guess = here if least == sub else b
            for k in range(N):
                kept[k] = x[k] - guess[k]


@kernel("u8* u8* u8* i64 i64 i64")
def restore_rows(kept, above, out, H, N, S):
    """What `filter_rows` kept (H, 1 + N), as the rows (H, N) that it was; above (N): the row before
    the first."""
    for y in range(H):
        line, x = shift(kept, y * (N + 1)), shift(out, y * N)
        kind, more = line[0], shift(line, 1)
        b = above if y == 0 else shift(out, (y - 1) * N)
        if kind == 2:
            for k in range(N):
                x[k] = more[k] + b[k]
        elif kind == 0:
            for k in range(N):
                x[k] = more[k]
        else:
            _restore(kind, more, b, x, N, S)


@device
def _restore(kind, kept, b, x, N, S):
    """A row of sub, average or paeth, whose pixels follow from those to their left."""
    for k in range(S):
        x[k] = kept[k] + (np.uint8(0) if kind == 1 else b[k] >> 1 if kind == 3 else b[k])
    a, right, up, moved = x, shift(x, S), shift(b, S), shift(kept, S)
    if kind == 1:
        for k in range(N - S):
            right[k] = moved[k] + a[k]
    elif kind == 3:
        for k in range(N - S):
            right[k] = moved[k] + np.uint8((np.int16(a[k]) + np.int16(up[k])) >> 1)
    else:
        for k in range(N - S):
            A, B, C = np.int16(a[k]), np.int16(up[k]), np.int16(b[k])
            right[k] = moved[k] + np.uint8(_paeth(A, B, C))
