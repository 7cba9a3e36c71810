"""Files that appear whole or not at all."""

from __future__ import annotations

import functools
import itertools
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from imgconv.errors import OutputError
from imgconv.text import shown

_serial = itertools.count()


@contextmanager
def output(target: str | os.PathLike[str], *, force: bool, seekable: bool) -> Iterator[BinaryIO]:
    """A file to write to, which becomes `target` when the block ends without an exception.

    "-" and devices are written to directly (through a temporary file where the writer has to
    seek). BrokenPipeError passes through, every other failure is an OutputError.
    """
    name = shown(target) if os.fspath(target) != "-" else "standard output"
    try:
        if os.fspath(target) == "-":
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
    part = path.with_name(f".imgconv-{_host()}-{os.getpid()}-{next(_serial)}.part")
    try:
        with part.open("xb") as file:
            yield file
        if force:
            _keep_mode(path, part)
            part.replace(path)
        else:
            _publish(part, path, exists)
    finally:
        with suppress(FileNotFoundError):
            part.unlink()


@functools.cache
def _host() -> str:
    """This machine, in a few letters: others may write into the same folder."""
    import socket
    import zlib

    return f"{zlib.crc32(socket.gethostname().encode()):08x}"


@functools.cache
def _sweep(folder: Path) -> None:
    """Remove what processes of this machine that were killed have left; once a folder."""
    with suppress(OSError):
        for left in folder.glob(f".imgconv-{_host()}-*-*.part"):
            if not _alive(int(left.name.split("-")[2])):
                left.unlink(missing_ok=True)


def _alive(process: int) -> bool:
    if os.name == "nt":  # where os.kill(process, 0) would end it
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
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
