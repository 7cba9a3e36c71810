"""Medians of windows of any size, of bytes, in constant time a pixel.

Every column of the window keeps a histogram of its own; from row to row a value goes out of it and
one comes in, and from pixel to pixel a column goes out of the window's and one comes in (Perreault
and Hebert 2007). A byte is two digits: counts are kept by the first, and for each first one by the
second; of the latter the window's are brought up to date only where the median lies. All counts
are sums from the digit 0 on, so that a digit is how many of 16 counts are too small.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from .column_layout import COLUMN, DIGITS, Columns
from .dialect import device, kernel, shift
from .layout import places
from .vectors import loading, spread_in, spreading, store

AT = places(Columns)
load = loading(DIGITS)


@intrinsic
def at_most(typing: Any, counts: Any, limit: Any) -> Any:
    """How many of the counts are not above `limit`."""

    def emit(context: Any, builder: Any, _: Any, values: Any) -> Any:
        numbers, wanted = values
        narrow = builder.trunc(wanted, numbers.type.element)
        held = builder.icmp_unsigned("<=", numbers, spread_in(builder, narrow, numbers.type))
        bits = builder.bitcast(held, ir.IntType(DIGITS))
        return builder.zext(builder.ctpop(bits), ir.IntType(64))

    return types.int64(counts, types.int64), emit


@intrinsic
def lane(typing: Any, counts: Any, index: Any) -> Any:
    """One of the counts."""

    def emit(context: Any, builder: Any, _: Any, values: Any) -> Any:
        return builder.zext(builder.extract_element(*values), ir.IntType(64))

    return types.int64(counts, types.int64), emit


@device
def come(columns, row, C, count, steps):
    """A value comes into each column; steps[16 v ...] counts from the digit v on."""
    for j in range(count):
        value = int(row[j * C])
        first, at = value >> 4, j * COLUMN
        digit = at + DIGITS * (1 + first)
        store(columns, at, load(columns, at) + load(steps, DIGITS * first))
        store(columns, digit, load(columns, digit) + load(steps, DIGITS * (value & 15)))


@device
def go(columns, row, C, count, steps):
    for j in range(count):
        value = int(row[j * C])
        first, at = value >> 4, j * COLUMN
        digit = at + DIGITS * (1 + first)
        store(columns, at, load(columns, at) - load(steps, DIGITS * first))
        store(columns, digit, load(columns, digit) - load(steps, DIGITS * (value & 15)))


@device
def second_digits(columns, window, seen, first, j, L, zeros):
    """The window's counts by second digit, of values whose first digit is `first`, for the columns
    from j on; `seen` says for which they were brought up to date last."""
    at = DIGITS * (1 + first)
    counts = zeros
    if 2 * (j - seen[first]) >= L:
        for i in range(j, j + L):
            counts = counts + load(columns, i * COLUMN + at)
    else:
        counts = load(window, DIGITS * first)
        for i in range(seen[first], j):
            gone = load(columns, i * COLUMN + at)
            counts = counts + load(columns, (i + L) * COLUMN + at) - gone
    store(window, DIGITS * first, counts)
    seen[first] = j
    return counts


@device
def ranked(columns, window, seen, counts, rank, j, L, zeros):
    """The value that `rank` others lie before, where `counts` are the window's by first digit."""
    first = at_most(counts, rank)
    below = 0
    if first > 0:
        below = lane(counts, first - 1)
    found = second_digits(columns, window, seen, first, j, L, zeros)
    return DIGITS * first + at_most(found, rank - below)


@device
def row_of_medians(columns, window, seen, target, C, K, L, across, zeros):
    """Of one row of windows, whose columns hold their values."""
    rank, upper = (K * L - 1) // 2, K * L // 2
    counts = zeros
    for j in range(L - 1):
        counts = counts + load(columns, j * COLUMN)
    for digit in range(DIGITS):
        seen[digit] = -L
    for j in range(across):
        counts = counts + load(columns, (j + L - 1) * COLUMN)
        value = ranked(columns, window, seen, counts, rank, j, L, zeros)
        if upper > rank:
            total = value + ranked(columns, window, seen, counts, upper, j, L, zeros)
            value = (total + (total // 2) % 2) // 2
        target[j * C] = value
        counts = counts - load(columns, j * COLUMN)


def _median(count: str) -> Any:
    spread = spreading(count, DIGITS)

    @kernel(f"u8* u8* i64* {count}* {count}* {count}* i64*")
    def median(image, out, sizes, steps, columns, window, seen):
        """Windows of K x L pixels of an image that has its border; see column_layout.

        columns: room for strip + L - 1 of them; window: 256 counts; seen: 16 numbers. The median
        of an even number is the mean of the middle two, rounded half to even.
        """
        C, K, L = sizes[AT.channels], sizes[AT.K], sizes[AT.L]
        step, wide, begin = sizes[AT.width] * C, sizes[AT.wide], sizes[AT.begin]
        zeros = spread(0)
        left = 0
        while left < wide:  # a range with a step would be checked for 0
            across = min(sizes[AT.strip], wide - left)
            read = across + L - 1
            for c in range(C):
                corner = shift(image, left * C + c)
                for at in range(0, read * COLUMN, DIGITS):
                    store(columns, at, zeros)
                for y in range(begin, begin + K - 1):
                    come(columns, shift(corner, y * step), C, read, steps)
                for y in range(begin, sizes[AT.end]):
                    come(columns, shift(corner, (y + K - 1) * step), C, read, steps)
                    target = shift(out, (y * wide + left) * C + c)
                    row_of_medians(columns, window, seen, target, C, K, L, across, zeros)
                    go(columns, shift(corner, y * step), C, read, steps)
            left += across

    return median


def __getattr__(name: str) -> Any:
    """`u16`: by the type of the counts, which hold K L."""
    if name not in ("u16", "i32"):
        raise AttributeError(name)
    return _median(name)
