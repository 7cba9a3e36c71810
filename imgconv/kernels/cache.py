"""The cache of compiled kernels: one file an entry, safe to share, never trusted blindly.

LLVM kills the process on a damaged object and runs whatever it is given. So an entry is used only
if it and both folders above it belong to this user (or root) and nobody else can write them, and
if its seal is right: a hash keyed with a secret of this cache, so that an entry made elsewhere,
even one that this user owns (a file somebody sent), is none of ours. Links are followed to the
cache's root, since the user may have put it on another disk, and nowhere below it. Whatever fails
these tests is compiled again. A second cache, the system's, serves all users: it is read if all of
it is root's, and only `imgconv warmup --system` writes it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from .entry import Entry

MAGIC = b"imgconv kernel 3\n"
SYSTEM = {"linux": "/var/cache", "darwin": "/Library/Caches"}  # where root may keep one for all
SECRET = "key"  # the file in the cache's root, and how many bytes it holds
SECRET_BYTES = 32
PATIENCE = 5.0, 120.0  # seconds until it is said that we wait, and until we compile as well
NO_LINK = sum(getattr(os, flag, 0) for flag in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"))
FOLDERS = os.open in os.supports_dir_fd  # files can be opened relative to a checked folder


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


def system_folder() -> Path | None:
    """Where root's entries for all users may lie; nowhere if IMGCONV_CACHE says where to look."""
    base = None if os.environ.get("IMGCONV_CACHE") else SYSTEM.get(sys.platform)
    return Path(base) / "imgconv" / "kernels" if base else None


def entry(name: str, key: str, make: Callable[[], Entry], tell: Callable[[str], None]) -> Entry:
    """The entry `name` for `key`: read, or else made and kept for the next process.

    Processes that start together make it once: the others wait for the first, `tell` the user so
    when that lasts, and in the end make it too. Without a writable cache that can be trusted it
    is made in memory, each time.
    """
    file, path = file_name(name, key), None
    with contextlib.suppress(RuntimeError):  # no home folder
        path = folder() / file
    shared = system_folder()
    for one in filter(None, (path, shared and shared / file)):
        if (known := _read(one, key)) is not None:
            return known
    if path is None:
        return make()
    with _lock(path, tell):
        if (known := _read(path, key)) is not None:  # another process was first
            return known
        made = make()
        _write(path, key, made)
    return made


def holds(name: str, key: str) -> bool:
    """Whether the entry `name` for `key` need not be made."""
    try:
        own = folder()
    except RuntimeError:  # no home folder
        return False
    folders = filter(None, (own, system_folder()))
    return any(_read(one / file_name(name, key), key) is not None for one in folders)


def file_name(name: str, key: str) -> str:
    """The file of an entry."""
    return f"{name}-{key[:16]}.bin"


def keeps() -> bool:
    """Whether entries can be kept, and trusted by the next process."""
    try:
        prepare()
    except (OSError, RuntimeError):
        return False
    return True


def prepare() -> None:
    """Make the cache, and see that entries can be kept and trusted in it. Raises OSError, or
    RuntimeError without a home folder."""
    import tempfile

    kernels = folder()
    _make_folders(kernels)
    check(kernels)
    with tempfile.TemporaryFile(dir=kernels):
        pass


def check(kernels: Path) -> None:
    """Raises OSError, with the reason, where entries of this folder cannot be trusted."""
    with _checked(kernels) as (root, _):
        _content(root, kernels.parent / SECRET, _owners(kernels))


def _read(path: Path, key: str) -> Entry | None:
    """The entry in `path`, or None where there is none that may be loaded."""
    try:
        return read(path, key)
    except OSError:
        return None


def read(path: Path, key: str) -> Entry:
    """The entry in `path`. Raises OSError, with the reason, where it may not be loaded."""
    owners = _owners(path.parent)
    with _checked(path.parent) as (root, kernels):
        secret = _content(root, path.parent.parent / SECRET, owners)
        data = _content(kernels, path, owners)
    magic, _, rest = data.partition(b"\n")
    head, _, body = rest.partition(b"\n")
    seal, _, facts = head.partition(b" ")
    if magic + b"\n" != MAGIC or seal != _seal(secret, key, facts, body):
        raise OSError("its seal is not that of this cache")
    symbol, _, signature = facts.decode().partition(" ")
    return Entry(symbol, signature, body)


def _owners(kernels: Path) -> frozenset[int]:
    """Whose entries are trusted: ours and root's, who may change our memory anyway."""
    ours = os.geteuid() if hasattr(os, "geteuid") else 0
    return frozenset({0} if kernels == system_folder() else {0, ours})


@contextlib.contextmanager
def _checked(kernels: Path) -> Iterator[tuple[int | None, int | None]]:
    """The cache's root and its folder of entries, open, after both were found to be safe.

    Raises OSError where one is not there, or others may write into it. On Windows, where they
    belong to the user's profile, nothing is opened.
    """
    with contextlib.ExitStack() as stack:
        if not FOLDERS:
            yield None, None
            return
        root = os.open(kernels.parent, os.O_RDONLY | os.O_DIRECTORY)
        stack.callback(os.close, root)
        inner = os.open(kernels.name, os.O_RDONLY | os.O_DIRECTORY | NO_LINK, dir_fd=root)
        stack.callback(os.close, inner)
        for one, name in ((root, "the folder above"), (inner, "it")):
            _check(os.fstat(one), stat.S_ISDIR, _owners(kernels), name)
        yield root, inner


def _content(within: int | None, path: Path, owners: frozenset[int]) -> bytes:
    """A file of the cache, if nobody else can have written it. Raises OSError."""
    name = path if within is None else path.name
    with os.fdopen(os.open(name, os.O_RDONLY | NO_LINK, dir_fd=within), "rb") as file:
        _check(os.fstat(file.fileno()), stat.S_ISREG, owners)
        return file.read()


def _check(
    status: os.stat_result, kind: Callable[[int], bool], owners: frozenset[int], name: str = "it"
) -> None:
    """Raises PermissionError unless it is of this kind, of these owners, and closed to others."""
    if not hasattr(os, "geteuid"):  # Windows
        return
    if not kind(status.st_mode):
        raise PermissionError("a file, a folder or a pipe is where another should be")
    if status.st_uid not in owners:
        raise PermissionError(f"{name} belongs to another user ({status.st_uid})")
    if status.st_mode & 0o022:
        raise PermissionError(f"others can write into {name}")


def _seal(secret: bytes, key: str, facts: bytes, body: bytes) -> bytes:
    if len(secret) != SECRET_BYTES:
        return b"none"
    parts = b"\0".join((key.encode(), facts, body))
    return hashlib.blake2b(parts, key=secret, digest_size=32).hexdigest().encode()


def _write(path: Path, key: str, made: Entry) -> None:
    with contextlib.suppress(OSError):  # no writable cache: the next process compiles again
        _make_folders(path.parent)
        with _checked(path.parent) as (root, _):
            secret = _content(root, path.parent.parent / SECRET, _owners(path.parent))
        facts = f"{made.symbol} {made.signature}".encode()
        seal = _seal(secret, key, facts, made.object)
        _publish(path, MAGIC + seal + b" " + facts + b"\n" + made.object)


def _make_folders(kernels: Path) -> None:
    """The cache's root, the folder of entries in it, and its secret; closed to others, as are the
    folders above that have to be made. Root's may be read by everybody: `warmup` as root serves all
    users. A folder that IMGCONV_CACHE names may be used for more (/tmp), and stays as it is. What
    lay in one that was open is trusted no more: it gets another secret. Raises OSError."""
    root, named = kernels.parent, os.environ.get("IMGCONV_CACHE")
    above = [one for one in reversed(root.parents) if not one.exists()]
    for one in (*above, root, kernels):
        try:
            one.mkdir(mode=0o755 if _is_root() else 0o700)
        except FileExistsError:
            if named and one == Path(named):
                continue
        if _close(one):
            (root / SECRET).unlink(missing_ok=True)
    if not (root / SECRET).exists():
        _publish(root / SECRET, os.urandom(SECRET_BYTES), replace=False)


def _close(folder: Path) -> bool:
    """Whatever the umask was, others cannot write, and read root's alone; whether they could."""
    status = folder.lstat()
    if not hasattr(os, "geteuid") or status.st_uid != os.geteuid():
        return False
    if not stat.S_ISDIR(status.st_mode):  # a link to another disk
        return False
    folder.chmod(stat.S_IMODE(status.st_mode) & ~0o022 | (0o755 if _is_root() else 0))
    return bool(status.st_mode & 0o022)


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


def _publish(path: Path, data: bytes, *, replace: bool = True) -> None:
    """Write a file that is there whole or not at all. Raises OSError."""
    import tempfile

    handle, temporary = tempfile.mkstemp(dir=path.parent)
    part = Path(temporary)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        if _is_root():
            part.chmod(0o644)
        if replace:
            part.replace(path)
        else:
            with contextlib.suppress(FileExistsError):  # another process was first
                path.hardlink_to(part)
    finally:
        part.unlink(missing_ok=True)


@contextlib.contextmanager
def _lock(path: Path, tell: Callable[[str], None]) -> Iterator[None]:
    """Hold the entry's lock file, or give up waiting for it; without a writable folder, no lock
    is needed."""
    try:
        _make_folders(path.parent)
        from filelock import FileLock

        lock = FileLock(path.with_suffix(".lock"))
        held = _acquire(lock, path, tell)
    except OSError:
        yield
        return
    with contextlib.suppress(OSError):
        holder = path.with_suffix(".holder")
        if held:
            holder.write_text(str(os.getpid()))
    try:
        yield
    finally:
        if held:
            with contextlib.suppress(OSError):
                holder.unlink()
            lock.release()


def _acquire(lock: Any, path: Path, tell: Callable[[str], None]) -> bool:
    """Whether the lock is ours, after a wait that has an end. Raises OSError."""
    from filelock import Timeout

    begin, last = PATIENCE
    for seconds in (begin, last - begin):
        with contextlib.suppress(Timeout):
            lock.acquire(timeout=seconds)
            return True
        if seconds == begin:
            tell(f"waiting for {_holder(path)}, which compiles the same ({lock.lock_file})")
    tell(f"{_holder(path)} has not ended in {last:.0f} s: compiling it here too; end that process")
    return False


def _holder(path: Path) -> str:
    """Who holds the lock of an entry, as far as it has said so."""
    try:
        return f"process {int(path.with_suffix('.holder').read_text())}"
    except (OSError, ValueError):
        return "another process"
