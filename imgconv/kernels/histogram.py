"""Medians of windows of any size, of integers, by a histogram that moves along the row.

From pixel to pixel K values come in and K go out (Huang, Yang and Tang 1979); the median is
found from the last one, through counts of single values and of blocks of them.
"""

from __future__ import annotations

from typing import Any

from .dialect import device, kernel, shift
from .layout import places
from .plane_layout import Histogram

AT = places(Histogram)


@device
def count_column(image, at, step, K, middle, counts, blocks, bits, sign):
    """Adds `sign` to the counts of K values from `at` on; returns it for each below `middle`."""
    below = 0
    for k in range(K):
        value = int(image[at + k * step])
        counts[value] += sign
        blocks[value >> bits] += sign
        if value < middle:
            below += sign
    return below


@device
def climb(counts, blocks, bits, value, below, rank):
    """The value that `rank` others lie before, from `value` on, before which `below` lie."""
    while below + counts[value] <= rank:
        if value & ((1 << bits) - 1) == 0 and below + blocks[value >> bits] <= rank:
            below += blocks[value >> bits]
            value += 1 << bits
        else:
            below += counts[value]
            value += 1
    return value, below


@device
def descend(counts, blocks, bits, value, below, rank):
    """The same where it lies before `value`."""
    while below > rank:
        if value & ((1 << bits) - 1) == 0 and below - blocks[(value >> bits) - 1] > rank:
            value -= 1 << bits
            below -= blocks[value >> bits]
        else:
            value -= 1
            below -= counts[value]
    return value, below


def _median(source: str) -> Any:
    @kernel(f"{source}* {source}* i64* i32* i32*")
    def median(image, out, sizes, counts, blocks):
        """Windows of K x L pixels of an image that has its border; see plane_layout.Histogram.

        counts, blocks: zeros, one for each value and for each 2^bits of them. The median of
        an even number is the mean of the middle two, rounded half to even.
        """
        C, K, L, bits = sizes[AT.channels], sizes[AT.K], sizes[AT.L], sizes[AT.bits]
        step, wide = sizes[AT.width] * C, sizes[AT.wide]
        rank, upper = (K * L - 1) // 2, K * L // 2
        value, below = 0, 0
        for y in range(sizes[AT.begin], sizes[AT.end]):
            for c in range(C):
                row, target = y * step + c, shift(out, y * wide * C + c)
                for j in range(L - 1):
                    below += count_column(image, row + j * C, step, K, value, counts, blocks,
                                          bits, 1)  # fmt: skip
                for j in range(wide):
                    below += count_column(image, row + (j + L - 1) * C, step, K, value, counts,
                                          blocks, bits, 1)  # fmt: skip
                    value, below = descend(counts, blocks, bits, value, below, rank)
                    value, below = climb(counts, blocks, bits, value, below, rank)
                    other = value
                    if upper > rank:
                        other, _ = climb(counts, blocks, bits, value, below, upper)
                    total = value + other
                    target[j * C] = (total + (total // 2) % 2) // 2
                    below += count_column(image, row + j * C, step, K, value, counts, blocks,
                                          bits, -1)  # fmt: skip
                for j in range(wide, wide + L - 1):
                    below += count_column(image, row + j * C, step, K, value, counts, blocks,
                                          bits, -1)  # fmt: skip

    return median


def __getattr__(name: str) -> Any:
    """`u16`: by type. Bytes have column_histogram."""
    if name != "u16":
        raise AttributeError(name)
    return _median(name)
