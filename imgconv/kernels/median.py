"""The median of 3 x 3 pixels: columns sorted once, then shared by three windows.

The median of nine is that of three numbers: the largest of the columns' smallest, the median of
their medians and the smallest of their largest (Devillard 1998 and others).
"""

from __future__ import annotations

from typing import Any

from .dialect import LANES, device, kernel, shift
from .layout import places
from .plane_layout import Plane
from .strips import fill_ends, inside
from .vectors import T, larger, loading, smaller, store

AT = places(Plane)


@device
def middle(one, other, third):
    return larger(smaller(one, other), smaller(larger(one, other), third))


def _median(source: str) -> Any:
    count = T if source == "f32" else 8 * LANES
    load = loading(count)

    @device
    def sorted_columns(above, here, below, low, mid, high, known):
        for m in range((known + count - 1) // count):
            p = min(m * count, known - count)
            one, other, third = load(above, p), load(here, p), load(below, p)
            least, most = smaller(one, other), larger(one, other)
            store(low, p, smaller(least, third))
            store(mid, p, larger(least, smaller(most, third)))
            store(high, p, larger(most, third))

    @device
    def medians(low, mid, high, target, C, strip):
        for m in range((strip + count - 1) // count):
            p = min(m * count, strip - count)
            q, r = p + C, p + 2 * C
            lows = larger(larger(load(low, p), load(low, q)), load(low, r))
            mids = middle(load(mid, p), load(mid, q), load(mid, r))
            highs = smaller(smaller(load(high, p), load(high, q)), load(high, r))
            store(target, p, middle(lows, mids, highs))

    @kernel(f"{source}* {source}* i64* i64* i64* {source}* {source}*")
    def median(image, out, sizes, rows, columns, fill, lines):
        """Windows of 3 x 3 pixels (see plane_layout.Plane). Scratch: three lines."""
        C, W, pad = sizes[AT.channels], sizes[AT.width], sizes[AT.pad]
        N, strip = sizes[AT.wide] * C, sizes[AT.strip]
        low, mid = lines, shift(lines, sizes[AT.line])
        high = shift(mid, sizes[AT.line])
        reach = strip + 2 * C
        for part in range((N + strip - 1) // strip):
            x = min(part * strip, N - strip)
            begin, end = inside(x, reach, pad, W, C)
            offset, first = begin - pad * C, begin - x
            for y in range(sizes[AT.begin], sizes[AT.end]):
                sorted_columns(
                    shift(image, rows[y] + offset), shift(image, rows[y + 1] + offset),
                    shift(image, rows[y + 2] + offset), shift(low, first), shift(mid, first),
                    shift(high, first), end - begin,
                )  # fmt: skip
                fill_ends(low, x, reach, begin, end, pad, columns, fill, C)
                fill_ends(mid, x, reach, begin, end, pad, columns, fill, C)
                fill_ends(high, x, reach, begin, end, pad, columns, fill, C)
                medians(low, mid, high, shift(out, y * N + x), C, strip)

    return median


def __getattr__(name: str) -> Any:
    """`u8`: by type."""
    if name not in ("u8", "u16", "f32"):
        raise AttributeError(name)
    return _median(name)
