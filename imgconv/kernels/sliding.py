"""Maxima, minima and sums of windows of any size, in nearly constant time a pixel.

Down the rows by prefixes and suffixes of blocks of K rows
(van Herk 1992, Gil and Werman 1993): a window that begins in one block and ends in the next is
the join of a suffix of the first and a prefix of the second, three joins a number whatever K.
Nothing is ever subtracted, so that NaN and infinity stay within their windows. Along a row by
doubling: windows of 2, 4, 8, ... pixels are each the join of two of the last; L pixels are the
join of those that L's binary digits name, or of two overlapping ones where overlap does not
matter.

A line is worked on T numbers at a time, the last of them again where its length is no multiple:
all loops write elsewhere than they read.
"""

from __future__ import annotations

import math
from typing import Any

from .dialect import LANES, device, kernel, shift
from .layout import places
from .pixels import ELEMENTS
from .plane_layout import Plane
from .strips import fill_ends, finishing, inside
from .vectors import T, converting, larger, load, loading, smaller, spreading, store

AT = places(Plane)
DIRECT = 6  # rows up to which joining them anew for every row of results is as fast


@device
def total(one, other):
    return one + other


JOINS = {"max": larger, "min": smaller, "tree": total}


def identity(method: str, word: str) -> float:
    """What changes no join."""
    lowest, highest = (
        (-math.inf, math.inf) if word[0] == "f" else (0, 2 ** ELEMENTS[word].bitwidth - 1)
    )
    return {"tree": 0, "max": lowest, "min": highest}[method]


def down(join: Any, column: str, nothing: float, count: int) -> tuple[Any, Any, Any, Any]:
    """direct; suffixes, empty and prefix: joins of K rows, and the two halves of such."""
    wide, spread = converting(column), spreading(column, count)
    neutral, load, T = ELEMENTS[column](nothing), loading(count), count

    @device
    def direct(image, rows, first, offset, line, K, known):
        """line[p] = the join of K rows."""
        above, below = (
            shift(image, rows[first] + offset),
            shift(image, rows[first + K - 1] + offset),
        )
        middle = shift(image, rows[first + K // 2] + offset)
        for m in range((known + T - 1) // T):
            p = min(m * T, known - T)
            value = wide(load(above, p))
            if K == 3:
                value = join(join(value, wide(load(middle, p))), wide(load(below, p)))
            else:
                for k in range(1, K):
                    value = join(value, wide(load(shift(image, rows[first + k] + offset), p)))
            store(line, p, value)

    @device
    def suffixes(image, rows, first, offset, lines, K, known, length):
        """lines[k] = the join of rows first + k to first + K - 1, from number `offset` on."""
        for i in range(K):
            k = K - 1 - i
            row = shift(image, rows[first + k] + offset)
            above, below = shift(lines, k * length), shift(lines, (k + 1) * length)
            for m in range((known + T - 1) // T):
                p = min(m * T, known - T)
                value = wide(load(row, p))
                if i > 0:
                    value = join(value, load(below, p))
                store(above, p, value)

    @device
    def empty(line, known):
        for m in range((known + T - 1) // T):
            store(line, m * T, spread(neutral))

    @device
    def prefix(row, before, after, suffix, both, known):
        """after: the join of the next block's rows up to `row`; both: with the suffix."""
        for m in range((known + T - 1) // T):
            p = min(m * T, known - T)
            value = join(load(before, p), wide(load(row, p)))
            store(after, p, value)
            store(both, p, join(value, load(suffix, p)))

    return direct, suffixes, empty, prefix


def _doubled(join: Any, T: int) -> Any:
    """doubled: other[p] = line[p] joined with line[p + distance], for p < count."""
    load = loading(T)

    @device
    def doubled(line, other, distance, count):
        for m in range((count + T - 1) // T):
            p = min(m * T, count - T)
            store(other, p, join(load(line, p), load(line, p + distance)))

    return doubled


def _extreme_across(join: Any, count: int) -> Any:
    """across: maxima of L pixels of a line, that of two windows of a power of two."""
    doubled, load, T = _doubled(join, count), loading(count), count

    @device
    def across(column_line, lines, offsets, target, L, count, length, C, reals):
        if L == 3:
            for m in range((count + T - 1) // T):
                p = min(m * T, count - T)
                value = join(load(column_line, p), load(column_line, p + C))
                store(target, p, join(value, load(column_line, p + 2 * C)))
            return
        size, room = 1, count + (L - 1) * C
        line, other, spare = column_line, lines, shift(lines, length)
        while 2 * size <= L:
            room -= size * C
            doubled(line, other, size * C, room)
            line, other, spare = other, spare, other
            size *= 2
        doubled(line, target, (L - size) * C, count)

    return across


def sum_across(work: str, finish: Any) -> Any:
    """across: sums of L pixels of a line, of the windows that L's binary digits name; finished."""
    doubled, widen = _doubled(total, T), converting(work)

    @device
    def across(column_line, lines, offsets, target, L, count, length, C, reals):
        if L == 3:
            for m in range((count + T - 1) // T):
                p = min(m * T, count - T)
                value = widen(load(column_line, p)) + widen(load(column_line, p + C))
                value = value + widen(load(column_line, p + 2 * C))
                store(target, p, finish(value, reals))
            return
        room = count + (L - 1) * C
        for m in range((room + T - 1) // T):
            store(lines, m * T, widen(load(column_line, m * T)))
        line, size, done, terms, rest = lines, 1, 0, 0, L
        while rest > 0:
            if rest % 2 == 1:
                offsets[terms] = size_line(size) * length + done * C
                terms += 1
                done += size
            rest //= 2
            if rest > 0:
                room -= size * C
                doubled(line, shift(line, length), size * C, room)
                line = shift(line, length)
                size *= 2
        for m in range((count + T - 1) // T):
            p = min(m * T, count - T)
            value = load(lines, offsets[0] + p)
            for t in range(1, terms):
                value = value + load(lines, offsets[t] + p)
            store(target, p, finish(value, reals))

    return across


@device
def size_line(size):
    """Which line holds windows of `size` pixels: its logarithm."""
    line = 0
    while size > 1:
        size //= 2
        line += 1
    return line


def _slide(method: str, source: str, column: str, work: str, real: str, result: str) -> Any:
    """The kernel of one method and its types: of a column's join, of a window's, of results."""
    count = T if method == "tree" else 16 * LANES  # as many as fill four registers
    direct, suffixes, empty, prefix = down(
        JOINS[method], column, identity(method, column), T if column in ("f32", "f64") else count
    )
    if method == "tree":
        across = sum_across(work, finishing(real, result))
    else:
        across = _extreme_across(JOINS[method], T if column == "f32" else count)

    @kernel(
        f"{source}* {result}* i64* i64* i64* {column}* {real}* {column}* {column}* {work}* i64*"
    )
    def slide(image, out, sizes, rows, columns, fill, reals, lines, spare, doubles, offsets):
        """Windows of K x L pixels (see plane_layout.Plane), results and rows T numbers or more.

        Scratch: K + 1 lines and 3 of the column's type, 1 + log2(L) of the window's, 64 offsets.
        """
        C, K, L = sizes[AT.channels], sizes[AT.K], sizes[AT.L]
        W, pad, step = sizes[AT.width], sizes[AT.pad], sizes[AT.step]
        begin, end = sizes[AT.begin] * step, (sizes[AT.end] - 1) * step + 1
        N, length, strip = sizes[AT.wide] * C, sizes[AT.line], sizes[AT.strip]
        before, after, column_line = spare, shift(spare, length), shift(spare, 2 * length)
        for part in range((N + strip - 1) // strip):
            x = min(part * strip, N - strip)
            reach = strip + (L - 1) * C
            low, high = inside(x, reach, pad, W, C)
            offset, known = low - pad * C, high - low
            here = shift(column_line, low - x)
            for block in range((end - begin + K - 1) // K):
                first = begin + block * K
                if K > DIRECT:
                    suffixes(image, rows, first, offset, lines, K, known, length)
                    empty(after, known)
                for k in range(min(K, end - first)):
                    y = first + k
                    if K <= DIRECT or k == 0:
                        direct(image, rows, y, offset, here, K, known)
                    else:
                        before, after = after, before
                        row = shift(image, rows[y + K - 1] + offset)
                        prefix(row, before, after, shift(lines, k * length), here, known)
                    if y % step == 0:
                        fill_ends(column_line, x, reach, low, high, pad, columns, fill, C)
                        target = shift(out, y // step * N + x)
                        across(column_line, doubles, offsets, target, L, strip, length, C, reals)

    return slide


def __getattr__(name: str) -> Any:
    """`tree_f32_f64_f32_f32_u8`: of sums, source, column, work, real and result; `max_u8`."""
    method, *words = name.split("_")
    if method in ("max", "min") and len(words) == 1:
        word = words[0]
        return _slide(method, word, word, word, "f32", word)
    if method == "tree" and len(words) == 5:
        return _slide(method, *words)
    raise AttributeError(name)
