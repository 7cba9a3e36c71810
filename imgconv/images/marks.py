"""Whether a file is one of ours, by the name (`names.SOFTWARE`) left in all that are written."""

from __future__ import annotations

import os
from pathlib import Path

from .formats import sniff

HEAD = 65536  # bytes of a PNG or JPEG that hold our mark


def is_ours(path: str | os.PathLike[str]) -> bool:
    """True when imgconv wrote the file; reads its header only. False for what is unreadable."""
    try:
        with Path(path).open("rb") as file:
            head = file.read(HEAD)
    except (OSError, ValueError):
        return False
    return _software(path, head).startswith("imgconv ")


def _software(path: str | os.PathLike[str], head: bytes) -> str:
    kind = sniff(head[:32])
    if kind == "png":
        from . import png

        return png.software(head)
    if kind == "jpeg":
        from . import jpeg

        return jpeg.software(head)
    if kind == "tiff":
        from . import tiff

        return tiff.software(path)
    if kind == "pnm":
        from . import netpbm

        return netpbm.software(head)
    return "imgconv " if kind == "gif" and b"\x21\xfe" in head and b"imgconv " in head else ""
