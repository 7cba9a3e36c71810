"""Our own name, and file names as people and terminals can read them, on one line."""

from __future__ import annotations

import os
from pathlib import Path

from imgconv import __version__

SOFTWARE = f"imgconv {__version__}"  # left in every file written


def show_name(name: str | os.PathLike[str]) -> str:
    """The name for a message: "-" by its meaning, control and undecodable bytes escaped."""
    text = os.fspath(name)
    if text == "-":
        return "standard input"
    safe = os.fsencode(text).decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in safe)


def suffix(name: str | os.PathLike[str]) -> str:
    """The lower-case suffix with its dot: ".png"."""
    return Path(name).suffix.lower()
