"""Kernels as machine code: compiled by Numba once per machine, later loaded without it.

Importing Numba and having it find its own cache costs about half a second, ten times the
work of a typical call. Here the first use of a kernel compiles it to an object file in the
user's cache; every later process hands that object to LLVM's loader and calls it through
ctypes, which also releases the GIL. Where the loader cannot work, Numba's own in-process
function is called instead: the same code, the same results.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from imgconv import doing

from . import ahead, cache, elf, host
from .entry import Entry

POINTERS = {
    "u8*": np.dtype(np.uint8),
    "u16*": np.dtype(np.uint16),
    "i16*": np.dtype(np.int16),
    "i32*": np.dtype(np.int32),
    "i64*": np.dtype(np.int64),
    "f32*": np.dtype(np.float32),
    "f64*": np.dtype(np.float64),
}
SCALARS: dict[str, Any] = {"i64": ctypes.c_int64, "f32": ctypes.c_float, "f64": ctypes.c_double}


class Kernel:
    """A compiled loop, made or loaded at its first call: `Kernel("correlate", "u8_u8")`.

    Arrays are passed as they are; each must be C-contiguous and of the dtype that the
    kernel's signature names (TypeError otherwise: a wrong pointer would crash the process).
    """

    def __init__(self, module: str, name: str) -> None:
        self.module, self.name = module, name

    def __call__(self, *arguments: Any) -> None:
        function, words = self.function
        if len(arguments) != len(words):
            raise TypeError(f"{self.name} takes {len(words)} arguments, not {len(arguments)}")
        pairs = zip(arguments, words, strict=True)
        function(*[_address(a, w) if w in POINTERS else a for a, w in pairs])

    @functools.cached_property
    def function(self) -> tuple[Callable[..., None], tuple[str, ...]]:
        """The ctypes function and the words of its signature."""
        with _lock():
            return _loaded(self.module, self.name)

    def warm(self) -> None:
        """Compile now if need be."""
        _ = self.function

    def warm_beside(self) -> None:
        """Compile in a process of its own if need be, while this one does what comes first.

        The call that needs it waits for that process, or does it over where it failed.
        """
        if doing.alone and "function" not in self.__dict__ and not self._is_ready():
            _begin_compiling(self.module, self.name)

    def _is_ready(self) -> bool:
        name = f"{self.module}.{self.name}"
        return ahead.entry(name) is not None or cache.holds(name, key(self.module, self.name))


def _address(array: np.ndarray, word: str) -> int:
    if array.dtype != POINTERS[word] or not array.flags.c_contiguous:
        raise TypeError(
            f"a contiguous {word[:-1]} array is needed, not {array.dtype} {array.shape}"
        )
    return array.__array_interface__["data"][0]


@functools.cache
def _lock() -> Any:
    import threading

    return threading.RLock()


def _loaded(module: str, name: str) -> tuple[Callable[..., None], tuple[str, ...]]:
    try:
        entry = _entry(module, name)
        return _prototype(_load(entry), entry.signature), tuple(entry.signature.split())
    except (OSError, RuntimeError) as problem:
        if os.environ.get("IMGCONV_LOADER") == "strict":
            raise
        _say(f"{module}.{name}: compiled code cannot be loaded here ({problem}); using Numba")
        return _in_process(module, name)


def _entry(module: str, name: str) -> Entry:
    """One that came along, from the cache, or compiled."""
    if known := ahead.entry(f"{module}.{name}"):
        return known
    made = functools.partial(_compile, module, name)
    return cache.entry(f"{module}.{name}", key(module, name), made, _tell)


def _load(entry: Entry) -> int:
    """The address of the entry's function: by our own loader where it can, else by LLVM's."""
    if elf.works_here():
        try:
            return elf.load(entry.object, entry.symbol, host.LIBC | host.LIBM)
        except (elf.Unsupported, OSError):
            pass
    return _engine().add(entry)


def _compile(module: str, name: str) -> Entry:
    _announce()
    with doing.during("compiling"):
        from .compiler import compile_object, spare_blas

        if doing.alone:
            spare_blas()
        return compile_object(module, name)


def _in_process(module: str, name: str) -> tuple[Callable[..., None], tuple[str, ...]]:
    from .compiler import in_process

    address, signature = in_process(module, name)
    return _prototype(address, signature), tuple(signature.split())


def _prototype(address: int, signature: str) -> Callable[..., None]:
    kinds = [SCALARS.get(word, ctypes.c_void_p) for word in signature.split()]
    return ctypes.CFUNCTYPE(None, *kinds)(address)


class _Engine:
    """LLVM's loader; it owns the machine code, so it lives as long as the process."""

    def __init__(self) -> None:
        import llvmlite.binding as llvm

        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        machine = llvm.Target.from_default_triple().create_target_machine(
            jit=True, codemodel="jitdefault"
        )
        self.llvm = llvm
        self.engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)

    def add(self, entry: Entry) -> int:
        """The address of the entry's function."""
        self.engine.add_object_file(self.llvm.ObjectFileRef.from_data(entry.object))
        self.engine.finalize_object()
        address = self.engine.get_function_address(entry.symbol)
        if not address:
            raise RuntimeError(f"{entry.symbol} is not in its object file")
        return address


@functools.cache
def _engine() -> _Engine:
    return _Engine()


def key(module: str, name: str) -> str:
    """What decides a kernel's machine code, as one word."""
    return cache.digest("\n".join([module, name, host.identity()]).encode(), _sources(module))


@functools.cache
def _sources(module: str) -> bytes:
    """All that decides the machine code besides the CPU: our sources, Numba, llvmlite."""
    from importlib.util import find_spec

    theirs = [Path(find_spec(lib).origin).with_name("_version.py") for lib in ("numba", "llvmlite")]  # type: ignore[union-attr, arg-type]
    ours = _texts("compiler") | _texts(module)
    return b"".join([*(ours[name] for name in sorted(ours)), *(p.read_bytes() for p in theirs)])


IMPORTS = rb"^\s*from \. import (.+)|^\s*from \.(\w+) import"


def _texts(module: str) -> dict[str, bytes]:
    """The sources of a module of this folder and of all that it imports from here, by name."""
    found: dict[str, bytes] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        found[name] = Path(__file__).with_name(f"{name}.py").read_bytes()
        imported = re.findall(IMPORTS, found[name], re.MULTILINE)
        names = [n for many, one in imported for n in (one or many).decode().split(", ")]
        waiting += [n for n in names if n not in found]
    return found


_begun: list[Any] = []  # processes, which Python would warn of if they were dropped


def _begin_compiling(module: str, name: str) -> None:
    from imgconv import threads

    if not sys.executable or threads.available() < 2:
        return
    import subprocess

    # -P: no module of the folder that the user happens to be in.
    words = [sys.executable, "-P", "-m", "imgconv.kernels.beside", module, name]
    nowhere = subprocess.DEVNULL
    with contextlib.suppress(OSError):
        _begun.append(
            subprocess.Popen(words, stdin=nowhere, stdout=nowhere, stderr=nowhere,
                             start_new_session=True)
        )  # fmt: skip


def _say(text: str) -> None:
    if sys.stderr is not None:  # print would take standard output instead
        print(f"note: {text}", file=sys.stderr)


announce = True  # whether a compilation is said on stderr


def _tell(text: str) -> None:
    if announce:
        _say(text)


@functools.cache
def _announce() -> None:
    """Once a process: that it compiles, and whether the next one will."""
    if not announce:
        return
    if cache.keeps():
        _say("compiling for this machine (once; `imgconv warmup` does it ahead) ...")
    else:
        _say("compiling, for this call alone: nothing can be kept, `imgconv cache` says why ...")
