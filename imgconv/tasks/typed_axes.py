"""Axes as a user types them: TZCYX, short without the plane's own (TZ), with lengths (T3Z4)."""

from __future__ import annotations

import math
import re
from dataclasses import replace

from imgconv.errors import InputError
from imgconv.images import Info

LETTER = re.compile(r"([A-Za-z])(\d*)")


def typed_axes(info: Info, name: str, axes: str | None) -> tuple[str | None, Info]:
    """The letters alone, one for each axis, and the record whose pages are counted by them.

    A file of N unnamed pages is T by Z if the lengths say so, one of which may be left out.
    Raises InputError where they do not make N.
    """
    if axes is None or not re.fullmatch(r"(?:[A-Za-z]\d*)+", axes):
        return axes, info
    typed = [(letter.upper(), int(n) if n else 0) for letter, n in LETTER.findall(axes)]
    if not {"Y", "X"} & {letter for letter, _ in typed}:
        typed += [(letter, 0) for letter in info.plane_axes]
    letters = "".join(letter for letter, _ in typed)
    stack = [(a, n) for a, n in typed if a not in "YXS"]
    if len(info.stack_shape) != 1 or letters[-1] == "C" or len(stack) < 1:
        return letters, info
    lengths = _lengths(name, axes, stack, info.planes) if len(stack) > 1 or stack[0][1] else []
    if not lengths:
        return letters, info
    tail = info.shape[len(info.stack_shape) :]
    return letters, replace(info, axes=letters, shape=(*lengths, *tail))


def _lengths(name: str, axes: str, stack: list[tuple[str, int]], pages: int) -> list[int]:
    """The length of each axis; the one that is not said is what is left."""
    unknown = [n for n, (_, length) in enumerate(stack) if not length]
    lengths = [length for _, length in stack]
    known = math.prod(length for length in lengths if length)
    if len(unknown) == 1 and pages % known == 0:
        lengths[unknown[0]] = pages // known
    if len(unknown) > 1 or math.prod(lengths) != pages:
        example = "".join(
            f"{letter}{n}" for (letter, _), n in zip(stack, _factors(pages), strict=False)
        )
        raise InputError(
            f"{name}: `axes={axes!r}` names {len(stack)} axes for {pages} pages: say how long each "
            f"is, the slowest first, {pages} in all, as in `axes='{example}'`"
        )
    return lengths


def _factors(pages: int) -> list[int]:
    """Two numbers that make it, for an example."""
    small = next((n for n in range(2, pages) if pages % n == 0), 1)
    return [small, pages // small, 1, 1, 1]
