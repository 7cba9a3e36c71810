"""The errors that are the user's to fix. `str(error)` is the one line that is shown.

The line says what was found, what is allowed and what to do next. A setting in it is written as
Python writes it, in backticks (`max_pixels=25`), and is there as data too, so that each door shows
it in its own words: the command line says --max-pixels 25.
"""

from __future__ import annotations

import ast
import re
from typing import Any

SETTING = re.compile(r"`([a-z][a-z_]*)(?:=([^`]*))?`")


class ImgconvError(Exception):
    """Any error whose text is meant for the user; never shown with a traceback."""

    @property
    def remedy(self) -> dict[str, Any]:
        """The settings that the line names, with the value that would help; None without one."""
        return {name: setting_value(value) for name, value in SETTING.findall(str(self))}


class UsageError(ImgconvError):
    """The command line asks for something impossible; the process exits with 2."""


class InputError(ImgconvError):
    """This input cannot be read or processed; the others go on, the process exits with 1."""


class OutputError(ImgconvError):
    """This output cannot be written; the others go on, the process exits with 1."""


def setting_value(text: str) -> Any:
    """What a setting in a message is set to; None for a bare name."""
    if not text:
        return None
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
