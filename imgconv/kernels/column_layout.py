"""What `column_histogram` is told: see `layout`."""

from __future__ import annotations

from typing import NamedTuple

DIGITS = 16  # a byte is two digits of so many values
COLUMN = DIGITS * (1 + DIGITS)  # counts of a column: by first digit, and by second for each of them


class Columns(NamedTuple):
    """Rows begin <= y < end of `wide` pixels; the image has its border around it."""

    width: int  # pixels of a row of the image
    channels: int
    wide: int  # pixels of a row of the result
    K: int  # rows of a window
    L: int  # columns of a window
    begin: int
    end: int
    strip: int  # pixels of a row of the result that are made together, of one channel
