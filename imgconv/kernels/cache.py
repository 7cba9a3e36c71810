"""The cache of compiled kernels: one file an entry, safe to share, never trusted blindly.

LLVM kills the process on a damaged object and runs whatever it is given. So an entry is used
only if it belongs to this user (or root), nobody else can write it, and its SHA-256 is
right; otherwise it is compiled again.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

MAGIC = b"imgconv kernel 2\n"


@dataclass(frozen=True)
class Entry:
    """Machine code of one kernel: an object file, its function and the words of its signature."""

    symbol: str
    signature: str
    object: bytes


def digest(*parts: bytes) -> str:
    """SHA-256 of the parts, in hexadecimal."""
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def folder() -> Path:
    """Where entries lie: $IMGCONV_CACHE, else the user's cache folder of this platform."""
    if chosen := os.environ.get("IMGCONV_CACHE"):
        return Path(chosen) / "kernels"
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData/Local"
    elif sys.platform == "darwin":
        base = Path.home() / "Library/Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "imgconv" / "kernels"


def entry(name: str, key: str, make: Callable[[], Entry]) -> Entry:
    """The entry `name` for `key`: read, or else made and kept for the next process.

    Processes that start together make it once: the others wait for the first. Without a
    writable cache it is made in memory, each time.
    """
    try:
        path = folder() / f"{name}-{key[:16]}.bin"
    except RuntimeError:  # no home folder
        return make()
    if (known := _read(path, key)) is not None:
        return known
    with _locked(path):
        if (known := _read(path, key)) is not None:  # another process was first
            return known
        made = make()
        _write(path, key, made)
    return made


def _read(path: Path, key: str) -> Entry | None:
    """The entry in `path`, or None where there is none that may be loaded."""
    try:
        with path.open("rb") as file:
            if not _trusted(os.fstat(file.fileno())):
                return None
            data = file.read()
    except OSError:
        return None
    magic, _, rest = data.partition(b"\n")
    head, _, body = rest.partition(b"\n")
    seal, _, facts = head.partition(b" ")
    if magic + b"\n" != MAGIC or seal != digest(key.encode(), facts, body).encode():
        return None
    symbol, _, signature = facts.decode().partition(" ")
    return Entry(symbol, signature, body)


def _trusted(status: os.stat_result) -> bool:
    if not hasattr(os, "geteuid"):  # Windows: the folder belongs to the user's profile
        return True
    mine = status.st_uid in (os.geteuid(), 0)  # root may change our memory anyway
    return mine and stat.S_ISREG(status.st_mode) and not status.st_mode & 0o022


def _write(path: Path, key: str, made: Entry) -> None:
    import tempfile

    facts = f"{made.symbol} {made.signature}".encode()
    seal = digest(key.encode(), facts, made.object).encode()
    data = MAGIC + seal + b" " + facts + b"\n" + made.object
    with contextlib.suppress(OSError):  # no writable cache: the next process compiles again
        handle, temporary = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(temporary).replace(path)


@contextlib.contextmanager
def _locked(path: Path):
    """Hold the entry's lock file; without a writable folder, no lock is needed."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        from filelock import FileLock

        lock = FileLock(path.with_suffix(".lock"))
        lock.acquire()
    except OSError:
        yield
        return
    try:
        yield
    finally:
        lock.release()
