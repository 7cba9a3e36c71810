"""What channels are called: by the file, by the user, and in the columns of tables."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

COLOURS = ("red", "green", "blue")
NUMBER = re.compile(r"c?\d+", re.IGNORECASE)  # no name: "2" may be any channel


def columns_of(count: int, known: Sequence[str] = ()) -> tuple[str, ...]:
    """What the channels are called in columns: letters, digits and _ of their names, each once.

    A channel whose name is empty or a number is c1, c2 and so on, by its place.
    """
    if count == 1:
        return ("",)
    words = [column_of(name) for name in known] or [""] * count
    often = Counter(word.casefold() for word in words)
    return tuple(
        f"c{n}" if not word else f"{word}_c{n}" if often[word.casefold()] > 1 else word
        for n, word in enumerate(words, 1)
    )


def column_of(name: str) -> str:
    """A name as part of a column: "Alexa Fluor 488" is Alexa_Fluor_488; "" of a number."""
    word = re.sub(r"\W+", "_", name).strip("_")
    return "" if NUMBER.fullmatch(word) else word
