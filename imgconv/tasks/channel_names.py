"""What channels are called: by the file, by the user, and in the columns of tables."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from imgconv.images import Info
from imgconv.images.metadata import imagej

COLOURS = ("red", "green", "blue")
NUMBER = re.compile(r"c?\d+", re.IGNORECASE)  # no name: "2" may be any channel


def names_in(info: Info, count: int) -> list[str]:
    """The names that OME or ImageJ give the channels, where there is one for each."""
    if info.tiff is None or count < 2:
        return []
    if info.tiff.kind == "imagej":
        return imagej.channel_names(info.tiff, count)
    return _of_ome(info.tiff.description, count) if info.tiff.kind == "ome" else []


def _of_ome(text: str, count: int) -> list[str]:
    import html  # seldom needed: images/formats/tiff names it

    image = text.partition("</Image>")[0]
    tags = re.findall(r"<(?:\w+:)?Channel\b[^>]*>", image)
    found = [re.search(r"""\bName=["']([^"']+)""", tag) for tag in tags]
    names = [html.unescape(name[1]) for name in found if name]
    return names if len(names) == count else []


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
