"""The largest, the smallest or the middle of 3 x 3 pixels, read where they lie.

Three neighbours of a row are put in order once, and serve the three results above, beside and
below; four rows of results at a time need six of the image, whose pixels never leave the
registers. Two neighbouring rows of results share what the two rows between them give.

The median: sort each row of a window, then its columns: both stay sorted, and the median of
nine is that of three, the largest of the least, the middle one of the middle, the least of the
largest (Devillard 1998).
"""

from __future__ import annotations

from typing import Any

from .dialect import LANES, device, kernel, shift
from .layout import places
from .pixels import ELEMENTS
from .plane_layout import Plane
from .vectors import (
    greater,
    larger,
    lesser,
    loading,
    product_sum,
    smaller,
    spreading,
    store,
)

AT = places(Plane)
ROWS = 4  # of results at a time
REGISTER = 4 * LANES  # bytes


def _extreme(better: Any, load: Any) -> tuple[Any, Any, Any]:
    """across, both, result: of a row, of two such, and with a third, where `better` is larger."""

    @device
    def across(row, p, C):
        return better(better(load(row, p - C), load(row, p)), load(row, p + C))

    return across, better, better


def _middle(low: Any, high: Any, load: Any) -> tuple[Any, Any, Any]:
    """across, both, result: three in order, what two rows of such give, and with a third."""

    @device
    def across(row, p, C):
        before, after, here = load(row, p - C), load(row, p), load(row, p + C)
        least, most = low(before, after), high(before, after)
        return low(least, here), high(least, low(most, here)), high(most, here)

    @device
    def both(one, other):
        return (high(one[0], other[0]), low(one[1], other[1]), high(one[1], other[1]),
                low(one[2], other[2]))  # fmt: skip

    @device
    def result(pair, third):
        lows, highs = high(pair[0], third[0]), low(pair[3], third[2])
        middle = high(pair[1], low(pair[2], third[1]))
        return high(low(lows, middle), low(high(lows, middle), highs))

    return across, both, result


def _four_rows(parts: tuple[Any, Any, Any], load: Any, count: int, real: bool) -> Any:
    """four: numbers begin <= p < end of four rows of results."""
    across, both, result = parts
    spread = spreading("f32", count)

    @device
    def four(a, b, c, d, e, f, out, N, begin, end, C, sums):
        """a ... f: rows of pixels; number p of results lies at theirs. N: from row to row of them.

        sums: of 0 times the pixels met, if real: not 0 where one is infinite or NaN.
        """
        zero = spread(0.0)
        for m in range((end - begin + count - 1) // count):
            p = min(begin + m * count, end - count)
            if real:
                sums = product_sum(load(a, p), zero, product_sum(load(b, p), zero, sums))
                sums = product_sum(load(c, p), zero, product_sum(load(d, p), zero, sums))
                sums = product_sum(load(e, p), zero, product_sum(load(f, p), zero, sums))
            second, third, fourth = across(b, p, C), across(c, p, C), across(d, p, C)
            pair = both(second, third)
            store(out, p, result(pair, across(a, p, C)))
            store(out, N + p, result(pair, fourth))
            fifth = across(e, p, C)
            pair = both(fourth, fifth)
            store(out, 2 * N + p, result(pair, third))
            store(out, 3 * N + p, result(pair, across(f, p, C)))
        return sums

    return four


def _ends(load: Any, count: int) -> Any:
    """ends: a row's first or last numbers with the border's pixel beside them."""

    @device
    def ends(row, line, last, N, edge, C, pixel, fill):
        """line = the first `edge` numbers, or the last, between C others on both sides."""
        known = edge + C
        here = shift(line, 0 if last else C)
        there = shift(row, N - known if last else 0)
        for m in range((known + count - 1) // count):
            p = min(m * count, known - count)
            store(here, p, load(there, p))
        beyond = shift(line, known if last else 0)
        for c in range(C):
            beyond[c] = fill[c] if pixel < 0 else row[pixel * C + c]

    return ends


def _rank(method: str, source: str) -> Any:
    """The kernel of a method and a type."""
    real, count = source == "f32", 8 * REGISTER // ELEMENTS[source].bitwidth
    load, spread = loading(count), spreading("f32", count)
    quick, careful = (greater, lesser), (larger, smaller)
    if method == "median":
        parts, slow = _middle(lesser, greater, load), _middle(smaller, larger, load)
    else:
        which = 0 if method == "max" else 1
        parts, slow = _extreme(quick[which], load), _extreme(careful[which], load)
    four, four_carefully = (_four_rows(one, load, count, real) for one in (parts, slow))
    ends = _ends(load, count)

    @device
    def through(four, image, out, y, rows, columns, fill, lines, N, C, edge):
        """Four rows of results from y on. Returns sums as `four` does."""
        W, room, sums = N // C, edge + 2 * C, spread(0.0)
        a, b = shift(image, rows[y]), shift(image, rows[y + 1])
        c, d = shift(image, rows[y + 2]), shift(image, rows[y + 3])
        e, f = shift(image, rows[y + 4]), shift(image, rows[y + 5])
        for side in range(2):
            x, pixel = side * (N - edge), columns[side * (W + 1)]
            for k in range(ROWS + 2):
                row = shift(image, rows[y + k])
                ends(row, shift(lines, k * room), side == 1, N, edge, C, pixel, fill)
            line = shift(lines, C - x)
            sums = four(line, shift(line, room), shift(line, 2 * room), shift(line, 3 * room),
                        shift(line, 4 * room), shift(line, 5 * room), out, N, x, x + edge, C,
                        sums)  # fmt: skip
        return four(a, b, c, d, e, f, out, N, edge, N - edge, C, sums)

    @kernel(f"{source}* {source}* i64* i64* i64* {source}* {source}*")
    def rank(image, out, sizes, rows, columns, fill, lines):
        """Windows of 3 x 3 pixels (see plane_layout.Plane), at least ROWS rows of results.

        Of a row's numbers the first and the last `strip`, C or more, are done with the border.
        Scratch: ROWS + 2 lines of strip + 2 C numbers. Rows that hold what is not finite are
        compared with care: NaN makes its windows NaN.
        """
        C, edge = sizes[AT.channels], sizes[AT.strip]
        N, begin, end = sizes[AT.width] * C, sizes[AT.begin], sizes[AT.end]
        for group in range((end - begin + ROWS - 1) // ROWS):
            y = max(min(begin + group * ROWS, end - ROWS), 0)
            target = shift(out, y * N)
            sums = through(four, image, target, y, rows, columns, fill, lines, N, C, edge)
            if real:
                store(lines, 0, sums)
                odd = False
                for p in range(count):
                    odd = odd or lines[p] != 0
                if odd:
                    through(four_carefully, image, target, y, rows, columns, fill, lines, N, C,
                            edge)  # fmt: skip

    return rank


def __getattr__(name: str) -> Any:
    """`median_u8`, `max_f32`: by method and type."""
    method, _, word = name.partition("_")
    if method not in ("max", "min", "median") or word not in ("u8", "u16", "f32"):
        raise AttributeError(name)
    return _rank(method, word)
