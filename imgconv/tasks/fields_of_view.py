"""Which planes of a file make up one field of view, and which channel shows the cells.

Axes and channels come from the metadata or from the user, never from sizes. A file whose channels
are no colours is refused until the user says which one to look at.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from imgconv.errors import InputError
from imgconv.images import Info
from imgconv.images.channels import names_in

from .channel_names import COLOURS, column_of, columns_of
from .positions import AXIS, Positions
from .typed_axes import typed_axes

UNKNOWN = "IQ"  # what tifffile calls axes that the file does not name


@dataclass(frozen=True)
class Field:
    """One field of view: all channels, and where in the stack it lies ({"T": 2}, from 1)."""

    number: int
    place: dict[str, int]
    pixels: np.ndarray  # (H, W, C), without alpha


@dataclass(frozen=True)
class Stack:
    """How a file's planes make up fields."""

    axes: str  # that count fields: "" "T" "Z" "TZ" ...
    sizes: tuple[int, ...]
    channels: int
    names: tuple[str, ...]  # of the channels, for columns: ("",) of a single one
    seen: tuple[int, ...]  # the channels a network looks at: one, or red, green and blue
    inner: int = 1  # fields that follow each other before the next channel
    apart: bool = False  # channels are planes of their own
    positions: tuple[str, ...] = ()  # names of the places along R

    @property
    def fields(self) -> int:
        return int(np.prod(self.sizes, dtype=np.int64))

    @property
    def is_hyperstack(self) -> bool:
        """Whether ImageJ counts the planes by more than one axis: channels, depth, time.

        The colours of a pixel are no axis to it, and neither are axes of one plane.
        """
        channels = self.apart or (self.channels > 1 and self.names != COLOURS)
        return sum(n > 1 for n in self.sizes) + channels > 1

    @property
    def columns(self) -> list[str]:
        """What the axes are called in tables."""
        return ["position" if axis == AXIS else axis.lower() for axis in self.axes]

    @property
    def with_channels(self) -> tuple[str, tuple[int, ...]]:
        """All axes of the file's planes, channels too where these are planes, and their lengths."""
        if not self.apart:
            return self.axes, self.sizes
        at = next(
            n for n in range(len(self.axes), -1, -1) if math.prod(self.sizes[n:]) == self.inner
        )
        axes = self.axes[:at] + "C" + self.axes[at:]
        return axes, (*self.sizes[:at], self.channels, *self.sizes[at:])

    def place(self, one: Field) -> dict[str, Any]:
        """Where a field lies, as tables have it: {"position": "Pos1", "t": 2}."""
        names = dict(enumerate(self.positions, 1))
        return {
            column: names.get(n, n) if axis == AXIS else n
            for column, (axis, n) in zip(self.columns, one.place.items(), strict=True)
        }

    def read(self, source: Positions) -> Iterator[Field]:
        """The fields in order, one in memory at a time."""
        places = np.ndindex(*self.sizes)
        for number, (place, pixels) in enumerate(zip(places, self._pixels(source), strict=True), 1):
            where = {a: n + 1 for a, n in zip(self.axes, place, strict=True)}
            yield Field(number, where, pixels)

    def planes_of(self, field: int) -> list[int]:
        """The file's planes, from 0, that have the channels of a field, from 0."""
        if not self.apart:
            return [field]
        first = field // self.inner * self.inner * self.channels + field % self.inner
        return [first + channel * self.inner for channel in range(self.channels)]

    def _pixels(self, source: Positions) -> Iterator[np.ndarray]:
        if not self.apart:
            for plane in _planes(source):
                yield plane[..., : self.channels]
        elif self.inner == 1:
            planes = _planes(source)
            while group := list(islice(planes, self.channels)):
                yield np.concatenate(group, axis=2)
        else:  # channels before slices: a reader for each, so that the stack is not in memory
            readers = [self._of_channel(source, c) for c in range(self.channels)]
            for group in zip(*readers, strict=True):
                yield np.concatenate(group, axis=2)

    def _of_channel(self, source: Positions, channel: int) -> Iterator[np.ndarray]:
        for n, plane in enumerate(_planes(source)):
            if n // self.inner % self.channels == channel:
                yield plane


def _planes(source: Positions) -> Iterator[np.ndarray]:
    """All of one size, or the file is no stack."""
    height, width = source.info.height, source.info.width
    for plane in source.planes():
        if plane.shape[:2] != (height, width):
            raise InputError(
                f"{source.name}: pages of different sizes ({width}x{height} and "
                f"{plane.shape[1]}x{plane.shape[0]}) are no stack; save each as a file"
            )
        yield plane


def stack_of(
    info: Info,
    name: str,
    axes: str | None = None,
    channel: str | None = None,
    positions: tuple[str, ...] = (),
    names: tuple[str, ...] = (),
) -> Stack:
    """The fields of the file `name`, whose record is `info`.

    `axes` are the user's word for axes the file does not name, `channel` is a number from 1, a
    name, or "rgb". `positions` are the names of places, `names` those of channels, where these are
    known from elsewhere. Raises InputError with the flags to type where either is needed.
    """
    axes, info = typed_axes(info, name, axes)
    letters = _letters(info, name, axes)
    inside = letters.endswith("C") and info.channels > 1  # samples of a pixel that are no colours
    order = letters.replace("Y", "").replace("X", "").removesuffix("S")
    order = order[:-1] if inside else order
    if order.count("C") > 1 or (inside and "C" in order):
        raise InputError(f"{name}: axes {letters} name channels twice; give `axes` with one C")
    sizes = dict(zip(order, info.stack_shape, strict=True)) if len(set(order)) == len(order) else {}
    if len(sizes) < len(order):
        raise InputError(f"{name}: axes {letters} name one axis twice; give others with `axes`")
    at = order.find("C")
    apart = at >= 0 and sizes["C"] > 1
    if apart and info.channels - (info.alpha != "none") > 1:
        raise InputError(
            f"{name}: axes {letters} {info.shape} have channels of colours, which cannot be "
            "processed; save each channel as a file"
        )
    count = sizes["C"] if apart else info.channels - (info.alpha != "none")
    colour = not (inside or apart or names) and count == 3 and not _is_composite(info)
    inner = int(np.prod(info.stack_shape[at + 1 :], dtype=np.int64)) if apart else 1
    left = [a for a in order if a != "C"]
    known = list(names) or names_in(info, count)
    rgb = count == 3 and (colour or str(channel).lower() == "rgb")
    return Stack(
        axes="".join(left), sizes=tuple(sizes[a] for a in left), channels=count,
        names=COLOURS if rgb else columns_of(count, known),
        seen=_seen(name, info, count, colour, known, channel), inner=inner, apart=apart,
        positions=positions,
    )  # fmt: skip


def channel_of(
    info: Info, name: str, stack: Stack, channel: str, known: tuple[str, ...] = ()
) -> int:
    """The place, from 0, of one channel of a stack that the user names. Raises InputError."""
    names = stack.names if stack.names == COLOURS else known or names_in(info, stack.channels)
    return _position(name, stack.channels, names, channel)


def _letters(info: Info, name: str, axes: str | None) -> str:
    """The file's axes, or the user's where they fit."""
    found = info.axes
    if axes is None:
        unnamed = [n for a, n in zip(found, info.shape, strict=True) if a in UNKNOWN and n > 1]
        imagej = info.tiff is not None and info.tiff.kind == "imagej"  # which names channels
        if unnamed and not imagej:
            tail = "".join(a for a in found if a not in UNKNOWN)
            one = "Z" * (len(found) - len(tail))
            raise InputError(
                f"{name}: {found} {info.shape}: the file does not say what its {unnamed[0]} pages "
                f"are; give `axes='{_spread(one)}{tail}'` (depth), "
                f"`axes='T{_spread(one)[1:]}{tail}'` "
                f"(time) or `axes='C{_spread(one)[1:]}{tail}'` `channel='N'` (channels)"
            )
        # A stack that ImageJ gives no other name consists of slices.
        return found.replace("I", "Z") if found.count("I") == 1 and "Z" not in found else found
    wanted = axes.upper()
    places = [(a, w) for a, w in zip(found, wanted, strict=False) if a in "YX" or w in "YX"]
    samples = found.endswith("S") and wanted[-1:] not in ("S", "C")
    if len(wanted) != len(found) or any(a != w for a, w in places) or samples:
        raise InputError(
            f"{name}: `axes={axes!r}` does not fit the file's {found} {info.shape}; allowed are "
            f"{len(found)} letters with {''.join(a for a in found if a in 'YX')} where they stand, "
            "Z depth, T time, C channel"
        )
    return wanted


def _spread(letters: str) -> str:
    """As many different letters as there are unknown axes."""
    return "ZTVW"[: len(letters)]


def _is_composite(info: Info) -> bool:
    """ImageJ stores three channels as RGB samples, and only then says `channels=3`."""
    text = info.tiff.description if info.tiff and info.tiff.kind == "imagej" else ""
    return bool(re.search(r"^channels=[2-9]", text, re.MULTILINE)) or (
        info.tiff is not None and info.channels > 1 and "black" in info.tiff.photometric
    )


def _seen(
    name: str, info: Info, count: int, colour: bool, known: list[str], channel: str | None
) -> tuple[int, ...]:
    if channel is None:
        if count == 1:
            return (0,)
        if colour:
            return (0, 1, 2)
        numbers = [f"{n} {k}" for n, k in enumerate(known, 1)] or [f"1 to {count}"]
        rgb = ", or `channel='rgb'` if they are colours" if count == 3 else ""
        raise InputError(
            f"{name}: {count} channels ({info.axes} {info.shape}): say which one shows the cells "
            f"with `channel='N'` ({', '.join(numbers)}){rgb}"
        )
    if channel.lower() == "rgb":
        if count == 3:
            return (0, 1, 2)
        raise InputError(f"{name}: `channel='rgb'` needs 3 channels, the file has {count}")
    return (_position(name, count, COLOURS if colour else known, channel),)


def _position(name: str, count: int, names: Sequence[str], channel: str) -> int:
    """The place of the channel that the user names, from 0: by its name, its number, or "c2".

    A number is a position. Where it is the name of another channel too, the user has to say "c2",
    as the columns of the tables have it.
    """
    word = channel.lower()
    named = [n for n, one in enumerate(names) if word in (one.lower(), column_of(one).lower())]
    found = re.fullmatch(r"(c?)([1-9]\d{0,8})", word, re.ASCII)
    number = int(found[2]) - 1 if found and int(found[2]) <= count else None
    if named and (len(named) > 1 or (word.isdecimal() and number not in (None, named[0]))):
        meant = sorted({*named, *([] if number is None else [number])})
        shown = " or ".join(f"c{n + 1} (named {names[n]})" for n in meant)
        raise InputError(f"{name}: `channel={channel!r}` may mean several channels: give {shown}")
    if named:
        return named[0]
    if number is not None:
        return number
    words = f" or {', '.join(names)}" if names else ""
    raise InputError(f"{name}: no channel {channel}; allowed are 1 to {count}{words}")
