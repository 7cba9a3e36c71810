"""The median of 5 x 5 pixels: columns sorted once, then shared by all windows.

Sort the columns of a window, then its rows: both stay sorted. Then the median is that of three
numbers: the largest of the diagonal before the middle one, the median of the middle one, and
the smallest of the one after. For an entry of the first, (i, j) with i + j = 3, has a greater
partner in the diagonal i + j = 4, that one in i + j = 5; so all but the largest of the first,
all but the middle of the second and all but the smallest of the third have more than twelve on
one side of them. (3 x 3: neighbours.py.)
"""

from __future__ import annotations

from typing import Any

from .dialect import LANES, device, kernel, shift
from .layout import places
from .plane_layout import Plane
from .strips import fill_ends, finite, inside
from .vectors import T, greater, larger, lesser, loading, smaller, store

AT = places(Plane)
S = 5  # rows and columns of a window


def _of_three(low: Any, high: Any) -> Any:
    """middle: the median of three vectors."""

    @device
    def middle(one, other, third):
        return high(low(one, other), low(high(one, other), third))

    return middle


def _parts(low: Any, high: Any, load: Any, count: int) -> tuple[Any, Any]:
    """sort_columns and medians, by what finds the lesser and the greater."""
    middle = _of_three(low, high)

    @device
    def sorted_five(a, b, c, d, e):
        """The five in order, by nine exchanges; what is not used is not computed."""
        a, b = low(a, b), high(a, b)
        d, e = low(d, e), high(d, e)
        c, e = low(c, e), high(c, e)
        c, d = low(c, d), high(c, d)
        b, e = low(b, e), high(b, e)
        a, d = low(a, d), high(a, d)
        a, c = low(a, c), high(a, c)
        b, d = low(b, d), high(b, d)
        b, c = low(b, c), high(b, c)
        return a, b, c, d, e

    @device
    def sorted_row(line, C):
        return sorted_five(load(line, 0), load(line, C), load(line, 2 * C), load(line, 3 * C),
                           load(line, 4 * C))  # fmt: skip

    @device
    def sort_columns(image, rows, y, offset, lines, length, known):
        """lines[r][p]: of the column of five pixels at p the one of rank r."""
        for m in range((known + count - 1) // count):
            p = min(m * count, known - count)
            a, b, c, d, e = sorted_five(
                load(image, rows[y] + offset + p), load(image, rows[y + 1] + offset + p),
                load(image, rows[y + 2] + offset + p), load(image, rows[y + 3] + offset + p),
                load(image, rows[y + 4] + offset + p),
            )  # fmt: skip
            store(lines, p, a)
            store(lines, length + p, b)
            store(lines, 2 * length + p, c)
            store(lines, 3 * length + p, d)
            store(lines, 4 * length + p, e)

    @device
    def medians(lines, length, target, C, strip):
        for m in range((strip + count - 1) // count):
            p = min(m * count, strip - count)
            line = shift(lines, p)
            _, _, _, a3, a4 = sorted_row(line, C)
            _, _, b2, b3, b4 = sorted_row(shift(line, length), C)
            _, c1, c2, c3, _ = sorted_row(shift(line, 2 * length), C)
            d0, d1, d2, _, _ = sorted_row(shift(line, 3 * length), C)
            e0, e1, _, _, _ = sorted_row(shift(line, 4 * length), C)
            before = high(high(a3, b2), high(c1, d0))
            _, _, same, _, _ = sorted_five(a4, b3, c2, d1, e0)
            after = low(low(b4, c3), low(d2, e1))
            store(target, p, middle(before, same, after))

    return sort_columns, medians


def _median(source: str) -> Any:
    count, real = T if source == "f32" else 8 * LANES, source == "f32"
    load = loading(count)
    sort_columns, medians = _parts(lesser, greater, load, count)
    sort_carefully, medians_carefully = _parts(smaller, larger, load, count)

    @kernel(f"{source}* {source}* i64* i64* i64* {source}* {source}*")
    def median(image, out, sizes, rows, columns, fill, lines):
        """Windows of 5 x 5 pixels (see plane_layout.Plane). Scratch: S lines.

        Rows that hold what is not finite are compared with care: NaN makes its windows NaN.
        """
        C, W, pad, length = sizes[AT.channels], sizes[AT.width], sizes[AT.pad], sizes[AT.line]
        N, strip = sizes[AT.wide] * C, sizes[AT.strip]
        reach, begin = strip + (S - 1) * C, sizes[AT.begin]
        for part in range((N + strip - 1) // strip):
            x = min(part * strip, N - strip)
            low, high = inside(x, reach, pad, W, C)
            offset, first, known, odd = low - pad * C, low - x, high - low, -1
            for y in range(begin, sizes[AT.end]):
                if real:
                    for k in range(0 if y == begin else S - 1, S):
                        if not finite(shift(image, rows[y + k] + offset), lines, known):
                            odd = y + k
                here, target = shift(lines, first), shift(out, y * N + x)
                if real and odd >= y:
                    sort_carefully(image, rows, y, offset, here, length, known)
                else:
                    sort_columns(image, rows, y, offset, here, length, known)
                for r in range(S):
                    line = shift(lines, r * length)
                    fill_ends(line, x, reach, low, high, pad, columns, fill, C)
                if real and odd >= y:
                    medians_carefully(lines, length, target, C, strip)
                else:
                    medians(lines, length, target, C, strip)

    return median


def __getattr__(name: str) -> Any:
    """`u8`: by type."""
    if name not in ("u8", "u16", "f32"):
        raise AttributeError(name)
    return _median(name)
