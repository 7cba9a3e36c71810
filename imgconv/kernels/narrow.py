"""Narrow means of 8-bit images: Gaussians of small sigma, in words of 1/256 of a level.

Symmetric products as in symmetric.py: a fold is the two pixels at one distance. The NEAR first
folds are products of words, cut off to words. Two more, whose weights are below a hundredth,
share one product: down the columns that of bytes, along the row that of the nearer one's mean
and the other's, moved by the power of two by which its weight is smaller.

What all cuts take away on average is given back by what stands in the lower byte of each pixel's
word, and so is the half that rounds results: see ops/narrow.py.
"""

from __future__ import annotations

from typing import Any

from numba import types

from .dialect import device, kernel, shift
from .layout import places
from .plane_layout import Narrow, Plane
from .strips import fill_ends, inside
from .vector_words import (
    REGISTER,
    byte_products,
    high_bytes,
    high_product,
    interleaving,
    lowered,
    mean,
    store_halves,
)
from .vectors import loading, spreading, store

AT, OF = places(Plane), places(Narrow)
WORDS = REGISTER // 2  # numbers of a register of words


def _column(part: int, four: bool) -> Any:
    """column: one half of a register's pixels, as words."""
    beside = interleaving(part)

    @device
    def column(zero, first, middle, a1, b1, a2, b2, a3, b3, far, farther, weights):
        w0, w1, w2, w3, tail, places = weights
        total = high_product(beside(zero, middle), w0)
        total = total + high_product(mean(beside(first, a1), beside(first, b1)), w1)
        total = total + high_product(mean(beside(zero, a2), beside(zero, b2)), w2)
        if four:
            total = total + high_product(mean(beside(zero, a3), beside(zero, b3)), w3)
        return total + lowered(byte_products(beside(far, farther), tail), places)

    return column


def _down(four: bool) -> Any:
    load, spread = loading(REGISTER), spreading("u8", REGISTER)
    lower, upper = _column(0, four), _column(1, four)

    @device
    def pair(image, rows, middle, f, tall, offset):
        """Where the two rows of fold f lie; of one that is not there, the outermost."""
        f = min(f, tall - 1)
        return shift(image, rows[middle - f] + offset), shift(image, rows[middle + f] + offset)

    @device
    def down(image, rows, middle, tall, offset, column, line, known):
        center = shift(image, rows[middle] + offset)
        above1, below1 = pair(image, rows, middle, 1, tall, offset)
        above2, below2 = pair(image, rows, middle, 2, tall, offset)
        above3, below3 = pair(image, rows, middle, 3, tall, offset)
        above4, below4 = pair(image, rows, middle, 4 if four else 3, tall, offset)
        above5, below5 = pair(image, rows, middle, 5 if four else 4, tall, offset)
        zero = spread(types.uint8(column[OF.zero]))
        first = spread(types.uint8(column[OF.beside]))
        weights = (column[OF.w0], column[OF.w1], column[OF.w2], column[OF.w3], column[OF.tail],
                   column[OF.places])  # fmt: skip
        for m in range((known + REGISTER - 1) // REGISTER):
            p = min(m * REGISTER, known - REGISTER)
            far = mean(load(above4, p), load(below4, p))
            farther = mean(load(above5, p), load(below5, p))
            middle0, a1, b1 = load(center, p), load(above1, p), load(below1, p)
            a2, b2 = load(above2, p), load(below2, p)
            a3, b3 = load(above3, p), load(below3, p)
            one = lower(zero, first, middle0, a1, b1, a2, b2, a3, b3, far, farther, weights)
            other = upper(zero, first, middle0, a1, b1, a2, b2, a3, b3, far, farther, weights)
            store_halves(line, p, one, other)

    return down


def _across(four: bool) -> Any:
    load, near = loading(WORDS), 4 if four else 3

    @device
    def fold(line, f, folds, C):
        """Where the two pixels of fold f lie; of one that is not there, the outermost."""
        distance = min(f, folds - 1) * C
        return shift(line, -distance), shift(line, distance)

    @device
    def words(line, one, two, three, far, farther, p, weights):
        w0, w1, w2, w3, tail, places = weights
        total = high_product(load(line, p), w0)
        total = total + high_product(mean(load(one[0], p), load(one[1], p)), w1)
        total = total + high_product(mean(load(two[0], p), load(two[1], p)), w2)
        if four:
            pair = mean(load(three[0], p), load(three[1], p))
            total = total + high_product(pair, w3)
        outer = lowered(mean(load(farther[0], p), load(farther[1], p)), places)
        inner = mean(load(far[0], p), load(far[1], p))
        return total + high_product(mean(inner, outer), tail)

    @device
    def across(line, row, folds, C, target, count):
        """line: from the first result's pixel on."""
        weights = row[OF.w0], row[OF.w1], row[OF.w2], row[OF.w3], row[OF.tail], row[OF.places]
        one, two, three = fold(line, 1, folds, C), fold(line, 2, folds, C), fold(line, 3, folds, C)
        far, farther = fold(line, near, folds, C), fold(line, near + 1, folds, C)
        for m in range((count + REGISTER - 1) // REGISTER):
            p = min(m * REGISTER, count - REGISTER)
            left = words(line, one, two, three, far, farther, p, weights)
            right = words(line, one, two, three, far, farther, p + WORDS, weights)
            store(target, p, high_bytes(left, right))

    return across


def _correlate(near: int) -> Any:
    four = near == 4
    down, across = _down(four), _across(four)

    @kernel("u8* u8* i64* i64* i64* u16* u16* u16* u16*")
    def correlate(image, out, sizes, rows, columns, fill, column, row, line):
        """Windows of K x L pixels, both odd (see plane_layout.Plane), rows REGISTER or more.

        Scratch: a line, aligned at `pad` pixels.
        """
        C, W, pad = sizes[AT.channels], sizes[AT.width], sizes[AT.pad]
        tall, wide = sizes[AT.K] // 2 + 1, sizes[AT.L] // 2 + 1
        N, strip = sizes[AT.wide] * C, sizes[AT.strip]
        reach = strip + (sizes[AT.L] - 1) * C
        here = shift(line, pad * C)
        for part in range((N + strip - 1) // strip):
            x = min(part * strip, N - strip)
            low, high = inside(x, reach, pad, W, C)
            first = shift(here, x - low)
            for y in range(sizes[AT.begin], sizes[AT.end]):
                down(image, rows, y + tall - 1, tall, low - pad * C, column, here, high - low)
                fill_ends(first, x, reach, low, high, pad, columns, fill, C)
                middle = shift(first, (wide - 1) * C)
                across(middle, row, wide, C, shift(out, y * N + x), strip)

    return correlate


def __getattr__(name: str) -> Any:
    """`three`, `four`: by how many folds have a product of their own."""
    if name not in ("three", "four"):
        raise AttributeError(name)
    return _correlate(3 if name == "three" else 4)
