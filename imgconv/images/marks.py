"""Whether a file is one of ours, by the name (`text.SOFTWARE`) left in all that are written."""

from __future__ import annotations

import os

from .formats import folder_format, sniff

HEAD = 65536  # bytes of a PNG or JPEG that hold our mark


def is_ours(path: str | os.PathLike[str]) -> bool:
    """True when imgconv wrote the file; reads its header only. False for what is unreadable."""
    if folder := folder_format(path):
        return folder.mark(path, b"").startswith("imgconv ")
    try:
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123 (of every file of a batch)
            head = file.read(HEAD)
    except (OSError, ValueError):
        return False
    kind = sniff(head[:32])
    return kind is not None and kind.mark(path, head).startswith("imgconv ")
