"""The head of a JPEG XL codestream: size, and which colours are meant (ISO/IEC 18181-1, annex D).

libjxl's wrapper tells neither, and calls what has more than 8 bit linear light.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from typing import NamedTuple

from .signatures import CODESTREAM

SIZES = (9, 13, 18, 30)  # bits of a side, by its selector
RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))  # width to height, from 1
ENUM = ((0, 0), (1, 0), (2, 4), (18, 6))  # offset and bits of a value, by its selector
DEPTHS = ((8, 0), (10, 0), (12, 0), (1, 6))
FLOATS = ((32, 0), (16, 0), (24, 0), (1, 6))
CHANNELS = ((0, 0), (1, 0), (2, 4), (1, 12))
SHIFTS = ((0, 0), (3, 0), (4, 0), (1, 3))
NAMES = ((0, 0), (0, 4), (16, 5), (48, 10))
TICKS = (((100, 0), (1000, 0), (1, 10), (1, 30)), ((1, 0), (1001, 0), (1, 8), (1, 10)))
LOOPS = ((0, 0), (0, 3), (0, 16), (0, 32))
PREVIEW = ((16, 0), (32, 0), (1, 5), (33, 9))
PREVIEW_FINE = ((1, 6), (65, 8), (321, 10), (1345, 12))
GREY, D65, CUSTOM, SRGB_CURVE, LINEAR = 1, 1, 2, 13, 8
ALPHA, SPOT, FILTER = 0, 2, 5  # kinds of further channels
SRGB = [1]  # colour encodings, bit by bit: the usual; not the usual, no profile, grey, D65, sRGB's
SRGB_OF_GREY = [0, 0, 1, 0, 1, 0, 0, 0, 1, 1, 1, 0, 1, 1, 0]  # curve; not the usual, a profile
PROFILE, PROFILE_OF_GREY = [0, 1, 0, 0], [0, 1, 1, 0]
END = [0, 0, 1]  # no extensions; the usual transform


class Bits:
    """Bits of a codestream, lowest first."""

    def __init__(self, data: bytes) -> None:
        self.whole, self.at, self.length = int.from_bytes(data, "little"), 0, 8 * len(data)

    def take(self, count: int = 1) -> int:
        self.at += count
        if self.at > self.length:
            raise ValueError("the head of the codestream is cut off")
        return self.whole >> (self.at - count) & ((1 << count) - 1)

    def choose(self, kinds: tuple[tuple[int, int], ...]) -> int:
        """A number whose selector comes first."""
        offset, count = kinds[self.take(2)]
        return offset + self.take(count)


@dataclass(frozen=True)
class Colours:
    """What the head says of colours; `start` and `stop`: where that stands, in bits."""

    start: int
    stop: int
    lossy: bool = False  # whether pixels are kept in a space of their own (XYB)
    usual: bool = True  # sRGB
    profile: bool = False  # an ICC profile, which is packed behind the head
    grey: bool = False
    white: int = D65
    primaries: int = 1
    curve: int = SRGB_CURVE
    named: bool = field(default=True)  # all by numbers of H.273
    more: bool = False  # whether tone mapping follows


def size_of(codestream: bytes) -> tuple[int, int]:
    """Height and width."""
    bits = Bits(codestream[2:18])
    return _size(bits)


def colours_of(codestream: bytes) -> Colours:
    """Raises ValueError where the head is cut off."""
    bits = Bits(codestream[2:2048])
    _size(bits)
    if bits.take():  # all as usual
        return Colours(bits.at, bits.at, lossy=True)
    more = bool(bits.take())
    if more:
        _skip_more(bits)
    _depth(bits)
    bits.take()
    for _ in range(bits.choose(CHANNELS)):
        _skip_channel(bits)
    lossy = bool(bits.take())
    return _colours(bits, lossy, more)


class Head(NamedTuple):
    """A codestream in two parts: the bits of its head, lowest first, and its frames' bytes. Where a
    profile stands between them (see `profile`), the frames are not known and empty."""

    bits: list[int]
    frames: bytes

    @property
    def value(self) -> int:
        return int("".join(map(str, reversed(self.bits))), 2)

    def join(self) -> bytes:
        return CODESTREAM + self.value.to_bytes((len(self.bits) + 7) // 8, "little") + self.frames


def take_apart(codestream: bytes) -> Head:
    """Raises ValueError where its head is not of the simple kind that libjxl's wrappers write."""
    found, bits = colours_of(codestream), Bits(codestream[2:2048])
    head = [bits.take() for _ in range(found.stop + len(END))]
    if found.lossy or found.more or not (found.named or found.profile) or head[-3:] != END:
        raise ValueError("not a head of the simple kind")
    if found.profile:
        return Head(head, b"")
    return Head(head, codestream[len(CODESTREAM) + (len(head) + 7) // 8 :])


def as_srgb(codestream: bytes) -> bytes:
    """Of pixels that are kept as they are, the same stream, called sRGB and not linear light.

    As it is where its head is not of the simple kind.
    """
    found = colours_of(codestream)
    if found.usual or found.profile or found.curve != LINEAR:
        return codestream
    try:
        head = take_apart(codestream)
    except ValueError:
        return codestream
    colours = SRGB_OF_GREY if found.grey else SRGB
    return Head(head.bits[: found.start] + colours + END, head.frames).join()


def heads_for_profile(codestream: bytes) -> Iterator[Head]:
    """The codestream, called one with a profile, which is to stand behind its head; the head is of
    several lengths: a side may be written with more bits than it needs. Raises ValueError."""
    found, bits, head = colours_of(codestream), Bits(codestream[2:18]), take_apart(codestream)
    height, width = _size(bits)
    rest = head.bits[bits.at : found.start]
    rest += (PROFILE_OF_GREY if found.grey else PROFILE) + END
    for first, second in product(_sides(height), _sides(width)):
        yield Head([0, *first, 0, 0, 0, *second, *rest], head.frames)


def _sides(length: int) -> Iterator[list[int]]:
    """A side of the image in bits, as short as it can be, and longer."""
    for selector, size in enumerate(SIZES):
        value = selector | (length - 1) << 2
        if value < 1 << size + 2:
            yield [value >> n & 1 for n in range(size + 2)]


def _size(bits: Bits) -> tuple[int, int]:
    small = bits.take()

    def side() -> int:
        return 8 * (bits.take(5) + 1) if small else bits.take(SIZES[bits.take(2)]) + 1

    height = side()
    ratio = bits.take(3)
    if not ratio:
        return height, side()
    over, under = RATIOS[ratio - 1]
    return height, height * over // under


def _skip_more(bits: Bits) -> None:
    """Orientation, the size to be shown at, a preview, an animation."""
    bits.take(3)
    if bits.take():
        _size(bits)
    if bits.take():
        kinds = PREVIEW if bits.take() else PREVIEW_FINE
        bits.choose(kinds)
        if not bits.take(3):
            bits.choose(kinds)
    if bits.take():
        for kinds in TICKS:
            bits.choose(kinds)
        bits.choose(LOOPS)
        bits.take()


def _depth(bits: Bits) -> None:
    if bits.take():
        bits.choose(FLOATS)
        bits.take(4)
    else:
        bits.choose(DEPTHS)


def _skip_channel(bits: Bits) -> None:
    if bits.take():
        return
    kind = bits.choose(ENUM)
    _depth(bits)
    bits.choose(SHIFTS)
    bits.take(8 * bits.choose(NAMES))
    if kind == ALPHA:
        bits.take()
    elif kind == SPOT:
        bits.take(64)
    elif kind == FILTER:
        bits.choose(((1, 0), (0, 2), (3, 4), (19, 8)))


def _colours(bits: Bits, lossy: bool, more: bool) -> Colours:
    start = bits.at
    if bits.take():
        return Colours(start, bits.at, lossy, more=more)
    profile, space = bool(bits.take()), bits.choose(ENUM)
    if profile or space > GREY:
        return Colours(start, bits.at, lossy, False, profile, named=False, more=more)
    white = bits.choose(ENUM)
    custom = white == CUSTOM
    if custom:
        _skip_places(bits, 1)
    primaries = 1
    if space != GREY:
        primaries = bits.choose(ENUM)
        if primaries == CUSTOM:
            custom = True
            _skip_places(bits, 3)
    gamma = bool(bits.take())
    curve = bits.take(24) if gamma else bits.choose(ENUM)
    bits.choose(ENUM)
    return Colours(start, bits.at, lossy, False, False, space == GREY, white, primaries, curve,
                   not custom and not gamma, more)  # fmt: skip


def _skip_places(bits: Bits, count: int) -> None:
    for _ in range(2 * count):
        bits.choose(((0, 19), (524288, 19), (1048576, 20), (2097152, 21)))
