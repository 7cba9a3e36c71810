"""The CPU that kernels are compiled for; Numba's own variables may name another."""

from __future__ import annotations

import functools
import os


@functools.cache
def identity() -> str:
    """What tells this CPU from others: the kernel's account of it, else LLVM's."""
    forced = [str(os.environ.get(f"NUMBA_CPU_{word}")) for word in ("NAME", "FEATURES")]
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:  # noqa: PTH123
            first = file.read(8192).split("\n\n")[0].splitlines()
    except OSError:
        return "\n".join(cpu())
    words = ("vendor", "cpu family", "model", "stepping", "flags", "Features", "CPU ")
    return "\n".join([*forced, *(line for line in first if line.startswith(words))])


@functools.cache
def cpu() -> tuple[str, str]:
    """CPU name and features, as LLVM writes them; Numba's own variables override both."""
    import llvmlite.binding as llvm

    name = os.environ.get("NUMBA_CPU_NAME") or llvm.get_host_cpu_name()
    features = os.environ.get("NUMBA_CPU_FEATURES", "" if name == "generic" else None)
    return name, llvm.get_host_cpu_features().flatten() if features is None else features


# The C functions that LLVM may call for plain loops; each is in every process.
LIBC = frozenset({"memcpy", "memmove", "memset"})
LIBM = frozenset(
    {"fmaf", "fma", "rintf", "rint", "floorf", "floor", "ceilf", "ceil", "truncf", "trunc"}
)
