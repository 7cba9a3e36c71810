"""Pooling: one number for every window of every channel.

One alphabet: image H x W pixels of C channels; windows of K x L pixels, S rows and T columns
apart; P rows and Q columns of padding before the image. For output i < H', j < W', c < C:

    out[i, j, c] = pooled over u < K, v < L of image[i*S + u - P, j*T + v - Q, c]

over those places that lie inside the image. Rows are joined first (down), then the columns of
the joined line (across), both as flat loops over all numbers of a line; of the sums, windows'
own are taken. A strip of the line at a time stays in the cache.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numba import types
from numba.extending import intrinsic

from .dialect import device, kernel, shift
from .pixels import ELEMENTS, take

FLAT = 4  # up to this step across, joining all numbers of a line beats going by windows


@intrinsic
def square_root(typing: Any, value: Any) -> Any:
    """The processor's instruction, of a float64; Numba's own is a call of the C library."""

    def emit(context: Any, builder: Any, _: Any, values: Any) -> Any:
        root = builder.module.declare_intrinsic("llvm.sqrt", [values[0].type])
        return builder.call(root, values)

    return value(value), emit


@device
def _larger(a, b):
    """NaN if one is."""
    return a if a > b or a != a else b


@device
def _smaller(a, b):
    return a if a < b or a != a else b


@device
def _sum(a, b):
    return a + b


def working_type(method: str, source: str) -> str:
    """The type of sums: exact for integers, if windows of uint8 have fewer than 2**15 pixels."""
    if method in ("max", "min"):
        return source
    return "i32" if source == "u8" else "f64"


def _join(method: str) -> Callable:
    return {"max": _larger, "min": _smaller}.get(method, _sum)


def _entrance(method: str, work: str) -> Callable:
    element = ELEMENTS[work]
    if method == "l2":

        @device
        def enter(value):
            return element(value) * element(value)

    else:

        @device
        def enter(value):
            return element(value)

    return enter


def _identity(method: str, source: str) -> Any:
    """What changes no result, for places outside of the image."""
    if method not in ("max", "min"):
        return 0
    if source == "f32":
        return -math.inf if method == "max" else math.inf
    return 0 if method == "max" else 2 ** ELEMENTS[source].bitwidth - 1


def _finish(method: str, source: str) -> Callable:
    """From `count` joined numbers to results.

    mean: sum / areas[p], rounded half to even; l2: sqrt(factor * sum / areas[p]), likewise and
    no more than `top`. areas[p] is `tall` times widths[p].
    """
    element, integer = ELEMENTS[source], source != "f32"
    real = types.float32 if source == "u8" and method == "mean" else types.float64

    @device
    def copy(sums, out, count, tall, widths, factor, top):
        for p in range(count):
            out[p] = sums[p]

    @device
    def mean(sums, out, count, tall, widths, factor, top):
        for p in range(count):
            value = real(sums[p]) / real(tall * widths[p])
            out[p] = element(np.int32(np.rint(value))) if integer else element(value)

    @device
    def mean_of_four(sums, out, count, tall, widths, factor, top):
        if tall * widths[0] == 4 and tall * widths[count - 1] == 4:  # so are all between
            for p in range(count):
                out[p] = element((sums[p] + 1 + ((sums[p] >> 2) & 1)) >> 2)
        else:
            mean(sums, out, count, tall, widths, factor, top)

    @device
    def root(sums, out, count, tall, widths, factor, top):
        for p in range(count):
            value = square_root(factor * real(sums[p]) / (tall * widths[p]))
            out[p] = element(np.int32(np.rint(min(value, top)))) if integer else element(value)

    if method == "mean":
        return mean_of_four if source == "u8" else mean
    return root if method == "l2" else copy


def _pool(method: str, source: str) -> Any:
    work = working_type(method, source)
    element = ELEMENTS[work]
    join, enter, finish = _join(method), _entrance(method, work), _finish(method, source)
    identity = element(_identity(method, source))

    @device
    def down(line, rows, count, height, N):
        """line[p] = `height` rows joined."""
        below = shift(rows, N)
        if height == 1:
            for p in range(count):
                line[p] = enter(rows[p])
        else:
            for p in range(count):
                line[p] = join(enter(rows[p]), enter(below[p]))
        for u in range(height - 2):
            row = shift(rows, (u + 2) * N)
            for p in range(count):
                line[p] = join(line[p], enter(row[p]))

    @device
    def across(line, sums, dense, count, L, T, C):
        """dense[j*C + c] = L pixels joined from pixel j*T of the line on."""
        if T > FLAT:
            for j in range(count):
                for c in range(C):
                    total = line[j * T * C + c]
                    for v in range(L - 1):
                        total = join(total, line[(j * T + v + 1) * C + c])
                    dense[j * C + c] = total
            return
        reach = ((count - 1) * T + 1) * C
        beside = shift(line, C)
        for p in range(reach):
            sums[p] = join(line[p], beside[p])
        for v in range(L - 2):
            more = shift(line, (v + 2) * C)
            for p in range(reach):
                sums[p] = join(sums[p], more[p])
        take(dense, sums, count, T, C)

    @kernel(f"{source}* {source}* i64* i64* f64* f64* f64* {work}* {work}* {work}*")
    def pool(image, out, sizes, rows, talls, widths, reals, line, sums, dense):
        """Output rows begin <= i < end, written to `out` from its first row on.

        sizes: W, C; L, T, Q; W'; begin, end; output pixels of a strip. rows: where each window
        begins in the image and how many rows it has there, (H', 2). talls, widths: by how many
        places the sum is divided, as a product of H' and W'*C numbers. reals: the factor under
        the root, top. Scratch: three lines of a strip's input.
        """
        W, C, L, T, Q = sizes[0], sizes[1], sizes[2], sizes[3], sizes[4]
        wide, begin, end, strip = sizes[5], sizes[6], sizes[7], sizes[8]
        for i in range(begin, end):
            source = shift(image, rows[2 * i] * W * C)
            target = shift(out, (i - begin) * wide * C)
            for part in range((wide + strip - 1) // strip):
                j = part * strip
                count = min(strip, wide - j)
                first = j * T - Q
                last = first + (count - 1) * T + L
                low, high = max(first, 0), min(last, W)
                for p in range((low - first) * C):
                    line[p] = identity
                inside = shift(line, (low - first) * C)
                down(inside, shift(source, low * C), (high - low) * C, rows[2 * i + 1], W * C)
                after = shift(inside, (high - low) * C)
                for p in range((last - high) * C):
                    after[p] = identity
                if L == 1:
                    take(dense, line, count, T, C)
                else:
                    across(line, sums, dense, count, L, T, C)
                finish(dense, shift(target, j * C), count * C, talls[i], shift(widths, j * C),
                       reals[0], reals[1])  # fmt: skip

    return pool


@device
def _select(values, count, k):
    """The k-th smallest; those before it are no larger (Hoare's quickselect)."""
    low, high = 0, count - 1
    while low < high:
        pivot = values[(low + high) // 2]
        i, j = low, high
        while i <= j:
            while values[i] < pivot:
                i += 1
            while pivot < values[j]:
                j -= 1
            if i <= j:
                values[i], values[j] = values[j], values[i]
                i += 1
                j -= 1
        if k <= j:
            high = j
        elif k >= i:
            low = i
        else:
            break
    return values[k]


def _median(source: str) -> Any:
    element, integer = ELEMENTS[source], source != "f32"

    @device
    def middle(values, count):
        upper = _select(values, count, count // 2)
        if count % 2 == 1:
            return upper
        lower = values[0]
        for p in range(count // 2):
            lower = _larger(lower, values[p])
        if integer:
            total = np.int32(lower) + np.int32(upper)
            return element((total + ((total >> 1) & 1)) >> 1)
        return element((np.float64(lower) + np.float64(upper)) / 2)

    @kernel(f"{source}* {source}* i64* i64* {source}*")
    def median(image, out, sizes, rows, values):
        """As `pool`; the middle value, or the mean of the two in the middle.

        sizes[8]: whether NaN is left out (1; NaN where nothing is left) or makes the result
        NaN (0). Scratch: a window.
        """
        W, C, L, T, Q = sizes[0], sizes[1], sizes[2], sizes[3], sizes[4]
        wide, begin, end, leave_out = sizes[5], sizes[6], sizes[7], sizes[8]
        for i in range(begin, end):
            source_row = shift(image, rows[2 * i] * W * C)
            for j in range(wide):
                low, high = max(j * T - Q, 0), min(j * T - Q + L, W)
                for c in range(C):
                    count, missing = 0, 0
                    for u in range(rows[2 * i + 1]):
                        row = shift(source_row, (u * W + low) * C + c)
                        for v in range(high - low):
                            value = row[v * C]
                            if value == value:
                                values[count] = value
                                count += 1
                            else:
                                missing += 1
                    here = ((i - begin) * wide + j) * C + c
                    if count == 0 or (missing > 0 and leave_out == 0):
                        out[here] = element(math.nan) if not integer else element(0)
                    else:
                        out[here] = middle(values, count)

    return median


def __getattr__(name: str) -> Any:
    """`max_u8`: the kernel of a method for a source type."""
    method, _, source = name.partition("_")
    if method == "median":
        return _median(source)
    if method in ("max", "min", "mean", "l2"):
        return _pool(method, source)
    raise AttributeError(name)
