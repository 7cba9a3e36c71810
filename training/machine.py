"""The machine a run is on: its processor, its memory, its other users, and its signals."""

from __future__ import annotations

import os
import platform
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import torch
from torch import nn

TUNABLES = {  # freed memory is kept: a step asks for the same again, and fresh pages cost time
    "glibc.malloc.mmap_threshold": 2**31,
    "glibc.malloc.trim_threshold": 2**33,
    "glibc.malloc.top_pad": 2**27,
}
WAITING = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "0"}  # threads that wait sleep


def start_anew() -> None:
    """Start this program anew under settings that are read when a program starts: PyTorch's
    threads leave the CPU to others while they wait, and glibc keeps freed memory."""
    if "GOMP_SPINCOUNT" in os.environ:
        return
    settings = {**WAITING, **os.environ, "GOMP_SPINCOUNT": "0"}
    if platform.libc_ver()[0] == "glibc":
        tunables = ":".join(f"{name}={value}" for name, value in TUNABLES.items())
        settings.setdefault("GLIBC_TUNABLES", tunables)
    sys.stdout.flush()
    os.execve(sys.executable, sys.orig_argv, settings)


def give_way(nice: int) -> None:
    """Let other programs go first. On Linux a nice value counts only among processes of one
    session; a run that has a session to itself (setsid) lowers that one too."""
    if hasattr(os, "nice"):
        os.nice(max(0, nice - os.nice(0)))
    if hasattr(os, "getsid") and os.getsid(0) == os.getpid():
        with suppress(OSError):
            Path("/proc/self/autogroup").write_text(str(nice))


def device(name: str) -> torch.device:
    """ "auto" is a GPU where PyTorch finds one."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and not torch.cuda.is_available():
        raise SystemExit("PyTorch finds no GPU here: --device cpu")
    return torch.device(name)


def place(module: nn.Module, where: torch.device, kernels: bool) -> torch.memory_format:
    """Put the module on the device, with imgconv's kernels in the place of PyTorch's convolutions
    if it is a CPU; the order of memory that is quick there."""
    module.to(where)
    if where.type == "cuda":
        torch.backends.cuda.matmul.allow_tf32 = True
        torch.backends.cudnn.allow_tf32 = True
        torch.backends.cudnn.benchmark = True
    elif kernels and use_kernels(module):
        return torch.contiguous_format
    module.to(memory_format=torch.channels_last)
    return torch.channels_last


def use_kernels(module: nn.Module) -> bool:
    """Whether imgconv's kernels are there, and used from now on."""
    try:
        from . import fast
    except ImportError:
        return False
    fast.use_kernels(module)
    return True


@dataclass
class Stop:
    """Which signal asked to stop, 0 for none."""

    signal: int = 0


@contextmanager
def stoppable() -> Iterator[Stop]:
    """SIGTERM and SIGINT ask to stop; a second one ends the program at once."""
    stop = Stop()
    names = (signal.SIGTERM, signal.SIGINT)

    def ask(number: int, frame: FrameType | None) -> None:
        stop.signal = number
        for name, handler in before.items():
            signal.signal(name, handler)

    before = {name: signal.signal(name, ask) for name in names}
    try:
        yield stop
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)
