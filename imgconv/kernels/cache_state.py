"""What lies in a cache of compiled kernels: how much, whose, whether it can be used."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from . import cache, every, native

LEFT = ("*.bin", "*.lock", "*.holder", "tmp*")  # all that a cache's folder of entries may hold


class State(NamedTuple):
    """Of one folder of entries."""

    ready: int  # kernels that this version loads on this CPU
    refused: dict[str, str]  # entries of these kernels that are not loaded, and why
    other: int  # entries of other versions, or for other CPUs
    bytes: int
    owner: str
    problem: str  # why nothing in it is trusted, or ""
    writable: bool


def look(kernels: Path) -> State | None:
    """The state of this folder; None where there is none."""
    if not kernels.is_dir():
        return None
    entries = {path.name: path.stat().st_size for path in kernels.glob("*.bin")}
    found = [(one, kernels / file_name(one)) for one in every()]
    reasons = {f"{one.module}.{one.name}": reason(one, path) for one, path in found
               if path.name in entries}  # fmt: skip
    refused = {name: why for name, why in reasons.items() if why}
    return State(
        ready=len(reasons) - len(refused),
        refused=refused,
        other=len(entries) - len(reasons),
        bytes=sum(entries.values()),
        owner=_owner(kernels),
        problem=problem(kernels),
        writable=os.access(kernels, os.W_OK),
    )


def file_name(kernel: native.Kernel) -> str:
    """Where the kernel's machine code for this CPU lies, in any cache."""
    name = f"{kernel.module}.{kernel.name}"
    return cache.file_name(name, native.key(kernel.module, kernel.name))


def reason(kernel: native.Kernel, path: Path) -> str:
    """Why the kernel's entry is not loaded, or ""."""
    try:
        cache.read(path, native.key(kernel.module, kernel.name))
    except OSError as error:
        return error.strerror or str(error)
    return ""


def problem(kernels: Path) -> str:
    """Why nothing in this folder is trusted, or ""."""
    try:
        cache.check(kernels)
    except FileNotFoundError:
        return "its key is not there"
    except OSError as error:
        return error.strerror or str(error)
    return ""


def clear(kernels: Path) -> tuple[int, int]:
    """Remove all entries, and what killed processes have left; how many entries, and bytes."""
    count = size = 0
    for pattern in LEFT:
        for path in kernels.glob(pattern):
            size += path.lstat().st_size
            count += pattern == "*.bin"
            path.unlink()
    return count, size


def _owner(path: Path) -> str:
    try:
        return path.owner()
    except (KeyError, NotImplementedError):  # a number without a name; Windows
        return str(path.stat().st_uid)
