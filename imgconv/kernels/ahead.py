"""Kernels that a wheel brings along: compiled ahead, one folder a level of CPUs (levels.py).

They lie beside these sources and are trusted as these are. Each file says by its hash which
sources it was made of, and that it is whole; what does not fit is left, and compiled here. All
kernels of a process come from one level, since they share arrays laid out by its vectors.
compile_ahead.py makes them.
"""

from __future__ import annotations

import functools
import hashlib
import os
from pathlib import Path

from .entry import Entry

FOLDER = Path(__file__).with_name("compiled")
FORCED = ("NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES")  # who sets them wants code for another CPU


def entry(name: str) -> Entry | None:
    """The kernel `module.name` of the best level that this CPU runs, if it came along."""
    folder = brought()
    if folder is None:
        return None
    try:
        return unpack((folder / f"{name}.bin").read_bytes(), sources())
    except (OSError, ValueError):
        return None


@functools.cache
def brought() -> Path | None:
    """The folder of the best level that came along and that this CPU runs."""
    if not FOLDER.is_dir():
        return None
    from . import levels

    if any(word in os.environ for word in FORCED):
        return None
    return next((FOLDER / n for n in levels.known() if (FOLDER / n).is_dir()), None)


@functools.cache
def sources() -> bytes:
    """All sources of this folder."""
    return b"\0".join(path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py")))


def pack(entry: Entry, made_of: bytes) -> bytes:
    """The content of a file: its hash, symbol and signature in a line, then the object."""
    facts = f"{entry.symbol} {entry.signature}".encode()
    return _hash(made_of, facts, entry.object) + b" " + facts + b"\n" + entry.object


def unpack(data: bytes, made_of: bytes) -> Entry:
    """The entry of a file's content. Raises ValueError where it is damaged, or of others."""
    head, _, body = data.partition(b"\n")
    found, _, facts = head.partition(b" ")
    if found != _hash(made_of, facts, body):
        raise ValueError("not made of these sources")
    symbol, _, signature = facts.decode().partition(" ")
    return Entry(symbol, signature, body)


def _hash(*parts: bytes) -> bytes:
    return hashlib.sha256(b"\0".join(parts)).hexdigest().encode()
