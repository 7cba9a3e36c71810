"""Files that appear whole or not at all."""

from __future__ import annotations

import functools
import os
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from imgconv.errors import OutputError
from imgconv.text import show_name

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

ABANDONED = 3600.0  # seconds without a change after which a part may be a leftover


@contextmanager
def output(target: str | os.PathLike[str], *, force: bool, seekable: bool) -> Iterator[BinaryIO]:
    """A file to write to, which becomes `target` when the block ends without an exception.

    "-" and devices are written to directly (through a temporary file where the writer has to
    seek). BrokenPipeError passes through, every other failure is an OutputError.
    """
    name = show_name(target) if os.fspath(target) != "-" else "standard output"
    try:
        if os.fspath(target) == "-":
            if sys.stdout is None:
                raise OutputError("standard output is closed: redirect it, or give `output`")
            opened = _stream(sys.stdout.buffer, seekable)
        elif _is_special(Path(target)):
            opened = _device(Path(target), seekable)
        else:
            opened = _file(Path(os.path.realpath(target)), force, name)
        with opened as file:
            yield file
    except BrokenPipeError:
        raise
    except OSError as error:
        reason = error.strerror or str(error)
        raise OutputError(f"{name}: cannot be written ({reason})") from error


@contextmanager
def output_folder(target: str | os.PathLike[str], *, force: bool) -> Iterator[str]:
    """The name of a folder to fill, which becomes `target` when the block ends without an
    exception. A URL is filled as it is. Failures are an OutputError."""
    name, text = show_name(target), os.fspath(target)
    if text == "-":
        raise OutputError("a folder cannot go to standard output: give `output`")
    if "://" in text:
        yield text
        return
    path = Path(os.path.realpath(text))
    exists = OutputError(f"{name}: already exists; replace it with `force=True`")
    if not force and path.exists():
        raise exists
    part = path.with_name(f".imgconv-{os.urandom(16).hex()}.part")
    try:
        _sweep(path.parent)
        part.mkdir()
        with _held(part):
            yield os.fspath(part)
        _replace_folder(part, path, exists if not force else None)
    except OSError as error:
        reason = error.strerror or str(error)
        raise OutputError(f"{name}: cannot be written ({reason})") from error
    finally:
        _remove_folder(part)


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """The folder is marked as being written, where the system can lock folders."""
    if fcntl is None:
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):
            _lock(descriptor)
        yield
    finally:
        os.close(descriptor)


def _replace_folder(part: Path, path: Path, exists: OutputError | None) -> None:
    former = None
    if path.exists():
        if exists:
            raise exists
        former = path.with_name(f".imgconv-{os.urandom(16).hex()}.part")
        path.rename(former)
    part.rename(path)
    if former:
        _remove_folder(former)


def _remove_folder(path: Path) -> None:
    import shutil

    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _is_special(path: Path) -> bool:
    """A pipe or a device, such as /dev/stdout: it must not be replaced by a rename."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)


@contextmanager
def _stream(stream: BinaryIO, seekable: bool) -> Iterator[BinaryIO]:
    if stream.isatty():
        raise OutputError("standard output is a terminal: redirect it, or give a file with -o")
    if not seekable:
        yield stream
    else:
        import shutil
        import tempfile

        with tempfile.NamedTemporaryFile() as file:  # tifffile wants a name
            yield file  # type: ignore[misc]
            file.seek(0)
            shutil.copyfileobj(file, stream, 1 << 20)
    stream.flush()


@contextmanager
def _device(path: Path, seekable: bool) -> Iterator[BinaryIO]:
    with path.open("wb") as device, _stream(device, seekable) as file:
        yield file


@contextmanager
def _file(path: Path, force: bool, name: str) -> Iterator[BinaryIO]:
    exists = OutputError(f"{name}: already exists; replace it with `force=True`")
    if path.is_dir():
        raise OutputError(f"{name}: is a folder; give the name of a file")
    if not force and path.exists():
        raise exists
    _sweep(path.parent)
    part = path.with_name(f".imgconv-{os.urandom(16).hex()}.part")
    try:  # an interrupt may come as soon as it is there; that nobody else has its name is sure
        with part.open("xb") as file:
            with suppress(OSError):  # a file system without locks: age alone protects it
                _lock(file.fileno())
            yield file
        if force:
            _keep_mode(path, part)
            part.replace(path)
        else:
            _publish(part, path, exists)
    finally:
        with suppress(FileNotFoundError):
            part.unlink()


def _lock(descriptor: int) -> None:
    """Mark an open file as being written, for as long as it is open. Raises OSError if it is so
    marked already, or on a file system without locks."""
    if fcntl is not None:  # Windows: an open file cannot be removed anyway
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


@functools.cache
def _sweep(folder: Path) -> None:
    """Remove what writers that were killed have left; once a folder.

    Names and numbers of processes say nothing: those of another container or machine may be the
    same. A leftover is old, and nobody holds its lock.
    """
    for left in folder.glob(".imgconv-*.part"):
        with suppress(OSError):
            if time.time() - _last_change(left) > ABANDONED and _is_left(left):
                _remove_folder(left)


def _last_change(part: Path) -> float:
    """Seconds since 1970; of a folder, when any of the folders in it got or lost a file."""
    if part.is_symlink() or not part.is_dir():
        return part.lstat().st_mtime
    return max(Path(folder).stat().st_mtime for folder, _, _ in os.walk(part))


def _is_left(part: Path) -> bool:
    """Whether nobody is writing this file."""
    if fcntl is None:
        return True
    descriptor = os.open(part, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        _lock(descriptor)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True


def _keep_mode(path: Path, part: Path) -> None:
    with suppress(OSError):
        part.chmod(stat.S_IMODE(path.stat().st_mode))


def _publish(part: Path, path: Path, exists: OutputError) -> None:
    """Rename without replacing: a hard link fails where the name was taken in the meantime."""
    try:
        path.hardlink_to(part)
    except FileExistsError:
        raise exists from None
    except OSError:  # a file system without hard links
        if path.exists():
            raise exists from None
        part.replace(path)
