"""What reading and writing a format imports, by name: for those who import it ahead of threads.

A single file imports what it needs when it needs it. Names are those of `pkgutil.resolve_name`.
"""

# ruff: noqa: PTH116, PTH123
# Every file of a batch is looked at here; pathlib would take twice the time.
from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress

from imgconv.errors import OutputError
from imgconv.text import suffix

from .formats import READABLE, Format, find_format, folder_format, of_suffix, sniff
from .options import WriteOptions

HEAD = 32  # bytes that tell the format
PROFILES = ("imagecodecs:cms_transform",)


def imports_for(sources: Iterable[str], targets: Iterable[str]) -> Iterator[str]:
    """What it takes to read these files and to write those. A target whose name tells no format
    is written in that of its source; what comes through a pipe may be of any."""
    kinds = {kind for path in sources for kind in _kinds(path)}
    written = {of_suffix(suffix(path)) for path in targets}
    for kind in READABLE:
        if kind in kinds:
            yield from kind.reads_with
        if kind in written or (None in written and kind in kinds):
            yield from kind.writes_with


def imports_to_write(options: WriteOptions) -> Iterator[str]:
    """What these options of writing need."""
    if options.format:
        with suppress(OutputError):  # an unknown name is refused where it is used
            yield from find_format(options.format).writes_with
    if options.background:
        yield "PIL.ImageColor"


def _kinds(path: str) -> Iterable[Format]:
    """The format of a file by its first bytes, and that of another with its name (a reference)."""
    if path == "-":
        return READABLE
    if folder := folder_format(path):
        return (folder,)
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # a named pipe: its bytes can be read once
            return READABLE
        with open(path, "rb", buffering=0) as file:
            found = sniff(file.read(HEAD))
    except (OSError, ValueError):
        return ()
    return {kind for kind in (found, of_suffix(suffix(path))) if kind}
