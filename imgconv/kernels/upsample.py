"""Upsampling: nearest pixel, and interpolation along rows, then columns.

One alphabet: image H x W pixels of C channels, result H' x W'. Output row i meets K source
rows from row r[i] on, with weights a[i, u]; output column j meets L source columns from column
q[j] on, with weights b[j, v]; beyond the edge the image goes on with its last pixels:

    out[i, j, c] = sum over u < K, v < L of a[i, u] * b[j, v] * image[r[i] + u, q[j] + v, c]

Each source row is interpolated once, into a ring of K lines that the rows of the result are
then made of. If columns repeat after s (an integer factor), each of s phases is one flat loop
over the source row, and the phases are spread pixel by pixel.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import types

from .dialect import device, kernel, shift
from .pixels import ELEMENTS, move, spread

# Working types of uint8: taps, and the powers of 2 that sums are divided by at factors 2 and 4.
SHIFTS = {"i16": (2, 4, 6), "i32": (4, 16, 22)}


def _nearest(source: str) -> Any:
    @device
    def replicate(line, row, columns, j, count, C):
        """count pixels of the result from column j on."""
        if C == 3 or C == 4:
            for n in range(count):
                move(shift(line, n * C), shift(row, columns[j + n] * C))
        elif C == 1:
            for n in range(count):
                line[n] = row[columns[j + n]]
        else:
            for n in range(count):
                for c in range(C):
                    line[n * C + c] = row[columns[j + n] * C + c]

    @device
    def double(line, row, count, C):
        """Each of count pixels twice."""
        if C == 1:
            for n in range(count):
                line[2 * n] = row[n]
                line[2 * n + 1] = row[n]
        elif C == 3:
            for n in range(count):
                move(shift(line, 6 * n), shift(row, 3 * n))
                move(shift(line, 6 * n + 3), shift(row, 3 * n))

    @kernel(f"{source}* {source}* i64* i64* i64* {source}* {source}*")
    def nearest(image, out, sizes, rows, columns, start, line):
        """Output rows begin <= i < end, written to `out` from its first row on.

        sizes: W, C, W'; begin, end; output pixels of a strip; whether columns double. rows,
        columns: which one of the image each is. Scratch: a strip of the source row, where
        pixels are read with their neighbours; a strip of the result.
        """
        W, C, wide = sizes[0], sizes[1], sizes[2]
        begin, end, strip, doubles = sizes[3], sizes[4], sizes[5], sizes[6]
        for part in range((wide + strip - 1) // strip):
            j = part * strip
            count = min(strip, wide - j)
            first = columns[j]
            reach = columns[j + count - 1] + 1 - first
            made = -1
            for i in range(begin, end):
                if rows[i] != made:
                    made = rows[i]
                    row = shift(image, (made * W + first) * C)
                    for p in range(reach * C):
                        start[p] = row[p]
                    if doubles == 1 and (C == 1 or C == 3):
                        double(line, start, reach, C)
                    else:
                        replicate(line, shift(start, -first * C), columns, j, count, C)
                target = shift(out, ((i - begin) * wide + j) * C)
                for p in range(count * C):
                    target[p] = line[p]

    return nearest


def _finish(result: str) -> Callable:
    """One sum over divisor: rounded half to even and cut off at 0 and top, if an integer."""
    element = ELEMENTS[result]

    @device
    def integer(total, divisor, top):
        return element(np.int32(np.rint(min(max(total / divisor, 0.0), top))))

    @device
    def real(total, divisor, top):
        return total

    return real if result == "f32" else integer


def _shift(work: str, bits: int) -> Callable:
    """A sum over 2**bits, a constant so that all stays in the working type."""
    element = ELEMENTS[work]
    half, zero, top = element((1 << (bits - 1)) - 1), element(0), element(255)

    @device
    def shifted(total, divisor, ceiling):
        odd = element(element(total >> bits) & 1)
        rounded = element(element(total + half + odd) >> bits)
        return types.uint8(min(max(rounded, zero), top))

    return shifted


def _column(work: str, finish: Callable) -> Callable:
    element = ELEMENTS[work]

    @device
    def column(out, ring, slots, weights, count, K, divisor, top):
        """One row of the result, of K lines of the ring."""
        w, x = element(weights[0]), element(weights[1])
        one, two = shift(ring, slots[0]), shift(ring, slots[1])
        if K == 2:
            for p in range(count):
                total = element(w * one[p] + x * two[p])
                out[p] = finish(total, divisor, top)
        else:
            y, z = element(weights[2]), element(weights[3])
            three, four = shift(ring, slots[2]), shift(ring, slots[3])
            for p in range(count):
                total = element(w * one[p] + x * two[p] + y * three[p] + z * four[p])
                out[p] = finish(total, divisor, top)

    return column


def _columns(source: str, work: str) -> Callable:
    if work not in SHIFTS:
        return _column(work, _finish(source))
    taps, small, large = SHIFTS[work]
    twice, four_times = (_column(work, _shift(work, bits)) for bits in (small, large))

    @device
    def column(out, ring, slots, weights, count, K, divisor, top):
        if divisor == 2**small:
            twice(out, ring, slots, weights, count, taps, divisor, top)
        else:
            four_times(out, ring, slots, weights, count, taps, divisor, top)

    return column


def _resample(source: str, work: str) -> Any:
    element, column = ELEMENTS[work], _columns(source, work)

    @device
    def padded(line, row, first, last, W, C):
        """Pixels first <= x < last of the row, which goes on with its ends."""
        low, high = min(max(first, 0), W), min(max(last, 0), W)
        for x in range(low - first):
            for c in range(C):
                line[x * C + c] = element(row[c])
        inside, origin = shift(line, (low - first) * C), shift(row, low * C)
        for p in range((high - low) * C):
            inside[p] = element(origin[p])
        after = shift(line, (high - first) * C)
        for x in range(last - high):
            for c in range(C):
                after[x * C + c] = element(row[(W - 1) * C + c])

    @device
    def phase(out, line, weights, count, L, C):
        """out[p] = sum over v of weights[v] * line[p + v*C]."""
        if L == 2:
            w, x, beside = element(weights[0]), element(weights[1]), shift(line, C)
            for p in range(count):
                out[p] = element(w * line[p] + x * beside[p])
        else:
            w, x = element(weights[0]), element(weights[1])
            y, z = element(weights[2]), element(weights[3])
            one, two, three = shift(line, C), shift(line, 2 * C), shift(line, 3 * C)
            for p in range(count):
                out[p] = element(w * line[p] + x * one[p] + y * two[p] + z * three[p])

    @device
    def by_pixel(out, line, columns, weights, j, count, L, C):
        for n in range(count):
            here = shift(line, (columns[j + n] - columns[j]) * C)
            w = shift(weights, (j + n) * L)
            for c in range(C):
                total = element(0)
                for v in range(L):
                    total = element(total + element(w[v]) * here[v * C + c])
                out[n * C + c] = total

    @device
    def enter(slot, line, phases, columns, weights, j, count, L, C, steps, length):
        """Columns j <= x < j + count of a row of the result's width, from its padded line."""
        if steps == 0:
            by_pixel(slot, line, columns, weights, j, count, L, C)
            return
        repeats = count // steps
        for f in range(steps):
            start = shift(line, (columns[f] - columns[0]) * C)
            phase(shift(phases, f * length), start, shift(weights, f * L), repeats * C, L, C)
        spread(slot, phases, repeats, steps, length, C)

    @kernel(f"{source}* {source}* i64* i64* f64* i64* f64* f64* {work}* {work}* {work}* i64*")
    def resample(image, out, sizes, rows, row_weights, columns, column_weights, reals,
                 line, phases, ring, slots):  # fmt: skip
        """Output rows begin <= i < end, written to `out` from its first row on.

        sizes: H, W, C; W'; begin, end; output pixels of a strip;
        K = L; steps after which columns repeat, one pixel further on, of which W' and strips
        are multiples (0: never); numbers of a line. reals: divisor, top. Scratch: a line, a
        line for each step, K lines, K numbers.
        """
        H, W, C, wide, begin, end = sizes[0], sizes[1], sizes[2], sizes[3], sizes[4], sizes[5]
        strip, K, steps, length = sizes[6], sizes[7], sizes[8], sizes[9]
        divisor, top = reals[0], reals[1]
        for part in range((wide + strip - 1) // strip):
            j = part * strip
            count = min(strip, wide - j)
            first, last = columns[j], columns[j + count - 1] + K
            made = rows[begin]
            for i in range(begin, end):
                while made < rows[i] + K:
                    row = shift(image, min(max(made, 0), H - 1) * W * C)
                    padded(line, row, first, last, W, C)
                    slot = shift(ring, (made + K) % K * length)
                    enter(slot, line, phases, columns, column_weights, j, count, K, C, steps,
                          length)  # fmt: skip
                    made += 1
                for u in range(K):
                    slots[u] = (rows[i] + u + K) % K * length
                target = shift(out, ((i - begin) * wide + j) * C)
                column(target, ring, slots, shift(row_weights, i * K), count * C, K, divisor,
                       top)  # fmt: skip

    return resample


def __getattr__(name: str) -> Any:
    """`nearest_u8`; `u8_i16`: interpolation of a type in a working type."""
    first, _, second = name.partition("_")
    if first == "nearest":
        return _nearest(second)
    if first in ELEMENTS and second in ELEMENTS:
        return _resample(first, second)
    raise AttributeError(name)
