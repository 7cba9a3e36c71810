"""Run lengths of a BMP (RLE4, RLE8), which may end before the picture is full: the rest is of
colour 0. Pillow unpacks them, and wants all pixels."""

from __future__ import annotations

from .header import Header

LINE, END, DELTA = range(3)  # what stands behind a 0; larger numbers count pixels as they are
LONGEST = 255
MOST = 1 << 24  # bytes of such runs: a header may promise any height


def find_end(data: bytes, header: Header) -> int | None:
    """Where the end of the picture is said, None where it is not."""
    at = header.start
    while at + 2 <= len(data):
        count, value = data[at], data[at + 1]
        if count or value == LINE:
            at += 2
        elif value == END:
            return at
        elif value == DELTA:
            at += 4
        else:
            packed = (value * header.bits + 7) // 8
            at += 2 + packed + packed % 2
    return None


def fill(data: bytes, header: Header, end: int) -> bytes:
    """The file with runs of colour 0 for all that may be left."""
    row = bytes((LONGEST, 0)) * (header.width // LONGEST + 1) + bytes((0, LINE))
    rows = min(header.height, MOST // len(row))
    return data[:end] + row * rows + bytes((0, END))
