"""The errors that are the user's to fix. `str(error)` is the one line that is shown.

The line says what was found, what is allowed and what to type next.
"""

from __future__ import annotations


class ImgconvError(Exception):
    """Any error whose text is meant for the user; never shown with a traceback."""


class UsageError(ImgconvError):
    """The command line asks for something impossible; the process exits with 2."""


class InputError(ImgconvError):
    """This input cannot be read or processed; the others go on, the process exits with 1."""


class OutputError(ImgconvError):
    """This output cannot be written; the others go on, the process exits with 1."""
