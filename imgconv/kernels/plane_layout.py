"""The layouts of kernels that slide over planes (see layout.py).

Common names: a row of the image is flat, `width` pixels of `channels` numbers. Padded rows and
columns are those of the image with its border; a kernel is told by `rows` where each padded row
lies (numbers from the image's first on) and by `columns` which pixel each padded column is.
"""

from __future__ import annotations

from typing import NamedTuple


class Plane(NamedTuple):
    """Output rows begin <= y < end, `wide` pixels each, `strip` numbers of a row at a time."""

    width: int  # pixels of a row of the image
    channels: int
    wide: int  # pixels of a row of the result
    pad: int  # padded columns before the image's first
    K: int  # rows of a window
    L: int  # columns of a window
    step: int  # padded rows from one output row to the next
    begin: int
    end: int
    strip: int
    line: int  # numbers of a line of scratch memory


class Reals(NamedTuple):
    """How sums become results: fold((sum * factor + bias) / divisor), rounded where integers."""

    factor: float = 1.0
    bias: float = 0.0
    divisor: float = 1.0
    fold: float = 1.0  # -1: the absolute value


class Division(NamedTuple):
    """Division in 16 bits: ((sum + half) * factor) >> (16 + places)."""

    half: int
    factor: int
    places: int


class Blend(NamedTuple):
    """`blend`: rows begin <= y < end, each a sum of `taps` lines times weights of its own."""

    numbers: int  # of a row
    taps: int
    begin: int
    end: int


class Histogram(NamedTuple):
    """`histogram`: rows begin <= y < end of `wide` pixels; the image has its border around it."""

    width: int  # pixels of a row of the image
    channels: int
    wide: int  # pixels of a row of the result
    K: int  # rows of a window
    L: int  # columns of a window
    begin: int
    end: int
    bits: int  # blocks have 2^bits values
