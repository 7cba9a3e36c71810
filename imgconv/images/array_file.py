"""Arrays from .npy and .npz files: no more memory is taken than the file holds numbers for."""

from __future__ import annotations

import math
import os
from typing import IO, Any

import numpy as np

from imgconv import memory
from imgconv.errors import InputError
from imgconv.text import show_name


def read_arrays(path: str | os.PathLike[str]) -> np.ndarray | dict[str, np.ndarray]:
    """The array of a .npy file, those of an .npz by their names.

    Raises InputError for what is no such file, is cut off, or is larger than the memory allowed.
    """
    import zipfile

    name = show_name(path)
    try:
        with open(path, "rb") as file:  # noqa: PTH123 (names stay the text that was typed)
            if file.read(2) != b"PK":
                file.seek(0)
                return _array(file, os.fstat(file.fileno()).st_size, name)
            with zipfile.ZipFile(file) as archive:
                entries = [one for one in archive.infolist() if one.filename.endswith(".npy")]
                _check_memory(sum(one.file_size for one in entries), name)
                return {
                    one.filename.removesuffix(".npy"): _array(
                        archive.open(one), one.file_size, f"{name}: {show_name(one.filename)}"
                    )
                    for one in entries
                }
    except InputError:
        raise
    except OSError as error:
        raise InputError(f"{name}: cannot be read ({error.strerror or error})") from error
    except Exception as error:  # zlib.error, BadZipFile, struct.error, RuntimeError (a password)
        words = show_name(str(error).partition("\n")[0][:160]) or type(error).__name__
        raise InputError(f"{name}: cannot be read ({words})") from error


def _array(file: IO[bytes], held: int, name: str) -> np.ndarray:
    """One .npy of so many bytes, header and all."""
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
    _check_memory(size, name)
    data = file.read(size)
    if len(data) < size:
        raise InputError(f"{name}: cut off: it holds {len(data):,} of {size:,} bytes")
    return np.frombuffer(bytearray(data), dtype).reshape(shape, order="F" if fortran else "C")


def _check_memory(size: int, name: str) -> None:
    if size > memory.budget():
        raise InputError(
            f"{name}: its arrays take {size:,} bytes, allowed is half of the memory, "
            f"{memory.budget():,}"
        )
