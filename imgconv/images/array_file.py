"""Arrays from .npy and .npz files: no more memory is taken than the file holds numbers for."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import IO, Any

import numpy as np

from imgconv import memory
from imgconv.errors import InputError
from imgconv.text import show_name

PIECE = 1 << 20  # bytes unpacked at a time
SINGLE = ""  # the name of a .npy's array
Shapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class _Header:
    """What a .npy says before its numbers; `file` stands behind it."""

    file: IO[bytes]
    name: str
    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype[Any]


def read_arrays(
    path: str | os.PathLike[str], check: Callable[[Shapes], None] = lambda shapes: None
) -> np.ndarray | dict[str, np.ndarray]:
    """The array of a .npy file, those of an .npz by their names.

    `check` is called with the shapes before any number is read, and may raise: what is packed well
    takes long to unpack. Raises InputError for what is no such file, is cut off, or is larger than
    the memory allowed.
    """
    import zipfile

    name = show_name(path)
    try:
        with open(path, "rb") as file:  # noqa: PTH123 (names stay the text that was typed)
            if file.read(2) != b"PK":
                file.seek(0)
                header = _header(file, os.fstat(file.fileno()).st_size, name)
                return _numbers({SINGLE: header}, check, name)[SINGLE]
            with zipfile.ZipFile(file) as archive:
                return _numbers(dict(_headers(archive, name)), check, name)
    except InputError:
        raise
    except OSError as error:
        raise InputError(f"{name}: cannot be read ({error.strerror or error})") from error
    except Exception as error:  # zlib.error, BadZipFile, struct.error, RuntimeError (a password)
        words = show_name(str(error).partition("\n")[0][:160]) or type(error).__name__
        raise InputError(f"{name}: cannot be read ({words})") from error


def _headers(archive: Any, name: str) -> Iterable[tuple[str, _Header]]:
    for one in archive.infolist():
        if one.filename.endswith(".npy"):
            said = f"{name}: {show_name(one.filename)}"
            header = _header(archive.open(one), one.file_size, said)
            yield one.filename.removesuffix(".npy"), header


def _header(file: IO[bytes], held: int, name: str) -> _Header:
    """Of one .npy of so many bytes, header and all."""
    version = np.lib.format.read_magic(file)
    form: Any = np.lib.format
    read = form.read_array_header_1_0 if version == (1, 0) else form.read_array_header_2_0
    shape, fortran, dtype = read(file)
    if dtype.hasobject:
        raise InputError(f"{name}: cannot be read (it holds Python objects, allowed are numbers)")
    size = math.prod(shape) * dtype.itemsize
    if size > held:
        raise InputError(
            f"{name}: cut off: an array of shape {shape} takes {size:,} bytes, it holds {held:,}"
        )
    return _Header(file, name, shape, fortran, dtype)


def _numbers(
    headers: dict[str, _Header], check: Callable[[Shapes], None], name: str
) -> dict[str, np.ndarray]:
    sizes = (math.prod(one.shape) * one.dtype.itemsize for one in headers.values())
    _check_memory(sum(sizes), name)
    check({key: one.shape for key, one in headers.items()})
    return {key: _read(one) for key, one in headers.items()}


def _read(header: _Header) -> np.ndarray:
    count = math.prod(header.shape)
    array = np.empty(count, header.dtype)
    room, done = memoryview(array.view(np.uint8)), 0  # type: ignore[arg-type]
    while done < len(room):
        data = header.file.read(min(PIECE, len(room) - done))
        if not data:
            said = f"it holds {done:,} of {len(room):,} bytes"
            raise InputError(f"{header.name}: cut off: {said}")
        room[done : done + len(data)] = data
        done += len(data)
    return array.reshape(header.shape, order="F" if header.fortran else "C")


def _check_memory(size: int, name: str) -> None:
    if size > memory.budget():
        raise InputError(
            f"{name}: its arrays take {size:,} bytes, allowed is half of the memory, "
            f"{memory.budget():,}"
        )
