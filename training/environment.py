"""What makes PyTorch quick on a CPU, set before it is imported."""

from __future__ import annotations

import ctypes
import os
import sys

TRIM_THRESHOLD, TOP_PAD, MMAP_MAX = -1, -2, -4  # of glibc's mallopt(3)


def settle() -> None:
    """Threads that wait sleep, and freed memory is kept: fresh pages cost more than many a layer.

    OpenMP's threads otherwise wait in a loop, on the CPUs that imgconv's own threads want. It
    reads its settings when PyTorch is imported; those that the user has made stay.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("GOMP_SPINCOUNT", "0")
    if sys.platform == "linux":
        keep_freed_memory()


def keep_freed_memory() -> None:
    """Let glibc, where it is the C library, give nothing back to the system."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(MMAP_MAX, 0)
        mallopt(TRIM_THRESHOLD, 2**31 - 1)
        mallopt(TOP_PAD, 2**26)
