"""What settings may be: numbers and pairs, as Python has them or as they are typed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from imgconv.errors import UsageError

if TYPE_CHECKING:
    from imgconv.ops.rank import Rank
    from imgconv.ops.stencil import Stencil

Number = int | float | Fraction | str
"""A number; a text may be a fraction, 1/9."""
Pair = int | str | Sequence[int]
"""Along both axes: 3, (3, 5) or "3x5", height before width."""
Factor = int | float | Fraction | str | Sequence[float | Fraction]
"""As Pair, of any numbers: 1.5, "4/3", (2, 1.5)."""
Kernel = str | np.ndarray | Sequence[Sequence[float | Fraction]]
"""A name ("sharpen", "gaussian:2"), a matrix, also as text, or a file."""


def fraction(name: str, value: Number) -> Fraction:
    """The number of the setting `name`, decimals as they are written. Raises UsageError."""
    from imgconv.ops.kernel_text import number

    return number(str(value), f"`{name}`")


def pair(name: str, value: Pair) -> tuple[int, int]:
    """(height, width). Raises UsageError."""
    text = value if isinstance(value, str) else "x".join(map(str, np.ravel(value).tolist()))
    if not re.fullmatch(r"\s*\d{1,9}\s*(x\s*\d{1,9}\s*)?", text, re.ASCII | re.IGNORECASE):
        raise UsageError(
            f"`{name}={value!r}`: write a whole number, or height x width such as 2x3 "
            f"(`{name}='2x3'`)"
        )
    numbers = [int(part) for part in text.lower().split("x")]
    return numbers[0], numbers[-1]


def factors(name: str, value: Factor) -> tuple[Fraction, Fraction]:
    """(height, width). Raises UsageError."""
    parts = value.lower().split("x") if isinstance(value, str) else value
    every = [parts] if isinstance(parts, (int, float, Fraction)) else list(parts)
    if not 1 <= len(every) <= 2 or "" in every:  # "2x"
        raise UsageError(f"`{name}={value!r}`: write one number, or height x width such as 2x1.5")
    found = [fraction(name, part.strip() if isinstance(part, str) else part) for part in every]
    return found[0], found[-1]


def stencils(kernel: Kernel) -> tuple[Stencil, ...]:
    """One stencil, or the two of a gradient. Raises UsageError."""
    from imgconv.ops.kernel_text import parse
    from imgconv.ops.stencil import stencil

    return parse(kernel) if isinstance(kernel, str) else (stencil(kernel),)


def operator(kernel: Kernel) -> tuple[Stencil, ...] | Rank:
    """As `stencils`, or a median, max or min such as "median:3". Raises UsageError."""
    from imgconv.ops.kernel_text import parse_operator
    from imgconv.ops.stencil import stencil

    return parse_operator(kernel) if isinstance(kernel, str) else (stencil(kernel),)


def kernels(given: Kernel | Sequence[Kernel]) -> list[Kernel]:
    """One kernel or several, as a list: a matrix is one."""
    if isinstance(given, (str, np.ndarray)):
        return [given]
    rows: list[Any] = list(given)
    matrix = rows and not isinstance(rows[0], str) and np.ndim(rows[0]) == 1
    return [rows] if matrix else rows
