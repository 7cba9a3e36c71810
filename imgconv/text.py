"""Our own name, and file names as people and terminals can read them, on one line."""

from __future__ import annotations

import os
from pathlib import Path

from imgconv import __version__

SOFTWARE = f"imgconv {__version__}"  # left in every file written


class Fact(str):
    """What is said of a file and asks for nothing: no note, which says what to do."""


class Detail(Fact):
    """A fact that few want to hear: it is shown with --verbose."""


def show_name(name: str | os.PathLike[str]) -> str:
    """The name for a message: "-" by its meaning, control and undecodable bytes escaped."""
    text = os.fspath(name)
    if text == "-":
        return "standard input"
    return show_text(os.fsencode(text).decode("utf-8", "backslashreplace"))


def show_text(text: str, *, lines: bool = False) -> str:
    """What others wrote (metadata, cards, names), for a terminal: control characters, which would
    move its cursor or rename its window, and lone surrogates escaped. `lines`: of several lines.
    """
    kept = "\n" if lines else ""
    return "".join(
        c if c.isprintable() or c in kept else c.encode("unicode_escape").decode() for c in text
    )


def suffix(name: str | os.PathLike[str]) -> str:
    """The lower-case suffix with its dot: ".png"."""
    return Path(name).suffix.lower()
