"""Modules of others that run when something of them is first asked for.

Libraries import at their top what a command never comes to use. Each of these is looked up as ever
(one that is missing is missing), but its code waits; together it took a fifth of a small `filter`.
Only for a process that is a command's: a program that imports `imgconv` has its own ways.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

WAITING = frozenset({
    "bz2", "ipaddress", "linecache", "lzma", "pickle", "shellingham", "subprocess", "textwrap",
    "tokenize", "numpy._core._internal",
    "numpy._core._add_newdocs", "numpy._core._add_newdocs_scalars",  # what help() shows
    "numpy.f2py", "numpy.testing", "scipy.linalg", "scipy.spatial.transform",  # SciPy's, of ndimage
})  # fmt: skip


def wait_for_use() -> None:
    """From now on the modules of WAITING run when they are used."""
    sys.meta_path.insert(0, Finder())


class Finder:
    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        spec = PathFinder.find_spec(name, path) if name in WAITING else None
        if spec is not None and spec.loader is not None:
            spec.loader = Deferred(spec.loader)  # type: ignore[assignment]
        return spec


class Deferred:
    def __init__(self, real: Any) -> None:
        self.real = real

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return Waiting(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        module.__loader__ = self.real
        if module.__spec__ is not None:
            module.__spec__.loader = self.real
        vars(module).update(_loader=self.real, _lock=threading.RLock())


class Waiting(ModuleType):
    """A module whose code has not run. One thread runs it; others wait until it is there whole."""

    def __getattr__(self, name: str) -> Any:
        lock = vars(self).get("_lock")
        if lock is not None and name != "__path__":  # which the import itself looks for
            with lock:
                loader = vars(self).pop("_loader", None)
                if loader is not None:
                    loader.exec_module(self)
                    self.__class__ = ModuleType  # type: ignore[assignment]
        return object.__getattribute__(self, name)
