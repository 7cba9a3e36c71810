"""The machine a run is on: its processor, its memory, its other users, and its signals."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import torch
from torch import nn

from .fast import use_kernels


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


def place(module: nn.Module, where: torch.device, kernels: bool) -> None:
    """Put the module on the device, channels last; on a CPU with imgconv's kernels in the place of
    PyTorch's convolutions."""
    module.to(where, memory_format=torch.channels_last)
    if where.type == "cuda":
        torch.backends.cuda.matmul.allow_tf32 = True
        torch.backends.cudnn.allow_tf32 = True
        torch.backends.cudnn.benchmark = True
    elif kernels:
        use_kernels(module)


def take_back(module: nn.Module) -> nn.Module:
    """The module on the CPU, of PyTorch's layers alone, as it is exported."""
    return use_kernels(module.cpu(), on=False)


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
