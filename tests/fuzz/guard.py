"""Guard pages: whatever a kernel is given ends where memory ends."""

from __future__ import annotations

import contextlib
import ctypes
import mmap
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import numpy as np

from imgconv.kernels.native import Kernel
from imgconv.ops import padded

_library = ctypes.CDLL(None, use_errno=True)
_library.mprotect.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
NOBODY = 0  # PROT_NONE


def guarded(array: np.ndarray, at_start: bool = False) -> np.ndarray:
    """A copy between two pages that nobody may touch: its last number ends where the second
    begins, or (at_start) its first begins where the first ends."""
    page = mmap.PAGESIZE
    inner = -(-max(array.nbytes, 1) // page) * page
    memory = mmap.mmap(-1, inner + 2 * page)
    start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    for edge in (start, start + page + inner):
        if _library.mprotect(edge, page, NOBODY):
            raise OSError(ctypes.get_errno(), "mprotect")
    offset = page if at_start else page + inner - array.nbytes
    copy = np.frombuffer(memory, array.dtype, array.size, offset).reshape(array.shape)
    copy[...] = array
    return copy


@contextlib.contextmanager
def guard_kernels(
    at_start: bool = False, seen: Callable[[str], None] = lambda name: None
) -> Iterator[None]:
    """Within it every array that any kernel is given is `guarded`: images (but for those with a
    constant border, whose caller has to see to it), results, scratch, tables, weights. `seen` is
    told the name of each kernel that is called."""
    call = Kernel.__call__

    def guard(self: Kernel, *arguments: Any) -> None:
        seen(f"{self.module}.{self.name}")
        moved = [is_array(a) for a in arguments]
        moved[0] &= not has_rows_elsewhere(arguments)
        given = [a.copy() if m else a for a, m in zip(arguments, moved, strict=True)]
        copies = [guarded(a, at_start) if m else a for a, m in zip(given, moved, strict=True)]
        call(self, *copies)
        for array, before, after in zip(arguments, given, copies, strict=True):
            if after is not before:
                write_back(array, before, after)

    Kernel.__call__ = guard  # type: ignore[method-assign]
    padded.np = GuardedNumpy("numpy")  # type: ignore[attr-defined]
    try:
        yield
    finally:
        Kernel.__call__ = call  # type: ignore[method-assign]
        padded.np = np  # type: ignore[attr-defined]


class GuardedNumpy(ModuleType):
    """NumPy, whose new arrays are guarded."""

    def __getattr__(self, name: str) -> Any:
        found = getattr(np, name)
        return (lambda *a, **named: guarded(found(*a, **named))) if name == "empty" else found


def has_rows_elsewhere(arguments: tuple[Any, ...]) -> bool:
    """Whether the kernel finds the row of a constant border by its distance from the image, which
    therefore has to stay: see ops/padded.py."""
    rows = arguments[3] if len(arguments) > 3 else None
    if not is_array(rows) or rows.dtype != np.int64:
        return False
    return bool(((rows < 0) | (rows >= arguments[0].size)).any())


def is_array(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.size > 0


def write_back(array: np.ndarray, before: np.ndarray, after: np.ndarray) -> None:
    """What the kernel has changed, and no more: other threads have copies of their own."""
    if not array.flags.writeable:
        assert as_bytes(before).tobytes() == as_bytes(after).tobytes(), "writes what it may read"
        return
    changed = as_bytes(before) != as_bytes(after)
    if changed.any():
        as_bytes(array)[changed] = as_bytes(after)[changed]


def as_bytes(array: np.ndarray) -> np.ndarray:
    return array.reshape(-1).view(np.uint8)
