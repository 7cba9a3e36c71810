"""Numbers along both axes, as typed: 3 or 3x5 (height x width)."""

from __future__ import annotations

import re
from fractions import Fraction

from imgconv.errors import UsageError


def pair(option: str, text: str) -> tuple[int, int]:
    """(height, width) of "3" or "3x5"; UsageError names the option."""
    if not re.fullmatch(r"\s*\d{1,9}\s*(x\s*\d{1,9}\s*)?", text, re.ASCII | re.IGNORECASE):
        raise UsageError(
            f"{option} {text}: write a whole number, or height x width such as 2x3 ({option} 2x3)"
        )
    numbers = [int(part) for part in text.lower().split("x")]
    return numbers[0], numbers[-1]


def fractions(option: str, text: str) -> tuple[Fraction, Fraction]:
    """(height, width) of "2", "1.5", "4/3" or "2x1.5"; UsageError names the option."""
    from imgconv.ops.kernel_text import number

    parts = [number(part.strip(), option) for part in text.lower().split("x")]
    if len(parts) > 2:
        raise UsageError(f"{option} {text}: write one number, or height x width such as 2x1.5")
    return parts[0], parts[-1]
