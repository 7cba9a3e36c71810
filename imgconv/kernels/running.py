"""Sums of windows of any size, in constant time a pixel.

Sums run: from row to row and from pixel to pixel what comes in is added and what goes out is
taken away. Integers stay exact (even where they wrap around). Floats do in float64 as long as
their exponents lie within 29 bits less the window's; what is lost beyond stays in the sum, and
is found by a fresh sum at the end of each row and band (`DRIFT`). Then the caller takes a tree
(sliding.py).
"""

from __future__ import annotations

from typing import Any

from .dialect import device, kernel, shift
from .layout import places
from .pixels import ELEMENTS
from .plane_layout import Plane
from .sliding import down, sum_across, total
from .strips import dividing, fill_ends, finishing, inside
from .vector_words import QUARTER, running
from .vectors import T, converting, load, loading, spreading, store

AT = places(Plane)
DRIFT = 2.0**-36  # of a sum, from which on it is not trusted
FLAG = 63  # place among `offsets` of whether one was found


def _whole_sum_across(work: str, finish: Any) -> Any:
    """across: sums of L pixels of a line of integers, as differences of what runs from its start.

    That may wrap around.
    """
    spread, zero = spreading(work, QUARTER), ELEMENTS[work](0)
    by_one, by_two, by_three, by_four = running(1), running(2), running(3), running(4)

    @device
    def across(column_line, lines, offsets, target, L, count, length, C, reals):
        room, last = count + (L - 1) * C, spread(zero)
        after = shift(lines, C)
        for p in range(C):
            lines[p] = zero
        if C > 4:
            for p in range(room):
                after[p] = lines[p] + column_line[p]
        else:
            for m in range((room + T - 1) // T):
                if C == 3:
                    last = by_three(column_line, after, m * T, last)
                elif C == 1:
                    last = by_one(column_line, after, m * T, last)
                elif C == 4:
                    last = by_four(column_line, after, m * T, last)
                else:
                    last = by_two(column_line, after, m * T, last)
        for m in range((count + T - 1) // T):
            p = min(m * T, count - T)
            value = load(lines, p + L * C) - load(lines, p)
            store(target, p, finish(value, reals))

    return across


@device
def drifted(one, fresh, count):
    """Whether one of `count` sums is not what a fresh one is, or not finite."""
    found = False
    for p in range(count):
        if not abs(one[p] - fresh[p]) <= DRIFT * abs(fresh[p]):
            found = True
    return found


def _running_across(finish: Any) -> Any:
    """across: sums of L pixels of a line of float64 that run from pixel to pixel; finished."""
    load, narrow, four = loading(QUARTER), converting("f32"), spreading("f64", QUARTER)
    by_trees, load_all = sum_across("f32", finish), loading(T)

    @device
    def window(line, L, C):
        total = four(0.0)
        for k in range(L):
            total = total + load(line, k * C)
        return total

    @device
    def across(column_line, lines, offsets, target, L, count, length, C, reals):
        if L == 3 or C < 3 or C > QUARTER:
            by_trees(column_line, lines, offsets, target, L, count, length, C, reals)
            return
        total, last = window(column_line, L, C), count - C
        for p in range(0, last, C):
            store(lines, p, narrow(total))
            total = total + (load(column_line, p + L * C) - load(column_line, p))
        store(lines, last, narrow(total))
        ends = shift(column_line, length - 2 * QUARTER)  # beyond what the line needs
        store(ends, 0, total)
        store(ends, QUARTER, window(shift(column_line, last), L, C))
        if drifted(ends, shift(ends, QUARTER), C):
            offsets[FLAG] = 1
        for m in range((count + T - 1) // T):
            p = min(m * T, count - T)
            store(target, p, finish(load_all(lines, p), reals))

    return across


def _run(source: str, column: str, work: str, real: str, result: str) -> Any:
    """The kernel of running sums; its types: see ops/box.py."""
    direct, _, _, _ = down(total, column, 0, T)
    wide, load, floats = converting(column), loading(T), source + column == "f32f64"
    if real == "u16":
        across = sum_across(work, dividing)
    elif floats:
        across = _running_across(finishing(real, result))
    elif work == "i32":
        across = _whole_sum_across(work, finishing(real, result))
    else:
        across = sum_across(work, finishing(real, result))

    @device
    def start(image, rows, y, offset, now, before, K, known):
        """now: the sums of K rows from y on, row after row; before: scratch."""
        for k in range(K):
            into, sums = (now, before) if (K - 1 - k) % 2 == 0 else (before, now)
            if k == 0:
                direct(image, rows, y, offset, into, 1, known)
            else:
                row = shift(image, rows[y + k] + offset)
                for m in range((known + T - 1) // T):
                    p = min(m * T, known - T)
                    store(into, p, load(sums, p) + wide(load(row, p)))

    @device
    def advance(image, old, new, before, after, known):
        """after: the sums of the rows one further down."""
        gone, come = shift(image, old), shift(image, new)
        for m in range((known + T - 1) // T):
            p = min(m * T, known - T)
            value = load(before, p) + wide(load(come, p))
            store(after, p, value - wide(load(gone, p)))

    @kernel(
        f"{source}* {result}* i64* i64* i64* {column}* {real}* {column}* {column}* {work}* i64*"
    )
    def slide(image, out, sizes, rows, columns, fill, reals, lines, spare, doubles, offsets):
        """Windows of K x L pixels, rows of results T numbers or more.

        Scratch: 3 lines of the column's type, 1 + log2(L) of the window's, 64 offsets."""
        C, K, L = sizes[AT.channels], sizes[AT.K], sizes[AT.L]
        W, pad = sizes[AT.width], sizes[AT.pad]
        N, length, strip = sizes[AT.wide] * C, sizes[AT.line], sizes[AT.strip]
        now, before, fresh = spare, shift(spare, length), shift(spare, 2 * length)
        for part in range((N + strip - 1) // strip):
            x = min(part * strip, N - strip)
            reach = strip + (L - 1) * C
            low, high = inside(x, reach, pad, W, C)
            offset, known, first = low - pad * C, high - low, low - x
            for y in range(sizes[AT.begin], sizes[AT.end]):
                before, now = now, before
                if K == 3:
                    direct(image, rows, y, offset, shift(now, first), K, known)
                elif y == sizes[AT.begin]:
                    start(image, rows, y, offset, shift(now, first), shift(before, first), K, known)
                else:
                    advance(image, rows[y - 1] + offset, rows[y + K - 1] + offset,
                            shift(before, first), shift(now, first), known)  # fmt: skip
                fill_ends(now, x, reach, low, high, pad, columns, fill, C)
                across(now, doubles, offsets, shift(out, y * N + x), L, strip, length, C, reals)
            if floats and K != 3:
                start(image, rows, sizes[AT.end] - 1, offset, fresh, before, K, known)
                if drifted(shift(now, first), fresh, known):
                    offsets[FLAG] = 1

    return slide


def __getattr__(name: str) -> Any:
    """`u8_u16_i32_f32_u8`: source, column, work, real and result."""
    words = name.split("_")
    if len(words) != 5:
        raise AttributeError(name)
    return _run(*words)
