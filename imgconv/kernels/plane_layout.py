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


class Narrow(NamedTuple):
    """`narrow`, a column or a row: weights of folds times 2^16, of the pixel times 2^16 first.

    Those with a product of their own, then what is said of the two that share one.
    """

    w0: int
    w1: int
    w2: int
    w3: int
    tail: int  # column: two bytes, times 2^(8 + places); row: of both together
    places: int  # column: what the tail is moved by; row: what the outer pixels are moved by
    zero: int = 0  # column: what each pixel's word has below the point
    beside: int = 0  # the same of the first fold's


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
