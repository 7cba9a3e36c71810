"""Levels of CPUs that kernels can be compiled for ahead: what a CPU must have, and LLVM's words.

Source: the x86-64 psABI's microarchitecture levels. A CPU runs the code of every level below
its own.
"""

from __future__ import annotations

import functools
import platform
import sys

V2 = {
    "cx16": "cx16", "lahf_lm": "sahf", "popcnt": "popcnt", "pni": "sse3", "sse4_1": "sse4.1",
    "sse4_2": "sse4.2", "ssse3": "ssse3", "sse2": "sse2", "fxsr": "fxsr", "mmx": "mmx",
    "sse": "sse",
}  # fmt: skip
V3 = V2 | {
    "avx": "avx", "avx2": "avx2", "bmi1": "bmi", "bmi2": "bmi2", "f16c": "f16c", "fma": "fma",
    "abm": "lzcnt", "movbe": "movbe", "xsave": "xsave",
}  # fmt: skip
V4 = V3 | {name: name for name in ("avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl")}

# By name, best first: flags as Linux writes them, and what LLVM calls each.
LEVELS = {
    "x86-64-v4": V4,
    "x86-64-v3": V3,
    "x86-64-v2": V2,
    "aarch64": {"fp": "fp-armv8", "asimd": "neon"},
}


def target(level: str) -> tuple[str, str]:
    """LLVM's CPU and features of a level."""
    name = "generic" if level == "aarch64" else level
    return name, ",".join(f"+{feature}" for feature in sorted(LEVELS[level].values()))


def other_family(level: str) -> str:
    """LLVM's word for the systems that run a level, if this machine's CPU is of another family."""
    family = "aarch64" if level == "aarch64" else "x86_64"
    same = platform.machine().lower() in {family, "arm64" if family == "aarch64" else "amd64"}
    return "" if same else f"{family}-unknown-linux-gnu"


@functools.cache
def known() -> tuple[str, ...]:
    """The levels whose code this CPU runs, best first; none where Linux does not say."""
    if sys.platform != "linux" or sys.maxsize < 2**32:
        return ()
    family = {"x86_64": "x86-64", "aarch64": "aarch64"}.get(platform.machine(), "none")
    flags = _flags()
    return tuple(
        level for level, needs in LEVELS.items() if level.startswith(family) and flags >= set(needs)
    )


def _flags() -> frozenset[str]:
    """Of the first CPU."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:  # noqa: PTH123
            lines = file.read(8192).split("\n\n")[0].splitlines()
    except OSError:
        return frozenset()
    return frozenset(
        word
        for line in lines
        if line.startswith(("flags", "Features"))
        for word in line.partition(":")[2].split()
    )
