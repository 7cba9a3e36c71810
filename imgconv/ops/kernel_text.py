"""What a user types as a kernel: a name, a matrix or a file.

`sharpen`, `gaussian:2`, `"0 -1 0; -1 5 -1; 0 -1 0"`, `mine.csv`.
"""

from __future__ import annotations

import difflib
import re
from fractions import Fraction
from pathlib import Path

import numpy as np

from imgconv.errors import InputError, UsageError

from .catalogue import ALIASES, FAMILIES, MEANT, NAMED
from .rank import MEANINGS, Rank
from .stencil import LARGEST, Stencil, stencil

DECIMAL_COMMA = re.compile(r"(?<=\d),(?=\d)")  # or no blank behind a comma
BLANK = re.compile(r"[\d.]\s+[-+.\d]")
FILES = (".txt", ".csv", ".tsv", ".npy")
LONGEST = 100  # characters of a number
RANGE = "at most 1e30 and 100 characters: write a smaller or shorter one"


def parse_operator(text: str) -> tuple[Stencil, ...] | Rank:
    """What `parse` gives, or a median, max or min such as `median:3` and `max:3x9`."""
    name, _, numbers = text.strip().lower().partition(":")
    if name not in MEANINGS:
        return parse(text)
    parts = re.split("x", numbers)
    if len(parts) > 2 or not all(part.isdigit() and 1 <= int(part) <= 1000 for part in parts):
        found = f"'{text.strip()}' is not understood" if numbers else f"{name} needs a size"
        raise UsageError(f"{found}: type {name}:3, or height x width from 1 to 1000: {name}:3x9")
    return Rank(name, (int(parts[0]), int(parts[-1])))


def parse(text: str) -> tuple[Stencil, ...]:
    """One stencil, or the two of a gradient. UsageError says what was found and is allowed."""
    word = text.strip()
    name, _, numbers = word.lower().partition(":")
    name = ALIASES.get(name, name)
    if not numbers and name in NAMED:
        return NAMED[name].stencils()
    if name in FAMILIES and (numbers or name not in NAMED):
        return (_make_to_measure(name, numbers),)
    if name in MEANINGS:
        raise UsageError(f"'{word}': {name} has no weights; it is for `imgconv filter` alone")
    if numbers and name in NAMED:
        raise UsageError(f"'{word}': {name} takes no number; type {name}, or one of {_families()}")
    if Path(word).suffix.lower() in FILES:
        return (_from_file(Path(word)),)
    if re.search(r"\d", word) and not re.search(r"[a-df-z]", word.lower()):
        return (stencil(_matrix(word, "the kernel"), "the kernel"),)
    raise UsageError(_unknown(word, name))


def _make_to_measure(name: str, numbers: str) -> Stencil:
    family = FAMILIES[name]
    parts = [part for part in re.split(r"[:x,]", numbers) if part]
    try:
        values = [float(part) for part in parts]
    except ValueError:
        values = []
    if len(values) not in family.numbers:
        raise UsageError(f"'{name}:{numbers}' is not understood: type e.g. {family.example}")
    return family.make(values)


def _from_file(path: Path) -> Stencil:
    try:
        if path.suffix.lower() == ".npy":
            values = np.load(path, allow_pickle=False)
        else:
            values = _matrix(path.read_text(encoding="utf-8"), str(path))
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or problem
        raise InputError(f"kernel file {path}: cannot be read ({reason})") from None
    if isinstance(values, np.ndarray) and (values.ndim != 2 or values.dtype.kind not in "iufb"):
        raise UsageError(
            f"kernel file {path} holds {values.dtype} of shape {values.shape}: "
            "save a two-dimensional array of real numbers"
        )
    return stencil(values, str(path))


def _matrix(text: str, name: str) -> list[list[Fraction]]:
    """Rows end at `;` or a line's end, numbers at blanks or commas; `#` starts a comment."""
    lines = re.sub(r"#[^\n]*", "", text).replace("\n", ";").strip("[]() ").split(";")
    lines = [line.strip("[]() ,\t\r") for line in lines]
    if any(DECIMAL_COMMA.search(line) and BLANK.search(line) for line in lines):
        points = DECIMAL_COMMA.sub(".", text)
        raise UsageError(
            f"{name}: between numbers stand commas or blanks, not both; if these are decimals, "
            f"write them with a decimal point: '{points}'"
        )
    words = (re.split(r"[\s,]+", line) for line in lines)
    return [[number(word, name) for word in row if word] for row in words if any(row)]


def number(word: str, name: str = "the number") -> Fraction:
    """An integer, a decimal or a fraction such as 1/9, exactly; none that float32 cannot hold."""
    power = re.search(r"e[+-]?0*(\d+)", word, re.IGNORECASE)
    if len(word) > LONGEST or (power and len(power[1]) > 2):  # a Fraction would have as many digits
        raise UsageError(f"{name}: '{word[:LONGEST]}' is too large; numbers are {RANGE}")
    try:
        value = Fraction(word)
    except (ValueError, ZeroDivisionError):
        raise UsageError(
            f"{name}: '{word}' is not a number; write integers, decimals or fractions such as 1/9"
        ) from None
    if abs(value) > LARGEST:
        raise UsageError(f"{name}: '{word}' is too large; numbers are {RANGE}")
    return value


def _unknown(word: str, name: str) -> str:
    known = [*NAMED, *ALIASES, *FAMILIES, *MEANINGS]
    begin = [one for one in known if name and one.startswith(name)]
    near = [MEANT[name]] if name in MEANT else begin
    near = near or difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"did you mean '{near[0]}'? " if near else ""
    return (
        f"no kernel is called '{word}': {hint}`imgconv kernels` lists the names; "
        "or type a matrix such as '0 -1 0; -1 5 -1; 0 -1 0', or a .txt, .csv or .npy file"
    )


def _families() -> str:
    return ", ".join(family.example for family in FAMILIES.values())
