"""What kernels over strips of padded rows share: the ends of a line, and finished results."""

from __future__ import annotations

from collections.abc import Callable

from .dialect import device
from .layout import places
from .plane_layout import Division, Reals
from .vector_words import high_product, lowered
from .vectors import (
    T,
    converting,
    larger,
    loading,
    product_sum,
    rounding,
    spreading,
    store,
)

REAL, DIVISION = places(Reals), places(Division)


@device
def inside(first, count, pad, width, channels):
    """low, high: which of the padded numbers from `first` on, `count` of them, are the image's."""
    low = max(first, pad * channels)
    high = max(min(first + count, (pad + width) * channels), low)
    return low, high


@device
def fill_pixel(line, q, first, pad, pixel, fill, C):
    """Padded pixel q of a line that begins with padded number `first` is `pixel`, or `fill`."""
    here, there = q * C - first, (pixel + pad) * C - first
    for c in range(C):
        line[here + c] = fill[c] if pixel < 0 else line[there + c]


@device
def fill_ends(line, first, count, low, high, pad, columns, fill, C):
    """line[q - first] for padded numbers outside of low..high: copies of those inside, or `fill`.

    All are whole pixels; all that `columns` names there must lie in low..high.
    """
    for q in range(first // C, low // C):
        fill_pixel(line, q, first, pad, columns[q], fill, C)
    for q in range(high // C, (first + count) // C):
        fill_pixel(line, q, first, pad, columns[q], fill, C)


REALS, FLOATS = loading(T), spreading("f32")


@device
def finite(row, scratch, count):
    """Whether `count` float32, T or more, are neither infinite nor NaN; scratch: T numbers."""
    total = FLOATS(0.0)
    for m in range((count + T - 1) // T):
        total = product_sum(REALS(row, min(m * T, count - T)), FLOATS(0.0), total)
    store(scratch, 0, total)
    found = False
    for p in range(T):
        found = found or scratch[p] != 0
    return not found


def finishing(real: str, result: str) -> Callable:
    """finish: a vector of sums as a vector of results, calculated in `real`: see Reals."""
    calculate, spread = converting(real), spreading(real)
    deliver = converting(result) if result == "f32" else rounding(result)

    @device
    def finish(sums, reals):
        value = product_sum(calculate(sums), spread(reals[REAL.factor]), spread(reals[REAL.bias]))
        if reals[REAL.divisor] != 1:
            value = value / spread(reals[REAL.divisor])
        if reals[REAL.fold] < 0:
            value = larger(value, spread(reals[REAL.fold]) * value)
        return deliver(value)

    return finish


WORDS, BYTES = spreading("u16"), converting("u8")


@device
def dividing(sums, words):
    """Sums below 2^16 divided by an odd number: see plane_layout.Division."""
    high = high_product(sums + WORDS(words[DIVISION.half]), words[DIVISION.factor])
    return BYTES(lowered(high, words[DIVISION.places]))
